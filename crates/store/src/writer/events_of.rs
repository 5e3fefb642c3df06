//! What follows for an event when its deliveries change.

use std::collections::BTreeSet;

use domain::id::{EnvId, EventId};
use sea_orm::Value;

use crate::row::uuid;

/// Keeps other transactions from settling the same events until this one has ended. For PostgreSQL alone: SQLite has one
/// transaction at a time.
// Two nodes that each finish a delivery of the same event must see one another's.
pub(crate) const LOCK: &str =
    "SELECT 1 FROM events WHERE (env_id, id) IN ({rows}) ORDER BY env_id, id FOR NO KEY UPDATE";
/// Sets the status of events to what their deliveries say.
pub(crate) const REFRESH: &str = "UPDATE events SET status = (SELECT CASE \
        WHEN max(CASE WHEN d.status = 'failed' THEN 1 ELSE 0 END) = 1 THEN 'failed' \
        WHEN max(CASE WHEN d.status IN ('pending', 'in_flight', 'waiting', 'held') THEN 1 ELSE 0 END) = 1 THEN 'processing' \
        WHEN max(CASE WHEN d.status = 'succeeded' THEN 1 ELSE 0 END) = 1 THEN 'delivered' \
        ELSE 'received' END \
      FROM deliveries d {by_event} WHERE d.env_id = events.env_id AND d.event_id = events.id) \
    FROM ({rows}) AS v WHERE events.env_id = v.column1 AND events.id = v.column2";

/// The rows of both statements.
pub(crate) fn keys(events: &BTreeSet<(EnvId, EventId)>) -> Vec<Vec<Value>> {
    events.iter().map(|(env, event)| key(*env, *event).to_vec()).collect()
}

pub(crate) fn key(env: EnvId, event: EventId) -> [Value; 2] {
    [uuid(env.as_u128()).into(), uuid(event.as_u128()).into()]
}
