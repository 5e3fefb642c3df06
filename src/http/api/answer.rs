//! What handlers answer with, beside plain JSON.

use axum::{
    Json,
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{
    connection::Connection, destination::Destination, issue::Issue, project::Environment, source::Source,
    time::Timestamp,
};
use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::operation::{Outcome, Sketch};
use crate::http::error::Problem;

/// 201, and what was made.
pub struct Created<T>(pub T);

/// 201, and what was made, with something in it that is shown this once.
pub struct CreatedSecret<T>(pub T);

/// 204.
pub struct NoContent;

/// A thing with the tag of its state, for `If-Match` and `If-None-Match`.
pub struct Tagged<T>(pub T);

/// A list that is never longer than one page.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "{T}List")]
pub struct All<T> {
    pub data: Vec<T>,
}

/// Marks an answer that holds what is shown once, and is kept nowhere.
#[derive(Clone, Copy)]
pub struct HoldsSecret;

/// What changes whenever somebody changes the thing.
pub trait Versioned {
    fn version(&self) -> Timestamp;
}

macro_rules! versioned {
    ($($type:ty: $field:ident,)*) => {$(
        impl Versioned for $type {
            fn version(&self) -> Timestamp {
                self.$field
            }
        }
    )*};
}

versioned! {
    Source: updated_at,
    Destination: updated_at,
    Connection: updated_at,
    Environment: updated_at,
    Issue: status_changed_at,
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, Json(self.0)).into_response()
    }
}

impl<T: Serialize> IntoResponse for CreatedSecret<T> {
    fn into_response(self) -> Response {
        let mut response = Created(self.0).into_response();
        response.extensions_mut().insert(HoldsSecret);
        response
    }
}

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl<T: Serialize + Versioned> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let Ok(body) = serde_json::to_vec(&self.0) else { return Problem::internal().into_response() };
        let tag = etag(self.0.version(), &body);
        let mut response = Body::from(body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        response
    }
}

/// Two parts: which state people have given the thing, which is what `If-Match` compares, and what the answer looks like,
/// which also changes by itself, as a source's count of events does.
fn etag(version: Timestamp, body: &[u8]) -> String {
    let looks: [u8; 8] = std::array::from_fn({
        let hash = Sha256::digest(body);
        move |at| hash[at]
    });
    format!("\"{:x}-{:016x}\"", version.as_micros(), u64::from_be_bytes(looks))
}

/// The state that a tag names.
pub fn version_of(tag: &str) -> Option<Timestamp> {
    let (version, _) = tag.trim().strip_prefix('"')?.strip_suffix('"')?.split_once('-')?;
    i64::from_str_radix(version, 16).ok().map(Timestamp::from_micros)
}

impl<T: JsonSchema> Outcome for Json<T> {
    fn sketch(sketch: &mut Sketch) {
        let schema = sketch.schemas.answered::<T>();
        sketch.answers(200, "Done.", Some(schema));
    }
}

impl<T: JsonSchema> Outcome for Created<T> {
    fn sketch(sketch: &mut Sketch) {
        let schema = sketch.schemas.answered::<T>();
        sketch.answers(201, "Made.", Some(schema));
    }
}

impl<T: JsonSchema> Outcome for CreatedSecret<T> {
    fn sketch(sketch: &mut Sketch) {
        let schema = sketch.schemas.answered::<T>();
        sketch.answers(201, "Made. What is secret in it is shown this once.", Some(schema));
    }
}

impl Outcome for NoContent {
    fn sketch(sketch: &mut Sketch) {
        sketch.answers(204, "Done; there is nothing to say.", None);
    }
}

impl<T: JsonSchema> Outcome for Tagged<T> {
    fn sketch(sketch: &mut Sketch) {
        let schema = sketch.schemas.answered::<T>();
        sketch.answers(200, "As it is now, with its tag.", Some(schema));
        if let Some(answer) = sketch.answers.last_mut() {
            answer.has_etag = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_the_state() {
        let (early, late) =
            (Timestamp::from_micros(1_760_000_000_000_000), Timestamp::from_micros(1_760_000_000_000_001));
        let tag = etag(early, b"{}");
        assert_eq!(version_of(&tag), Some(early));
        assert_ne!(etag(late, b"{}"), tag);
        assert_ne!(etag(early, b"{ }"), tag, "what looks otherwise is read anew");
        for other in ["", "*", "\"x\"", "W/\"1-2\"", "1-2"] {
            assert_eq!(version_of(other), None, "{other}");
        }
    }
}
