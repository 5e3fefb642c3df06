//! Errors over HTTP: `application/problem+json` (RFC 9457), with the status codes of everything in one place.

use std::any::Any;

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{
    field::{FieldError, FieldErrors},
    id::RequestId,
};
use gateway::{
    clock,
    manage::{Error, Refusal},
};
use serde::Serialize;

/// What a sender should wait before it comes back, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// An answer that says what went wrong.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    /// A word for programs.
    error: &'static str,
    detail: String,
    fields: Vec<FieldError>,
    rate: Option<Rate>,
}

/// How many requests are taken, and when the next one is.
#[derive(Debug, Clone, Copy)]
struct Rate {
    limit: u32,
    /// Whole seconds, rounded up.
    retry_after: u64,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    error: &'a str,
    request_id: String,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl Problem {
    fn new(status: StatusCode, error: &'static str, detail: impl Into<String>) -> Self {
        Self { status, error, detail: detail.into(), fields: Vec::new(), rate: None }
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

    /// A machine that asks to be let in has no key yet; `error` is the word that RFC 8628 has for why.
    pub fn no_token(error: &'static str, detail: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, detail)
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
        let request_id = RequestId::new(clock::now(), clock::id_bits()).to_string();
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
            Error::Conflict(detail) => Self::new(StatusCode::CONFLICT, "conflict", detail),
            Error::Unavailable => unavailable(),
            Error::Internal => Self::internal(),
        }
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
                let retry_after = retry_after.as_millis().div_ceil(1000).max(1).try_into().unwrap_or(u64::MAX);
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
