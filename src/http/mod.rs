//! What the server answers over HTTP: ingest, the REST API, the dashboard, and its health.
//!
//! Each part brings its own layers. The ingest path has none but the body limit: no session, no compression. Every request
//! has an id ([`request_id`]).

mod api;
mod audit_csv;
mod body;
mod client_ip;
mod error;
mod ingest;
mod oidc;
mod request_id;
mod session;
mod site;
mod ssr;
mod ws;

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    middleware,
    response::IntoResponse,
    routing::{any, get},
};
use gateway::Gateway;
use tower_http::catch_panic::CatchPanicLayer;

pub use self::api::rate::ApiRate;
use self::{api::rate::ApiRates, client_ip::Proxies, error::Problem};
use crate::config::Config;

/// What handlers share.
#[derive(Clone)]
pub struct AppState {
    pub gateway: Gateway,
    pub proxies: Proxies,
    /// How much each key may ask for; `None` for as much as it likes.
    pub rates: Option<Arc<ApiRates>>,
}

pub fn router(gateway: Gateway, config: &Config) -> anyhow::Result<Router> {
    let state = AppState {
        gateway,
        proxies: Proxies::new(&config.trusted_proxies, config.forwarded_header),
        rates: config.api_rate.map(|rate| Arc::new(ApiRates::new(rate))),
    };
    let health = Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz));
    let router = Router::new()
        .merge(health)
        .merge(ingest::router(config.max_body))
        .nest("/v1", api::router(&state))
        .route("/v1/", any(|| async { Problem::not_found() }))
        .merge(site::router())
        .merge(ssr::router(&state, config.public_url()?.starts_with("https://"))?)
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(middleware::from_fn(request_id::name_it))
        .with_state(state);
    Ok(router)
}

/// The process runs.
async fn healthz() -> &'static str {
    "ok"
}

/// The process can do its work.
async fn readyz(State(state): State<AppState>) -> impl IntoResponse {
    if state.gateway.is_ready().await {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer")
    }
}
