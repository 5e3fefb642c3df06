//! `ANY /v1/ingest/{source_id}`: where providers post to.

use std::{net::SocketAddr, time::Duration};

use axum::{
    Json, Router,
    body::{Body, HttpBody},
    extract::{ConnectInfo, Path, Request, State, rejection::PathRejection},
    routing::any,
};
use bytes::Bytes;
use domain::id::{EventId, SourceId};
use gateway::{clock, manage::IngestRequest};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;

use super::{AppState, client_ip::client_ip, error::Problem};

#[derive(Serialize)]
struct Accepted {
    event_id: EventId,
    source_id: SourceId,
}

#[derive(Clone, Copy)]
struct MaxBody(usize);

/// How much more than allowed is read of a body that is refused, and for how long.
const MAX_DISCARDED: usize = 16 << 20;
const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);

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
async fn read_body(mut body: Body, max_body: usize) -> Result<Bytes, Problem> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > max_body {
        if announced - max_body <= MAX_DISCARDED {
            discard(body).await;
        }
        return Err(Problem::too_large(max_body));
    }
    match tokio::time::timeout(READ_TIMEOUT, Limited::new(&mut body, max_body).collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            discard(body).await;
            Err(Problem::too_large(max_body))
        }
        Ok(Err(_)) => Err(Problem::malformed("The body ended before all of it had come.")),
        Err(_) => Err(Problem::too_slow()),
    }
}

/// Reads what is left of a body that is too large, within limits: most senders write all of it before they read the
/// answer, and would see nothing but a broken connection.
async fn discard(body: Body) {
    let mut left = Limited::new(body, MAX_DISCARDED);
    let read = async { while let Some(Ok(_)) = left.frame().await {} };
    // Whoever takes longer has no answer to lose that they would wait for.
    let _ = tokio::time::timeout(DISCARD_TIMEOUT, read).await;
}
