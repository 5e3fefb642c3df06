//! What people and programs can do: the use cases of the dashboard, the API and the CLI, each of which checks who asks.
//!
//! A [`Caller`] gets [`Access`] to a project by [`Gateway::access`]; everything inside of the project takes that, and
//! asks it for the permission it needs. There is no other way in.

mod access;
mod accounts;
mod api_keys;
mod connections;
mod deliveries;
mod destinations;
mod environments;
mod error;
mod events;
mod ingest;
mod input;
pub mod live;
mod sources;

use std::time::Duration;

use store::Store;
use tokio_util::sync::CancellationToken;

pub use self::{
    access::{Access, ApiKeyCaller, Caller},
    accounts::Bootstrap,
    error::Error,
    input::parse_input,
};
use crate::clock;
pub use crate::pipeline::ingest::{BodyRoom, IngestRequest, Refusal};

pub type Result<T> = std::result::Result<T, Error>;

/// How often expired sessions are removed.
const HOUSEKEEPING: Duration = Duration::from_mins(10);

/// Removes what has expired, until the node stops.
pub(crate) async fn housekeeping(store: Store, stop: CancellationToken) {
    let mut tick = tokio::time::interval(HOUSEKEEPING);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = store.delete_expired_sessions(clock::now().as_secs()).await {
            tracing::warn!(%error, "expired sessions could not be removed");
        }
    }
}
