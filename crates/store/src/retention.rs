//! Removing what is no longer kept, a little at a time.
//!
//! Ids sort by time, so the old events of a project stand side by side. A pass over them looks at a few
//! ([`Scope::remove_ended_events`]), removes those of which nothing is left to deliver, and goes on behind them. What
//! there is to remove is found by reading what events count of their deliveries; the removal itself is one short transaction
//! that looks at the deliveries themselves, since an old one may just then be asked for once more. On SQLite everything that is stored waits while it runs.
//!
//! A deleted project loses table after table ([`Scope::remove_rows`]), and at last itself.
//!
//! Nothing here waits for the disk: what a power cut undoes is found again.

mod postgres;
mod sqlite;

use std::time::{Duration, Instant};

use domain::{
    id::{EnvId, EventId},
    project::RetentionDays,
    time::Timestamp,
};
use sea_orm::{ConnectionTrait, prelude::Uuid};

use crate::{
    config::next_version,
    connection::Connection,
    db::Store,
    error::Result,
    row::{get, number, uuid},
    scope::Scope,
};

/// Statuses of a delivery that has not ended.
const OPEN: &str = "('pending', 'in_flight', 'waiting', 'held')";
/// Deleted projects that are told of at once.
const DELETED_LIMIT: u32 = 100;

/// What goes with a project beside that.
const WITH_A_PROJECT: [&str; 12] = [
    "replays",
    "route_counts",
    "rejected_requests",
    "event_types",
    "issues",
    "bulk_operations",
    "gates",
    "connections",
    "sources",
    "destinations",
    "api_keys",
    "idempotency_keys",
];

/// What became of a look at some old events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removal {
    /// Where to go on; `None` when there is nothing behind it.
    pub next: Option<EventId>,
    /// Events that are gone.
    pub events: u64,
    /// How long the removal kept others from writing (SQLite), or how long it took.
    pub held: Duration,
}

/// What a project's rows stand in, beside its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    Deliveries,
    Attempts,
    Forwards,
    Bodies,
    Events,
    Health,
    LastAttempts,
}

impl Table {
    /// In the order in which a deleted project loses them: the queue first, so that nobody works on it any more.
    pub const ALL: [Self; 7] = [
        Self::Deliveries,
        Self::Attempts,
        Self::Forwards,
        Self::Bodies,
        Self::Events,
        Self::Health,
        Self::LastAttempts,
    ];

    /// Its name, and the column that stands behind the project in its key.
    const fn key(self) -> (&'static str, &'static str) {
        match self {
            Self::Deliveries => ("deliveries", "id"),
            Self::Attempts => ("attempts", "delivery_id"),
            Self::Forwards => ("forwards", "event_id"),
            Self::Bodies => ("event_bodies", "event_id"),
            Self::Events => ("events", "id"),
            Self::Health => ("destination_health", "destination_id"),
            Self::LastAttempts => ("destination_last", "destination_id"),
        }
    }
}

/// An event that was looked at.
struct Old {
    id: Uuid,
    has_ended: bool,
}

impl Store {
    /// Every project with its retention.
    pub async fn retentions(&self) -> Result<Vec<(EnvId, RetentionDays)>> {
        let sql = "SELECT id, retention_days FROM environments WHERE deleted_at IS NULL ORDER BY id";
        let rows = self.reader().query_all_raw(self.statement(sql, [])).await?;
        let read = |row| {
            let days = number("environments", "retention_days", get(row, "retention_days")?)?;
            Ok((EnvId::from_u128(get::<Uuid>(row, "id")?.as_u128()), days))
        };
        rows.iter().map(read).collect()
    }

    /// Projects that were deleted before `at`, the longest deleted first, 100 at most.
    pub async fn deleted_environments(&self, at: Timestamp) -> Result<Vec<EnvId>> {
        let sql = format!(
            "SELECT id FROM environments WHERE deleted_at IS NOT NULL AND deleted_at < $1 \
             ORDER BY deleted_at LIMIT {DELETED_LIMIT}"
        );
        let rows = self.reader().query_all_raw(self.statement(sql, [at.as_micros().into()])).await?;
        rows.iter().map(|row| get::<Uuid>(row, "id").map(|id| EnvId::from_u128(id.as_u128()))).collect()
    }
}

