//! What stands before a peer and does what that cannot be brought to do: answers in its place as often as it is told, and
//! lets everything else through.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// A front; dropping it closes it.
pub struct Front {
    port: u16,
    state: Arc<Shared>,
    serving: JoinHandle<()>,
}

struct Shared {
    behind: String,
    http: reqwest::Client,
    answers: Mutex<Vec<Given>>,
}

/// An answer in the peer's place.
#[derive(Debug, Clone)]
pub struct Given {
    pub status: u16,
    pub headers: &'static [(&'static str, &'static str)],
    pub body: String,
}

const MAX_BODY: usize = 64 << 20;

impl Front {
    /// Before the peer at `http://127.0.0.1:…`, which is not asked until these answers are used up.
    pub async fn before(behind: &str, answers: impl IntoIterator<Item = Given>) -> Self {
        let mut answers: Vec<_> = answers.into_iter().collect();
        answers.reverse();
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let behind = behind.trim_end_matches('/').to_owned();
        let state = Arc::new(Shared { behind, http, answers: Mutex::new(answers) });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&state));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { port, state, serving }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Whether every answer was given.
    pub fn is_used_up(&self) -> bool {
        self.state.answers.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(State(state): State<Arc<Shared>>, request: Request) -> Response {
    let given = state.answers.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, MAX_BODY).await.expect("a body");
    if let Some(given) = given {
        let mut response = (StatusCode::from_u16(given.status).expect("a status"), given.body).into_response();
        for (name, value) in given.headers {
            response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        return response;
    }
    // The host stays as it was signed.
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let forwarded = state
        .http
        .request(parts.method, format!("{}{target}", state.behind))
        .headers(parts.headers)
        .body(body)
        .send()
        .await
        .expect("the peer answers");
    let status = forwarded.status();
    let headers = forwarded.headers().clone();
    let body: Bytes = forwarded.bytes().await.expect("a body");
    let mut response = (status, body).into_response();
    if let Some(kind) = headers.get("content-type") {
        response.headers_mut().insert("content-type", kind.clone());
    }
    response
}
