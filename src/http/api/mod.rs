//! The REST API under `/v1`: thin handlers over the gateway's use cases, a file for each kind of resource.
//!
//! Each file lists its [`operation::Operation`]s; [`operations`] is all of them, and both the router and the OpenAPI
//! document ([`document`]) are made of it. [`guard`] is what every request with a key goes through before its handler.

mod answer;
mod api_keys;
mod audit_log;
mod bulk_operations;
mod configuration;
mod connections;
mod deliveries;
mod destinations;
mod device;
mod document;
mod environments;
mod events;
mod guard;
mod idempotency;
mod issues;
mod meta;
pub mod operation;
mod publish;
pub mod rate;
mod replays;
mod request;
mod schemas;
mod sources;

use axum::{Extension, Router, middleware};

pub(super) use self::request::key_of;
use self::{guard::Needed, operation::Operation};
use super::{AppState, error::Problem};

/// Everything that the API can do.
pub fn operations() -> Vec<Operation> {
    [
        environments::operations(),
        sources::operations(),
        destinations::operations(),
        connections::operations(),
        publish::operations(),
        events::operations(),
        deliveries::operations(),
        bulk_operations::operations(),
        issues::operations(),
        replays::operations(),
        configuration::operations(),
        api_keys::operations(),
        audit_log::operations(),
        device::operations(),
        meta::operations(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

pub fn router(state: &AppState) -> Router<AppState> {
    let (mut keyed, mut open) = (Router::new(), Router::new());
    for operation in operations() {
        let Some(handler) = operation.handler else { continue };
        match operation.scope {
            Some(scope) => keyed = keyed.route(operation.path, handler.route_layer(Extension(Needed(scope)))),
            None => open = open.route(operation.path, handler),
        }
    }
    let keyed: Router<AppState> = keyed.route_layer(middleware::from_fn_with_state(state.clone(), guard::guard));
    keyed
        .merge(open)
        .route_layer(middleware::from_fn(guard::if_none_match))
        .fallback(|| async { Problem::not_found() })
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
}
