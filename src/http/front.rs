//! What every request comes through.
//!
//! What providers post is most of what a gateway is asked, and goes straight to [`ingest`](super::ingest): no route is
//! looked for, and there are no layers but this.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Router,
    extract::{ConnectInfo, Request},
    response::{IntoResponse, Response},
    serve::{IncomingStream, Listener},
};
use futures::FutureExt;
use tower_service::Service;

use super::{AppState, error::Problem, ingest, request_id};

/// Makes what answers the requests of a connection.
#[derive(Clone)]
pub struct Front(Arc<Parts>);

struct Parts {
    state: AppState,
    /// Bytes that a provider may send.
    max_body: usize,
    router: Router,
}

/// Answers the requests of a connection.
#[derive(Clone)]
pub struct Connected {
    front: Front,
    peer: SocketAddr,
}

type Answer = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

impl Front {
    pub(super) fn new(state: AppState, max_body: usize, router: Router) -> Self {
        Self(Arc::new(Parts { state, max_body, router }))
    }

    async fn answer(&self, peer: SocketAddr, mut request: Request) -> Response {
        let Parts { state, max_body, router } = &*self.0;
        if let Some(source) = ingest::source_in(request.uri().path()) {
            let Ok(source) = source else { return Problem::not_found().into_response() };
            return ingest::ingest(state, peer.ip(), *max_body, source, request).await.into_response();
        }
        request.extensions_mut().insert(ConnectInfo(peer));
        let Ok(response) = router.clone().call(request).await;
        response
    }
}

impl<L: Listener<Addr = SocketAddr>> Service<IncomingStream<'_, L>> for Front {
    type Response = Connected;
    type Error = Infallible;
    type Future = Ready<Result<Connected, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, stream: IncomingStream<'_, L>) -> Self::Future {
        ready(Ok(Connected { front: self.clone(), peer: *stream.remote_addr() }))
    }
}

impl Service<Request> for Connected {
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Answer {
        let Self { front, peer } = self.clone();
        Box::pin(request_id::named(async move { front.answer(peer, request).await }).map(Ok))
    }
}
