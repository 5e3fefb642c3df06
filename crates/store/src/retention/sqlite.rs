//! The range of keys in which events have ended, as one transaction in one go: its text is always the same, so that it
//! is prepared once, and nothing is waited for between its statements.

use std::time::Duration;

use sea_orm::prelude::Uuid;

use super::OPEN;
use crate::{batch::sqlite::run_counting, error::Result, scope::Scope, sqlite::Sqlite};

/// By itself SQLite may look through all deliveries of the project.
const BY_EVENT: &str = "INDEXED BY deliveries_event";

/// About what the removal of an event appends to the write-ahead log.
const EVENT_BYTES: usize = 4096;

/// Removes the events from `first` to `last` whose deliveries have all ended. Returns how many, and for how long nobody
/// else could write.
pub(super) async fn remove(scope: &Scope, sqlite: &Sqlite, first: Uuid, last: Uuid) -> Result<(u64, Duration)> {
    let (events, held) = run_counting(sqlite, &text(), [scope.env_uuid(), first, last]).await?;
    scope.store.note_written(log_bytes(events));
    Ok((events, held))
}

/// Deliveries go with their attempts, and what has none left goes then.
fn text() -> String {
    let has_ended = format!(
        "NOT EXISTS (SELECT 1 FROM deliveries o {BY_EVENT} WHERE o.env_id = $1 AND o.event_id = d.event_id \
         AND o.status IN {OPEN})"
    );
    let has_none = |event: &str| {
        format!("NOT EXISTS (SELECT 1 FROM deliveries o {BY_EVENT} WHERE o.env_id = $1 AND o.event_id = {event})")
    };
    let ended =
        format!("deliveries AS d {BY_EVENT} WHERE d.env_id = $1 AND d.event_id BETWEEN $2 AND $3 AND {has_ended}");
    format!(
        "DELETE FROM attempts WHERE env_id = $1 AND delivery_id IN (SELECT d.id FROM {ended});\
         DELETE FROM {ended};\
         DELETE FROM forwards AS f WHERE f.env_id = $1 AND f.event_id BETWEEN $2 AND $3 AND {};\
         DELETE FROM event_bodies AS b WHERE b.env_id = $1 AND b.event_id BETWEEN $2 AND $3 AND {};\
         DELETE FROM events AS e WHERE e.env_id = $1 AND e.id BETWEEN $2 AND $3 AND {}",
        has_none("f.event_id"),
        has_none("b.event_id"),
        has_none("e.id"),
    )
}

pub(super) fn log_bytes(rows: u64) -> usize {
    usize::try_from(rows).unwrap_or(usize::MAX).saturating_mul(EVENT_BYTES)
}
