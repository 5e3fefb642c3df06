//! What follows for an event when its deliveries change.
//!
//! An event counts how many of its deliveries are open, have succeeded, have failed. A recorded attempt moves one from
//! one count to another; everything else counts anew.

use domain::id::{EnvId, EventId};
use sea_orm::{ConnectionTrait, Value};

use crate::{connection::Transaction, db::Store, error::Result, row::uuid};

/// A status as counts tell it, of an event whose counts are the columns `open_count` and so on of `of`.
macro_rules! status_of {
    ($open:literal, $succeeded:literal, $failed:literal) => {
        concat!(
            "CASE WHEN ",
            $failed,
            " > 0 THEN 'failed' WHEN ",
            $open,
            " > 0 THEN 'processing' WHEN ",
            $succeeded,
            " > 0 THEN 'delivered' ELSE 'received' END"
        )
    };
}
pub(crate) use status_of;

/// Keeps other transactions from settling the same event until this one has ended. For PostgreSQL alone: SQLite has one
/// transaction at a time.
// Two nodes that each finish a delivery of the same event must see one another's.
const LOCK: &str = "SELECT 1 FROM events WHERE env_id = $1 AND id = $2 FOR NO KEY UPDATE";
const RECOUNT: &str = concat!(
    "UPDATE events SET open_count = t.open, succeeded_count = t.succeeded, failed_count = t.failed, status = ",
    status_of!("t.open", "t.succeeded", "t.failed"),
    " FROM (SELECT count(CASE WHEN d.status IN ('pending', 'in_flight', 'waiting', 'held') THEN 1 END) AS open, \
        count(CASE WHEN d.status = 'succeeded' THEN 1 END) AS succeeded, \
        count(CASE WHEN d.status = 'failed' THEN 1 END) AS failed \
      FROM deliveries d WHERE d.env_id = $1 AND d.event_id = $2) AS t \
    WHERE events.env_id = $1 AND events.id = $2"
);

/// To be called before deliveries of the event are changed.
pub(crate) async fn lock(store: &Store, transaction: &Transaction, env: EnvId, event: EventId) -> Result<()> {
    if store.is_shared() {
        transaction.execute_raw(store.statement(LOCK, key(env, event))).await?;
    }
    Ok(())
}

/// Sets an event to what its deliveries say.
pub(crate) async fn recount(store: &Store, transaction: &Transaction, env: EnvId, event: EventId) -> Result<()> {
    transaction.execute_raw(store.statement(RECOUNT, key(env, event))).await?;
    Ok(())
}

fn key(env: EnvId, event: EventId) -> [Value; 2] {
    [uuid(env.as_u128()).into(), uuid(event.as_u128()).into()]
}
