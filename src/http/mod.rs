//! What the server answers over HTTP: ingest, the REST API, the dashboard, and its health.
//!
//! Every request comes through the [`Front`], which names it and takes what providers post; all else is the router's, where
//! each part brings its own layers.

mod api;
mod audit_csv;
mod body;
mod client_ip;
mod error;
mod front;
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
    response::IntoResponse,
    routing::{any, get},
};
use gateway::Gateway;

pub use self::{api::rate::ApiRate, front::Front};
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

pub fn front(gateway: Gateway, config: &Config) -> anyhow::Result<Front> {
    let state = AppState {
        gateway,
        proxies: Proxies::new(&config.trusted_proxies, config.forwarded_header),
        rates: config.api_rate.map(|rate| Arc::new(ApiRates::new(rate))),
    };
    let health = Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz));
    let router = Router::new()
        .merge(health)
        .nest("/v1", api::router(&state))
        .route("/v1/", any(|| async { Problem::not_found() }))
        .merge(site::router())
        .merge(ssr::router(&state, config.public_url()?.starts_with("https://"))?)
        .with_state(state.clone());
    Ok(Front::new(state, config.max_body, router))
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
