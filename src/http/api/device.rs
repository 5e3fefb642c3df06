//! `/v1/device`: a machine without a key asks for one, and a person says yes in the dashboard.

use std::net::SocketAddr;

use axum::{
    Json as Answer,
    extract::{ConnectInfo, State},
    http::{HeaderMap, Method},
    routing,
};
use domain::device::{DeviceCode, DeviceCodeInput, DeviceToken, DeviceTokenInput};
use serde_json::json;

use super::{
    answer::Created,
    operation::{Argument, Operation, Outcome, Sketch},
    request::Json,
};
use crate::http::{AppState, error::Problem};

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::described(Method::POST, "/device/code", Some(routing::post(code)), |sketch: &mut Sketch| {
            Json::<DeviceCodeInput>::sketch(sketch);
            Created::<DeviceCode>::sketch(sketch);
        })
        .example(json!({ "device_name": "ana-laptop" }))
        .named("createDeviceCode", "Asks for a key: a person confirms the short code in the dashboard.")
        .refuses(&[409, 500, 503]),
        Operation::described(Method::POST, "/device/token", Some(routing::post(token)), |sketch: &mut Sketch| {
            Json::<DeviceTokenInput>::sketch(sketch);
            Answer::<DeviceToken>::sketch(sketch);
        })
        .example(json!({ "device_code": "4f9d0c5e1b7a4f6d8e2c3b1a09f8e7d6" }))
        .named("createDeviceToken", "Takes the key, once the code is confirmed.")
        .says(
            "Until then it is refused with 400 and the words of RFC 8628: `authorization_pending`, `slow_down`, \
             `expired_token` or `access_denied`.",
        )
        .refuses(&[500, 503]),
    ]
}

async fn code(
    State(state): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Json(input): Json<DeviceCodeInput>,
) -> Result<Created<DeviceCode>, Problem> {
    let ip = state.proxies.client_of(peer.ip(), &headers).to_string();
    Ok(Created(state.gateway.ask_for_device(&input, Some(&ip)).await?))
}

async fn token(
    State(state): State<AppState>,
    Json(input): Json<DeviceTokenInput>,
) -> Result<Answer<DeviceToken>, Problem> {
    Ok(Answer(state.gateway.device_token(&input.device_code).await?))
}