impl Scope {
    /// Looks at up to `limit` events from `from` on and before `before`, and removes those whose deliveries have all
    /// ended, with everything that belongs to them.
    pub async fn remove_ended_events(&self, from: EventId, before: EventId, limit: u32) -> Result<Removal> {
        let looked = self.look_at(from, before, limit).await?;
        let last = looked.last().map(|old| old.id.as_u128());
        let next = last.filter(|_| looked.len() >= limit as usize).map(|last| EventId::from_u128(last + 1));
        let ended: Vec<Uuid> = looked.into_iter().filter(|old| old.has_ended).map(|old| old.id).collect();
        let (events, held) = match (self.store.writer(), ended.as_slice()) {
            (_, []) => (0, Duration::ZERO),
            (Connection::Sqlite(connections), [first, .., last] | [first @ last]) => {
                sqlite::remove(self, connections, *first, *last).await?
            }
            (Connection::Postgres(database), ended) => {
                let begun = Instant::now();
                (postgres::remove(self, database, ended).await?, begun.elapsed())
            }
        };
        Ok(Removal { next, events, held })
    }

    async fn look_at(&self, from: EventId, before: EventId, limit: u32) -> Result<Vec<Old>> {
        let sql = "SELECT id, open_count = 0 AS has_ended FROM events WHERE env_id = $1 AND id >= $2 AND id < $3 \
            ORDER BY id LIMIT $4";
        let values = [
            self.env_uuid().into(),
            uuid(from.as_u128()).into(),
            uuid(before.as_u128()).into(),
            i64::from(limit).into(),
        ];
        let rows = self.store.reader().query_all_raw(self.store.statement(sql, values)).await?;
        rows.iter().map(|row| Ok(Old { id: get(row, "id")?, has_ended: get(row, "has_ended")? })).collect()
    }

    /// Removes about `limit` rows of a deleted project from the beginning of a table's keys at `from` on. Returns where
    /// to go on, unless that was all, and how long the removal held others up.
    pub async fn remove_rows(&self, table: Table, from: u128, limit: u32) -> Result<(Option<u128>, Duration)> {
        let (table, column) = table.key();
        let sql = format!(
            "SELECT {column} AS last FROM {table} WHERE env_id = $1 AND {column} >= $2 ORDER BY {column} LIMIT 1 OFFSET $3"
        );
        let offset = i64::from(limit.saturating_sub(1));
        let values = [self.env_uuid().into(), uuid(from).into(), offset.into()];
        let last = self.store.reader().query_one_raw(self.store.statement(sql, values)).await?;
        let last = last.map(|row| get::<Uuid>(&row, "last")).transpose()?;
        let sql = format!("DELETE FROM {table} WHERE env_id = $1 AND {column} >= $2 AND {column} <= $3");
        let values = [self.env_uuid().into(), uuid(from).into(), last.unwrap_or(Uuid::max()).into()];
        let statement = self.store.statement(sql, values);
        let transaction = self.store.begin().await?;
        let begun = Instant::now();
        if self.store.is_shared() {
            transaction.execute_unprepared(postgres::UNHURRIED).await?;
        }
        let rows = transaction.execute_raw(statement).await?.rows_affected();
        transaction.commit().await?;
        let held = begun.elapsed();
        self.store.note_written(sqlite::log_bytes(rows));
        Ok((last.and_then(|last| last.as_u128().checked_add(1)), held))
    }

    /// Removes the configuration and the keys of a deleted project that has lost everything else, and the project.
    pub async fn remove_environment(&self) -> Result<()> {
        let transaction = self.store.begin().await?;
        let version = next_version(&self.store, &transaction).await?;
        let sql = "UPDATE config_version SET purged = $1 WHERE id = 1";
        transaction.execute_raw(self.store.statement(sql, [version.into()])).await?;
        for table in WITH_A_PROJECT {
            let sql = format!("DELETE FROM {table} WHERE env_id = $1");
            transaction.execute_raw(self.store.statement(sql, [self.env_uuid().into()])).await?;
        }
        let sql = "DELETE FROM environments WHERE id = $1 AND deleted_at IS NOT NULL";
        transaction.execute_raw(self.store.statement(sql, [self.env_uuid().into()])).await?;
        self.store.commit(transaction).await?;
        self.store.config_changed();
        Ok(())
    }
}
