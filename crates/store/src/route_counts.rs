//! What went over sources, connections and destinations lately, counted in pieces of a few minutes.

use std::{collections::HashMap, time::Duration};

use domain::{
    id::{ConnectionId, DestinationId, EnvId},
    time::Timestamp,
};
use sea_orm::{ConnectionTrait, prelude::Uuid};

use crate::{
    batch::RowStatement,
    db::Store,
    error::Result,
    row::{get, number, uuid},
    scope::Scope,
};

/// What is counted together.
pub const PIECE: Duration = Duration::from_mins(5);
/// How long it is kept.
pub const KEPT: Duration = Duration::from_hours(2);
/// Deliveries of one status that are looked at to tell a backlog.
const BACKLOG_LIMIT: u32 = 2_500;
/// Pieces that are forgotten at once.
const FORGOTTEN: u32 = 1_000;

/// What went over one thing: a source, a connection or a destination, by the bits of its id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RouteCount {
    /// Events of a source; deliveries made of a connection; deliveries that succeeded of a destination.
    pub passed: u64,
    /// Events that the filter of a connection did not let through.
    pub unmatched: u64,
    /// Those that its schema rejected.
    pub skipped: u64,
    /// Deliveries to a destination that were given up.
    pub failed: u64,
}

/// Where something is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CountedAt {
    pub env_id: EnvId,
    pub id: u128,
    /// The beginning of the piece.
    pub since: Timestamp,
}

impl CountedAt {
    #[must_use]
    pub fn new(env_id: EnvId, id: u128, at: Timestamp) -> Self {
        Self { env_id, id, since: piece_of(at) }
    }
}

fn piece_of(at: Timestamp) -> Timestamp {
    let piece = i64::try_from(PIECE.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(at.as_micros() - at.as_micros().rem_euclid(piece))
}

/// Deliveries that have not ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backlog {
    pub by_connection: HashMap<(ConnectionId, DestinationId), u64>,
    /// There are more than were counted.
    pub has_more: bool,
}

const ADD: &str = "INSERT INTO route_counts AS t (env_id, id, since, passed, unmatched, skipped, failed) \
    SELECT v.column1, v.column2, v.column3, v.column4, v.column5, v.column6, v.column7 FROM ({rows}) AS v WHERE true \
    ON CONFLICT (env_id, id, since) DO UPDATE SET passed = t.passed + excluded.passed, \
    unmatched = t.unmatched + excluded.unmatched, skipped = t.skipped + excluded.skipped, failed = t.failed + excluded.failed";

impl Store {
    /// Adds what was counted; in one order, so that nodes that add to the same do not wait for one another for ever.
    pub async fn add_route_counts(&self, counts: &std::collections::BTreeMap<CountedAt, RouteCount>) -> Result<()> {
        let count = |value: u64| i64::try_from(value).unwrap_or(i64::MAX).into();
        let row = |(at, counts): (&CountedAt, &RouteCount)| {
            vec![
                uuid(at.env_id.as_u128()).into(),
                uuid(at.id).into(),
                at.since.as_micros().into(),
                count(counts.passed),
                count(counts.unmatched),
                count(counts.skipped),
                count(counts.failed),
            ]
        };
        let rows = counts.iter().map(row).collect();
        self.run_together(vec![RowStatement::new("route_counts", ADD, rows)]).await
    }

    /// Forgets some of what is no longer kept. Returns how much.
    pub async fn forget_route_counts(&self, now: Timestamp) -> Result<u64> {
        let sql = format!(
            "DELETE FROM route_counts WHERE (env_id, id, since) IN \
             (SELECT env_id, id, since FROM route_counts WHERE since < $1 ORDER BY since LIMIT {FORGOTTEN})"
        );
        let kept_since = now.minus(KEPT);
        Ok(self.writer().execute_raw(self.statement(sql, [kept_since.as_micros().into()])).await?.rows_affected())
    }
}

impl Scope {
    /// What went over each thing of the project since the piece of `since`. Returns when that began as well.
    pub async fn route_counts(&self, since: Timestamp) -> Result<(Timestamp, HashMap<u128, RouteCount>)> {
        const T: &str = "route_counts";
        let since = piece_of(since);
        let sum = |column| format!("CAST(sum({column}) AS BIGINT) AS {column}");
        let sql = format!(
            "SELECT id, {}, {}, {}, {} FROM route_counts WHERE env_id = $1 AND since >= $2 GROUP BY id",
            sum("passed"),
            sum("unmatched"),
            sum("skipped"),
            sum("failed")
        );
        let values = [self.env_uuid().into(), since.as_micros().into()];
        let rows = self.store.reader().query_all_raw(self.store.statement(sql, values)).await?;
        let read = |row| {
            let count = RouteCount {
                passed: number(T, "passed", get(row, "passed")?)?,
                unmatched: number(T, "unmatched", get(row, "unmatched")?)?,
                skipped: number(T, "skipped", get(row, "skipped")?)?,
                failed: number(T, "failed", get(row, "failed")?)?,
            };
            Ok((get::<Uuid>(row, "id")?.as_u128(), count))
        };
        Ok((since, rows.iter().map(read).collect::<Result<_>>()?))
    }

    /// Deliveries that have not ended, as far as a bounded look shows.
    pub async fn backlog(&self) -> Result<Backlog> {
        let mut backlog = Backlog::default();
        for status in ["pending", "waiting", "held", "in_flight"] {
            // The condition that holds anyway is the index's.
            let sql = format!(
                "SELECT connection_id, destination_id, count(*) AS deliveries FROM (\
                   SELECT connection_id, destination_id FROM deliveries \
                   WHERE env_id = $1 AND status = '{status}' AND status <> 'succeeded' ORDER BY id LIMIT {BACKLOG_LIMIT}) AS open \
                 GROUP BY connection_id, destination_id"
            );
            let statement = self.store.statement(sql, [self.env_uuid().into()]);
            let mut all = 0;
            for row in self.store.reader().query_all_raw(statement).await? {
                let id = |column| get::<Uuid>(&row, column).map(|id| id.as_u128());
                let key =
                    (ConnectionId::from_u128(id("connection_id")?), DestinationId::from_u128(id("destination_id")?));
                let deliveries: u64 = number("deliveries", "count", get(&row, "deliveries")?)?;
                *backlog.by_connection.entry(key).or_default() += deliveries;
                all += deliveries;
            }
            backlog.has_more |= all >= u64::from(BACKLOG_LIMIT);
        }
        Ok(backlog)
    }
}
