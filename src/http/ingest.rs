//! `ANY /v1/ingest/{source_id}`: where providers post to.

use std::{net::SocketAddr, time::Duration};

use axum::body::HttpBody;
use axum::{
    Json, Router,
    body::Body,
    extract::{ConnectInfo, Path, Request, State, rejection::PathRejection},
    routing::any,
};
use bytes::Bytes;
use domain::id::{EventId, SourceId};
use gateway::{clock, manage::IngestRequest};
use serde::Serialize;

use super::{AppState, client_ip::client_ip, error::Problem};

#[derive(Serialize)]
struct Accepted {
    event_id: EventId,
    source_id: SourceId,
}

#[derive(Clone, Copy)]
struct MaxBody(usize);

/// How long a sender may take for its body.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

pub fn router(max_body: usize) -> Router<AppState> {
    Router::new().route("/v1/ingest/{source_id}", any(ingest)).layer(axum::Extension(MaxBody(max_body)))
}

async fn ingest(
    State(state): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    axum::Extension(MaxBody(max_body)): axum::Extension<MaxBody>,
    source_id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Json<Accepted>, Problem> {
    let received_at = clock::now();
    let (parts, body) = request.into_parts();
    let body = read_body(body, max_body).await?;
    let Path(source_id) = source_id.map_err(|_| Problem::not_found())?;
    let source_id: SourceId = source_id.parse().map_err(|_| Problem::not_found())?;
    let request = IngestRequest {
        source_id,
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        source_ip: Some(client_ip(peer.ip(), &parts.headers, &state.trusted_proxies)),
        headers: parts.headers,
        body,
        received_at,
    };
    let event_id = state.gateway.ingest(request).await?;
    Ok(Json(Accepted { event_id, source_id }))
}

/// Reads the whole body, unless it is longer than `max_body`.
async fn read_body(body: Body, max_body: usize) -> Result<Bytes, Problem> {
    let announced = body.size_hint().lower();
    if usize::try_from(announced).unwrap_or(usize::MAX) > max_body {
        return Err(Problem::too_large(max_body));
    }
    let read = tokio::time::timeout(READ_TIMEOUT, axum::body::to_bytes(body, max_body));
    read.await.map_err(|_| Problem::too_slow())?.map_err(|error| {
        let is_too_large = std::error::Error::source(&error)
            .is_some_and(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>);
        if is_too_large {
            Problem::too_large(max_body)
        } else {
            Problem::malformed("The body ended before all of it had come.")
        }
    })
}
