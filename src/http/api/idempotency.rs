//! `Idempotency-Key`: a POST that is sent again is carried out once.

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::field::FieldErrors;
use gateway::manage::{Claim, Claimed, KeptAnswer, MAX_KEPT, Who};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};

use super::{answer::HoldsSecret, guard::Entered, request::MAX_JSON};
use crate::http::{AppState, body, error::Problem, request_id};

pub const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Characters of a key.
const MAX_KEY: usize = 255;

/// Carries the request out, unless one with the same key was: then gives the same answer.
pub async fn once(state: &AppState, entered: &Entered, key: &HeaderValue, request: Request, next: Next) -> Response {
    match try_once(state, entered, key, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn try_once(
    state: &AppState,
    entered: &Entered,
    key: &HeaderValue,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let key = key_text(key)?;
    let (parts, body) = request.into_parts();
    let body = body::whole(body, MAX_JSON).await?;
    let path = parts.uri.path_and_query().map_or(parts.uri.path(), |path| path.as_str());
    let fingerprint = fingerprint(entered, parts.method.as_str(), path, &body);
    let claimed = match state.gateway.claim_request(&entered.access, &key, fingerprint).await? {
        Claim::Mine(claimed) => claimed,
        Claim::Done(kept) => return Ok(replayed(kept)),
        Claim::Busy => return Err(Problem::idempotency_conflict()),
        Claim::OtherRequest => {
            let message = "was used for another request; use another one for each request";
            return Err(FieldErrors::one("Idempotency-Key", message).into());
        }
    };
    let request = Request::from_parts(parts, Body::from(body));
    let (state, entered, id) = (state.clone(), entered.clone(), request_id::current());
    // Who goes away does not keep the request from being carried out to its end, and its answer from being kept.
    let carried_out = tokio::spawn(request_id::carried(id, async move {
        let response = next.run(request).await;
        keep(&state, &entered, claimed, response).await
    }));
    carried_out.await.map_err(|_| Problem::internal())
}

/// Keeps the answer for whoever asks again, and gives it.
async fn keep(state: &AppState, entered: &Entered, claimed: Claimed, response: Response) -> Response {
    if response.status().is_server_error() {
        // It may go better the next time.
        state.gateway.give_up_claim(&entered.access, claimed).await;
        return response;
    }
    let holds_secret = response.extensions().get::<HoldsSecret>().is_some();
    let (parts, body) = response.into_parts();
    // Handlers have their answers whole.
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kept = KeptAnswer {
        status: parts.status.as_u16(),
        content_type: content_type.map(str::to_owned),
        body: (!holds_secret && body.len() <= MAX_KEPT).then(|| body.to_vec()),
    };
    state.gateway.keep_answer(&entered.access, claimed, kept).await;
    Response::from_parts(parts, Body::from(body))
}

fn replayed(kept: KeptAnswer) -> Response {
    let Some(body) = kept.body else { return Problem::answer_not_kept(kept.status).into_response() };
    let mut response = Body::from(body).into_response();
    *response.status_mut() = StatusCode::from_u16(kept.status).unwrap_or_default();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    if let Some(Ok(content_type)) = kept.content_type.map(|text| HeaderValue::from_str(&text)) {
        headers.insert(header::CONTENT_TYPE, content_type);
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

fn key_text(key: &HeaderValue) -> Result<String, Problem> {
    let text = key.as_bytes();
    if text.is_empty() || text.len() > MAX_KEY || text.iter().any(|byte| !(0x20..0x7f).contains(byte)) {
        return Err(FieldErrors::one("Idempotency-Key", "must be 1 to 255 characters of ASCII").into());
    }
    Ok(String::from_utf8_lossy(text).into_owned())
}

/// What makes a request the same. What the key may do is a part of it: the answer to somebody who may more is for nobody else.
fn fingerprint(entered: &Entered, method: &str, path: &str, body: &Bytes) -> [u8; 32] {
    let mut hash = Sha256::new();
    let scopes: Vec<&str> = match &entered.caller.who {
        Who::Key(by_key) => by_key.key().scopes.iter().map(|scope| scope.as_str()).collect(),
        Who::User(_) => Vec::new(),
    };
    for part in [method, path, &scopes.join(" ")] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.update(body);
    hash.finalize().into()
}
