//! Errors over HTTP: `application/problem+json` (RFC 9457), with the status codes of everything in one place.

use std::{any::Any, borrow::Cow, time::Duration};

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{
    field::{FieldError, FieldErrors},
    id::RequestId,
};
use gateway::manage::{Error, NoToken, Refusal};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::request_id;

/// What a sender should wait before it comes back, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");
/// The same for who sends a request while the same one is carried out.
const IDEMPOTENCY_RETRY: u64 = 1;

/// An answer that says what went wrong.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    /// A word for programs.
    error: &'static str,
    detail: String,
    fields: Vec<FieldError>,
    rate: Option<Rate>,
    /// Seconds to wait, where no rate says it.
    retry_after: Option<u64>,
}

/// How many requests are taken, and when the next one is.
#[derive(Debug, Clone, Copy)]
struct Rate {
    limit: u32,
    /// Whole seconds, rounded up.
    retry_after: u64,
}

/// Every status of a refusal, the words that `error` may be with it, and what it means.
pub const REFUSALS: [(u16, &[&str], &str); 14] = [
    (
        400,
        &["malformed", "authorization_pending", "slow_down", "expired_token", "access_denied"],
        "The body is not JSON; of a machine that asks for a key, why it has none.",
    ),
    (401, &["unauthenticated", "unverified"], "There is no live key; at ingest, the signature is wrong."),
    (403, &["forbidden"], "The key lacks the scope; at ingest, the address is not let in."),
    (404, &["not_found"], "There is no such thing, or it is another project's."),
    (405, &["method_not_allowed"], "The resource does not take that method."),
    (408, &["too_slow"], "The body did not come within 30 s."),
    (
        409,
        &["conflict", "idempotency_conflict", "answer_not_kept"],
        "It does not fit what is there, or a request with this Idempotency-Key is on its way.",
    ),
    (410, &["gone"], "The source was deleted."),
    (412, &["precondition_failed"], "The thing is not as If-Match says any more."),
    (413, &["too_large"], "The body is too large."),
    (422, &["invalid", "schema_invalid"], "A field is wrong, unknown or missing: `errors` names it."),
    (429, &["rate_limited", "too_many"], "Too many requests: Retry-After says when there is room again."),
    (500, &["internal"], "A fault of the server's; its log says what."),
    (503, &["unavailable"], "The database does not answer, or there is no room; Retry-After says when to come back."),
];

#[derive(Serialize)]
pub struct Document<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    error: &'a str,
    request_id: String,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl JsonSchema for Document<'_> {
    fn schema_name() -> Cow<'static, str> {
        "Problem".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let words: Vec<&str> = REFUSALS.iter().flat_map(|(_, words, _)| words.iter().copied()).collect();
        let errors = generator.subschema_for::<FieldError>();
        json_schema!({
            "description": "What went wrong (RFC 9457).",
            "type": "object",
            "properties": {
                "type": { "type": "string", "const": "about:blank" },
                "title": { "type": "string" },
                "status": { "type": "integer", "minimum": 400, "maximum": 599 },
                "detail": { "type": "string", "description": "For people." },
                "error": { "type": "string", "enum": words, "description": "For programs." },
                "request_id": generator.subschema_for::<RequestId>(),
                "errors": { "type": "array", "items": errors, "minItems": 1, "description": "With 422, each field that is wrong." },
            },
            "required": ["type", "title", "status", "detail", "error", "request_id"],
            "examples": [{
                "type": "about:blank",
                "title": "Unprocessable Entity",
                "status": 422,
                "detail": "name must not be empty",
                "error": "invalid",
                "request_id": "req_0198c0de5e1f7d3a9b2c4d5e6f708192",
                "errors": [{ "path": "name", "message": "must not be empty" }],
            }],
        })
    }
}

