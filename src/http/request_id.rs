//! The id of a request: in the log, in `X-Request-Id` of every answer, and in the problem that an answer may be.
//!
//! It is always made here. One that a caller sends stands for nothing, and is not taken over.

use std::panic::AssertUnwindSafe;

use axum::{http::HeaderValue, response::Response};
use domain::id::RequestId;
use futures::FutureExt;
use gateway::clock;

use super::error;

tokio::task_local! {
    static CURRENT: RequestId;
}

const NAME: &str = "x-request-id";

/// Of the request that is being answered.
pub fn current() -> RequestId {
    CURRENT.try_with(|id| *id).unwrap_or_else(|_| new())
}

/// Carries the id of this request along to another task.
pub async fn carried<T>(id: RequestId, work: impl Future<Output = T>) -> T {
    CURRENT.scope(id, work).await
}

/// The answer to a request that begins now, with its id; also where answering panics.
//
// Not an `async fn`, which would hold what it is given twice: all of it is moved for each request.
pub fn named(answer: impl Future<Output = Response>) -> impl Future<Output = Response> {
    let id = new();
    let answered = AssertUnwindSafe(answer).catch_unwind().map(|answered| answered.unwrap_or_else(error::panicked));
    CURRENT.scope(id, answered).map(move |mut response| {
        if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
            response.headers_mut().insert(NAME, value);
        }
        response
    })
}

fn new() -> RequestId {
    RequestId::new(clock::now(), clock::id_bits())
}

#[cfg(test)]
mod tests {
    use axum::{http::StatusCode, response::IntoResponse};
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn an_answer_has_the_id_that_the_work_had() {
        let response = named(async { current().to_string().into_response() }).await;
        let id = response.headers()[NAME].to_str().expect("text").to_owned();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        assert_eq!(body, id);
    }

    #[tokio::test]
    async fn a_panic_is_answered_as_a_problem_of_that_request() {
        let response = named(async { panic!("the test wants it") }).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let id = response.headers()[NAME].to_str().expect("text").to_owned();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let problem: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(problem["request_id"], id, "{problem}");
        assert!(!problem.to_string().contains("the test wants it"));
    }
}
