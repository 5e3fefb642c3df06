//! `ANY /v1/ingest/{source_id}`: where providers post to.

use std::{net::IpAddr, time::Duration};

use axum::{
    Json,
    body::Body,
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use domain::id::{EventId, InvalidId, SourceId};
use gateway::{
    clock,
    manage::{Acknowledged, BodyRoom, IngestRequest, RequestHead, Taken},
};
use http_body_util::BodyExt;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    AppState,
    api::operation::{Operation, Sketch},
    body::{MAX_DISCARDED, announced, broken_off, discard},
    error::Problem,
};

/// An event that is on disk.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AcceptedEvent")]
pub struct Accepted {
    /// Of a duplicate, the event that it repeats.
    event_id: EventId,
    source_id: SourceId,
    /// Whether it repeats another event, and is not delivered.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
}

impl Accepted {
    pub fn of(taken: &Acknowledged) -> Self {
        Self { event_id: taken.event_id, source_id: taken.source_id(), duplicate: taken.is_duplicate }
    }
}

/// Memory that is set aside before any of a body has come. The rest is as it comes, so that who announces much and sends
/// nothing takes nothing from others.
const FIRST_ROOM: usize = 64 << 10;

/// How long a sender may take for its body.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The source, if this is the path that providers post to; an error where what stands there is no id.
pub fn source_in(path: &str) -> Option<Result<SourceId, InvalidId>> {
    let id = path.strip_prefix("/v1/ingest/")?;
    (!id.is_empty() && !id.contains('/')).then(|| id.parse())
}

/// What the API's document says of it. A provider may use any method.
pub fn operations() -> Vec<Operation> {
    let methods = [
        (Method::POST, "ingest"),
        (Method::GET, "ingestByGet"),
        (Method::PUT, "ingestByPut"),
        (Method::PATCH, "ingestByPatch"),
        (Method::DELETE, "ingestByDelete"),
    ];
    let described = |(method, id)| {
        Operation::described(method, "/ingest/{source_id}", None, sketch)
            .named(id, "Takes a webhook, of any content type, and answers once it is on disk.")
            .says("The source says how it is verified, and may say what is answered.")
    };
    methods.map(described).into()
}

fn sketch(sketch: &mut Sketch) {
    sketch.path_parameter::<SourceId>();
    sketch.takes("*/*", serde_json::json!({}), false);
    let schema = sketch.schemas.answered::<Accepted>();
    sketch.answers(
        200,
        "It is on disk. A source that has a `response` answers with that instead, with the status it names.",
        Some(schema),
    );
    if let Some(answer) = sketch.answers.last_mut() {
        answer.may_differ = true;
    }
    sketch.refusals.extend([400, 401, 403, 404, 408, 410, 413, 422, 429, 500, 503]);
}

/// # Errors
/// What its sender is told when it is not on disk.
pub async fn ingest(
    state: &AppState,
    peer: IpAddr,
    max_body: usize,
    source_id: SourceId,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let head = RequestHead {
        source_id,
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        source_ip: Some(state.proxies.client_of(peer, &parts.headers)),
        headers: parts.headers,
        received_at: clock::now(),
    };
    let admission = match state.gateway.admit(&head) {
        Ok(admission) => admission,
        Err(refusal) => {
            let is_too_large = announced(&body) > max_body || discard(body).await > max_body;
            return Err(if is_too_large { Problem::too_large(max_body) } else { refusal.into() });
        }
    };
    let read = read_body(body, max_body, |bytes| admission.room_for_body(&state.gateway, bytes)).await;
    let (body, room) = read.map_err(|unread| match unread {
        Unread::TooLarge => state.gateway.too_large(&admission, &head, max_body).into(),
        Unread::Problem(problem) => problem,
    })?;
    let request = IngestRequest { head, body, room: Some(room) };
    Ok(match state.gateway.ingest(admission, request).await? {
        Taken::Event(taken) => acknowledgement(&taken),
        Taken::Greeting(reply) => answer(reply.status, reply.content_type, reply.body),
    })
}

/// A body that somebody else has written, or asked for: a browser is to take it for nothing else than it says.
fn answer(status: u16, content_type: &str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    if let Ok(content_type) = HeaderValue::from_str(content_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    }
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The answer to a request that is on disk.
fn acknowledgement(taken: &Acknowledged) -> Response {
    let Some(fixed) = taken.response() else { return Json(Accepted::of(taken)).into_response() };
    let mut response = answer(fixed.status, &fixed.content_type, fixed.body.clone());
    if let Ok(id) = HeaderValue::from_str(&taken.event_id.to_string()) {
        response.headers_mut().insert("x-hookstream-event-id", id);
    }
    response
}

/// Why there is no body.
enum Unread {
    TooLarge,
    Problem(Problem),
}

impl From<Problem> for Unread {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// Reads the whole body, unless it is longer than `max_body`, or there is no memory for it.
async fn read_body(
    mut body: Body,
    max_body: usize,
    room_for: impl FnOnce(usize) -> Option<BodyRoom>,
) -> Result<(Bytes, BodyRoom), Unread> {
    let announced = announced(&body);
    if announced > max_body {
        if announced - max_body <= MAX_DISCARDED {
            discard(body).await;
        }
        return Err(Unread::TooLarge);
    }
    let mut room = room_for(announced.min(FIRST_ROOM)).ok_or_else(Problem::overloaded)?;
    let mut whole = BytesMut::with_capacity(announced.min(FIRST_ROOM));
    let read = async {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| broken_off())?;
            let Ok(data) = frame.into_data() else { continue };
            if whole.len() + data.len() > max_body {
                return Ok(true);
            }
            if !room.grow_to(whole.len() + data.len()) {
                return Err(Problem::overloaded());
            }
            whole.extend_from_slice(&data);
        }
        Ok(false)
    };
    let is_too_large = tokio::time::timeout(READ_TIMEOUT, read).await.map_err(|_| Problem::too_slow())??;
    if is_too_large {
        drop(whole);
        discard(body).await;
        return Err(Unread::TooLarge);
    }
    Ok((whole.freeze(), room))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_source_has_one_segment_more() {
        let id = SourceId::from_u128(7);
        assert_eq!(source_in(&format!("/v1/ingest/{id}")).and_then(Result::ok), Some(id));
        assert!(source_in("/v1/ingest/src_1").is_some_and(|id| id.is_err()));
        for other in ["/v1/ingest", "/v1/ingest/", "/v1/ingest/src_1/", "/v1/ingest/src_1/x", "/v1/ingests/src_1", "/"]
        {
            assert!(source_in(other).is_none(), "{other}");
        }
    }
}