impl Problem {
    fn new(status: StatusCode, error: &'static str, detail: impl Into<String>) -> Self {
        Self { status, error, detail: detail.into(), fields: Vec::new(), rate: None, retry_after: None }
    }

    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is no such thing here.")
    }

    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", detail)
    }

    pub fn too_large(limit: usize) -> Self {
        let detail = format!("The body is larger than the {limit} bytes that are taken.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    }

    pub fn overloaded() -> Self {
        let detail = "More is being received than there is room for; try again soon.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
    }

    pub fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "The body did not come within the time allowed.")
    }

    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This resource does not take that method.")
    }

    pub fn cross_origin() -> Self {
        Self::new(StatusCode::FORBIDDEN, "cross_origin", "Requests from other sites are not taken here.")
    }

    pub fn over_rate(limit: u32, wait: Duration) -> Self {
        let rate = Some(Rate { limit, retry_after: whole_seconds(wait) });
        let detail = "This API key makes more requests than it may; wait as Retry-After says.";
        Self { rate, ..Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail) }
    }

    pub fn idempotency_conflict() -> Self {
        let detail = "A request with this Idempotency-Key is being carried out; send it again in a moment.";
        let new = Self::new(StatusCode::CONFLICT, "idempotency_conflict", detail);
        Self { retry_after: Some(IDEMPOTENCY_RETRY), ..new }
    }

    pub fn answer_not_kept(status: u16) -> Self {
        let detail = format!(
            "The request with this Idempotency-Key was carried out, and answered with {status}. The answer was not kept, since \
             it held a secret or was too large: look for what it made, and make another one if its secret is lost."
        );
        Self::new(StatusCode::CONFLICT, "answer_not_kept", detail)
    }

    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong on the server; its log says what.",
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let request_id = request_id::current().to_string();
        if self.status.is_server_error() {
            tracing::warn!(
                request.id = request_id,
                status = self.status.as_u16(),
                error = self.error,
                "answered an error"
            );
        }
        let document = Document {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            error: self.error,
            request_id,
            errors: &self.fields,
        };
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = (self.status, Body::from(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        if let Some(rate) = self.rate {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(rate.retry_after));
            headers.insert("ratelimit-limit", HeaderValue::from(rate.limit));
            headers.insert("ratelimit-remaining", HeaderValue::from(0));
            headers.insert("ratelimit-reset", HeaderValue::from(rate.retry_after));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::not_found(),
            Error::Forbidden => {
                Self::new(StatusCode::FORBIDDEN, "forbidden", "The API key does not have the scope that this needs.")
            }
            Error::Unauthenticated => Self::new(
                StatusCode::UNAUTHORIZED,
                "unauthenticated",
                "A live API key is needed, as X-API-Key or Authorization: Bearer.",
            ),
            Error::Invalid(fields) => fields.into(),
            Error::Stale => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "precondition_failed",
                "It was changed since; read it again, and change what it is now.",
            ),
            Error::Conflict(detail) => Self::new(StatusCode::CONFLICT, "conflict", detail),
            Error::TooMany(wait) => {
                let detail = "This was tried too often; try again later.";
                let retry_after = Some(whole_seconds(wait));
                Self { retry_after, ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many", detail) }
            }
            Error::Unavailable => unavailable(),
            Error::Internal => Self::internal(),
        }
    }
}

/// Why a machine that asks to be let in has no key, in the words of RFC 8628.
impl From<NoToken> for Problem {
    fn from(why: NoToken) -> Self {
        let (error, detail) = match why {
            NoToken::Failed(error) => return error.into(),
            NoToken::Pending => ("authorization_pending", "Nobody has confirmed the code yet."),
            NoToken::SlowDown => ("slow_down", "Ask less often: every five seconds."),
            NoToken::Expired => ("expired_token", "The code has expired. Ask for a new one."),
            NoToken::Denied => ("access_denied", "It was refused."),
        };
        Self::new(StatusCode::BAD_REQUEST, error, detail)
    }
}

impl From<FieldErrors> for Problem {
    fn from(errors: FieldErrors) -> Self {
        let fields: Vec<FieldError> = errors.iter().cloned().collect();
        let detail = errors.to_string();
        Self { fields, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail) }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::not_found(),
            Refusal::Gone => Self::new(StatusCode::GONE, "gone", "This source was deleted."),
            Refusal::TooLarge { limit } => Self::too_large(limit),
            Refusal::RateLimited { limit, retry_after } => {
                let retry_after = whole_seconds(retry_after);
                let detail = "More requests come than this source takes; try again later.";
                let rate = Some(Rate { limit, retry_after });
                Self { rate, ..Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail) }
            }
            // The owner of the source learns more; whoever sends does not.
            Refusal::IpDenied { .. } | Refusal::IpNotAllowed { .. } => {
                Self::new(StatusCode::FORBIDDEN, "forbidden", "Requests from this address are not taken.")
            }
            Refusal::Unverified(_) | Refusal::Repeated => {
                Self::new(StatusCode::UNAUTHORIZED, "unverified", "The signature could not be verified.")
            }
            Refusal::SchemaInvalid(_) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "schema_invalid",
                "The body is not of the form that this source takes.",
            ),
            Refusal::Unavailable => unavailable(),
        }
    }
}

/// Rounded up, and never none.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1000).max(1).try_into().unwrap_or(u64::MAX)
}

fn unavailable() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The database is not available; try again soon.")
}

/// The answer when a handler panicked.
#[expect(clippy::needless_pass_by_value, reason = "the layer that catches panics gives them away")]
pub fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let said = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(panic = said, "a handler panicked");
    Problem::internal().into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_in_the_table() {
        let source = include_str!("error.rs").split("#[cfg(test)]").next().unwrap_or_default();
        let code: String = source.split_whitespace().collect();
        for (_, words, _) in REFUSALS {
            for word in words {
                let quoted = format!("\"{word}\"");
                assert!(code.matches(&quoted).count() > 1, "nothing is answered with {word}");
            }
        }
        let known = |word: &str| word == "cross_origin" || REFUSALS.iter().any(|(_, words, _)| words.contains(&word));
        for made in code.split("StatusCode::").skip(1).filter_map(|rest| rest.split_once(",\"")) {
            let word = made.1.split('"').next().unwrap_or_default();
            if !made.0.contains(')') {
                assert!(known(word), "{word} is not in the table");
            }
        }
    }
}
