//! What the server answers over HTTP: ingest, the REST API, the dashboard, and its health.
//!
//! Each part brings its own layers. The ingest path has none but the body limit: no session, no compression.

mod api;
mod audit_csv;
mod client_ip;
mod error;
mod ingest;
mod live;
mod session;
mod site;
mod ssr;
mod ws;

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::IntoResponse,
    routing::{any, get},
};
use gateway::Gateway;
use tower_http::catch_panic::CatchPanicLayer;

use self::{client_ip::Proxies, error::Problem};
use crate::config::Config;

/// What handlers share.
#[derive(Clone)]
pub struct AppState {
    pub gateway: Gateway,
    pub proxies: Proxies,
}

pub fn router(gateway: Gateway, config: &Config) -> anyhow::Result<Router> {
    let state = AppState { gateway, proxies: Proxies::new(&config.trusted_proxies, config.forwarded_header) };
    let health = Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz));
    let router = Router::new()
        .merge(health)
        .merge(ingest::router(config.max_body))
        .nest("/v1", api::router())
        .route("/v1/", any(|| async { Problem::not_found() }))
        .merge(site::router())
        .merge(ssr::router(&state, config.public_url()?.starts_with("https://"))?)
        .layer(CatchPanicLayer::custom(error::panicked))
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
