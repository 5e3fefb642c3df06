//! The id of a request: in the log, in `X-Request-Id` of every answer, and in the problem that an answer may be.
//!
//! It is always made here. One that a caller sends stands for nothing, and is not taken over.

use axum::{extract::Request, http::HeaderValue, middleware::Next, response::Response};
use domain::id::RequestId;
use gateway::clock;

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

pub async fn name_it(request: Request, next: Next) -> Response {
    let id = new();
    let mut response = CURRENT.scope(id, next.run(request)).await;
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert(NAME, value);
    }
    response
}

fn new() -> RequestId {
    RequestId::new(clock::now(), clock::id_bits())
}
