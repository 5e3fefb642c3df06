//! What every request with a key goes through: the key, its rate, its `Idempotency-Key`, and what the answer's headers say.

use std::time::Instant;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::permission::{Permission, Scope};
use gateway::manage::{Access, Caller, Error, Who};

use super::{idempotency, request::key_of};
use crate::http::{AppState, error::Problem};

/// A caller that was let into its project.
#[derive(Clone)]
pub struct Entered {
    pub caller: Caller,
    pub access: Access,
}

/// The scope that an operation needs, as it is told in the document. Looked at before anything is read of the request; the
/// use cases look at it once more.
#[derive(Clone, Copy)]
pub struct Needed(pub Scope);

impl Needed {
    pub fn check(self, access: &Access) -> Result<(), Error> {
        access.require(match self.0 {
            Scope::Read => Permission::Read,
            Scope::Write => Permission::Write,
            Scope::Admin => Permission::ManageKeys,
        })
    }
}

pub async fn guard(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let entered = match enter(&state, &parts).await {
        Ok(entered) => entered,
        Err(problem) => return problem.into_response(),
    };
    let mut request = Request::from_parts(parts, body);
    let allowance = match (&state.rates, &entered.caller.who) {
        (Some(rates), Who::Key(by_key)) => match rates.take(by_key.key().id, Instant::now()) {
            Ok(allowance) => Some(allowance),
            Err((limit, wait)) => return Problem::over_rate(limit, wait).into_response(),
        },
        _ => None,
    };
    request.extensions_mut().insert(entered.clone());
    let key = request.headers().get(idempotency::HEADER).filter(|_| request.method() == Method::POST).cloned();
    let mut response = match key {
        Some(key) => idempotency::once(&state, &entered, &key, request, next).await,
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Some(allowance) = allowance {
        allowance.tell(headers);
    }
    response
}

/// What the caller has is not sent again.
pub async fn if_none_match(request: Request, next: Next) -> Response {
    let is_get = request.method() == Method::GET;
    let known = request.headers().get(header::IF_NONE_MATCH).filter(|_| is_get).cloned();
    let mut response = next.run(request).await;
    if known.is_some_and(|known| is_known(&known, response.headers())) {
        *response.body_mut() = Body::empty();
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.headers_mut().remove(header::CONTENT_LENGTH);
        response.headers_mut().remove(header::CONTENT_TYPE);
    }
    response
}

async fn enter(state: &AppState, parts: &Parts) -> Result<Entered, Problem> {
    let key = key_of(&parts.headers).ok_or(Error::Unauthenticated)?;
    let caller = state.gateway.caller_of_key(key).await?.coming_from(state.proxies.client_behind(parts));
    let env_id = caller.env_id().ok_or(Error::Unauthenticated)?;
    let access = state.gateway.access(&caller, env_id).await?;
    Ok(Entered { caller, access })
}

/// Whether the caller has what the answer holds.
fn is_known(known: &HeaderValue, answer: &HeaderMap) -> bool {
    let (Ok(known), Some(Ok(tag))) = (known.to_str(), answer.get(header::ETAG).map(HeaderValue::to_str)) else {
        return false;
    };
    known.split(',').map(str::trim).any(|given| given == "*" || given.strip_prefix("W/").unwrap_or(given) == tag)
}
