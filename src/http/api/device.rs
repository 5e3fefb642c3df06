//! `/v1/device`: a machine without a key asks for one, and a person says yes in the dashboard.

use std::net::SocketAddr;

use axum::{
    Json as Answer, Router,
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use domain::device::{DeviceCode, DeviceCodeInput, DeviceToken, DeviceTokenInput};
use gateway::manage::NoToken;

use super::request::Json;
use crate::http::{AppState, error::Problem};

pub fn router() -> Router<AppState> {
    Router::new().route("/device/code", post(code)).route("/device/token", post(token))
}

async fn code(
    State(state): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Json(input): Json<DeviceCodeInput>,
) -> Result<(StatusCode, Answer<DeviceCode>), Problem> {
    let ip = state.proxies.client_of(peer.ip(), &headers).to_string();
    let made = state.gateway.ask_for_device(&input, Some(&ip)).await?;
    Ok((StatusCode::CREATED, Answer(made)))
}

async fn token(
    State(state): State<AppState>,
    Json(input): Json<DeviceTokenInput>,
) -> Result<Answer<DeviceToken>, Problem> {
    match state.gateway.device_token(&input.device_code).await {
        Ok(token) => Ok(Answer(token)),
        Err(NoToken::Failed(error)) => Err(error.into()),
        Err(NoToken::Pending) => Err(Problem::no_token("authorization_pending", "Nobody has confirmed the code yet.")),
        Err(NoToken::SlowDown) => Err(Problem::no_token("slow_down", "Ask less often: every five seconds.")),
        Err(NoToken::Expired) => Err(Problem::no_token("expired_token", "The code has expired. Ask for a new one.")),
        Err(NoToken::Denied) => Err(Problem::no_token("access_denied", "It was refused.")),
    }
}
