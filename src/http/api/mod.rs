//! The REST API under `/v1`: thin handlers over the gateway's use cases, a file for each kind of resource.

mod api_keys;
mod bulk_operations;
mod configuration;
mod connections;
mod deliveries;
mod destinations;
mod device;
mod environments;
mod events;
mod issues;
mod replays;
mod request;
mod sources;

use axum::Router;

pub(super) use self::request::key_of;
use super::{AppState, error::Problem};

pub fn router() -> Router<AppState> {
    Router::new()
        .merge(environments::router())
        .merge(sources::router())
        .merge(destinations::router())
        .merge(connections::router())
        .merge(events::router())
        .merge(deliveries::router())
        .merge(bulk_operations::router())
        .merge(issues::router())
        .merge(replays::router())
        .merge(configuration::router())
        .merge(api_keys::router())
        .merge(device::router())
        .fallback(|| async { Problem::not_found() })
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
}
