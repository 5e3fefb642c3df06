//! Replays of a project: what was asked for, how far it has come, and what became of its deliveries.
//!
//! A replay goes through its range in steps ([`step`]), each of which makes some deliveries and moves the replay on behind
//! their events in one transaction. So whatever is killed, each event is sent once through each connection.

mod step;
mod withdraw;

use std::time::Duration;

use domain::{
    id::{ConnectionId, EnvId, EventId, ReplayId, SourceId},
    page::{Page, PageRequest},
    replay::{MAX_UNFINISHED, Replay, ReplayCounts, ReplayOutcome, ReplaySpec, ReplayStatus, progress},
    time::Timestamp,
};
use sea_orm::{ConnectionTrait, QueryResult, Value, prelude::Uuid};

pub use self::step::{Advance, Looked, PlannedReplay, Step};
use crate::{
    db::Store,
    error::Result,
    events::Conditions,
    row::{at, get, json, number, parse, to_json, uuid},
    scope::{Scope, rows_wanted},
    signals::Signal,
};

/// Events of a range that are counted.
pub const COUNTED_EVENTS: u32 = 100_000;
/// Deliveries of a replay that are counted of each status.
const COUNTED_DELIVERIES: u32 = 100_000;

const COLUMNS: &str = "e.env_id, e.id, e.source_id, e.connection_id, e.from_at, e.to_at, e.filter, e.rate_per_second, \
    e.event_limit, e.include_duplicates, e.status, e.error, e.reached, e.paced_until, e.total_events, e.events, e.matched, \
    e.deliveries, e.duplicates, e.filtered, e.still_open, e.no_route, e.created_at, e.started_at, e.finished_at, e.updated_at";

/// A replay, and where its next step begins.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplayAtWork {
    pub replay: Replay,
    /// The last event that was looked at.
    pub reached: Option<EventId>,
    /// Up to when deliveries of one with a rate are spread.
    pub paced_until: Option<Timestamp>,
}

impl Store {
    /// Whether there is any replay to work on.
    pub async fn has_active_replays(&self) -> Result<bool> {
        let sql = "SELECT 1 AS one FROM replays WHERE is_active LIMIT 1";
        Ok(self.reader().query_one_raw(self.statement(sql, [])).await?.is_some())
    }

    /// Replays to work on behind `after`, in the order of their ids, but for those of deleted projects.
    pub async fn active_replays(&self, after: ReplayId, limit: u32) -> Result<Vec<(EnvId, ReplayId)>> {
        let sql = "SELECT e.env_id, e.id FROM replays e WHERE e.is_active AND e.id > $1 AND EXISTS (\
             SELECT 1 FROM environments v WHERE v.id = e.env_id AND v.deleted_at IS NULL) ORDER BY e.id LIMIT $2";
        let values = [uuid(after.as_u128()).into(), i64::from(limit).into()];
        let rows = self.reader().query_all_raw(self.statement(sql, values)).await?;
        rows.iter()
            .map(|row| {
                let id = |column| get::<Uuid>(row, column).map(|id| id.as_u128());
                Ok((EnvId::from_u128(id("env_id")?), ReplayId::from_u128(id("id")?)))
            })
            .collect()
    }
}

/// Replays that are removed at once.
const REMOVED: u32 = 500;
/// No project keeps anything for less.
const SHORTEST_KEPT: Duration = Duration::from_hours(24);

impl Store {
    /// Removes replays that ended longer ago than their projects keep events. Their deliveries go with their events.
    pub async fn remove_ended_replays(&self, now: Timestamp) -> Result<u64> {
        let sql = format!(
            "DELETE FROM replays WHERE (env_id, id) IN (SELECT e.env_id, e.id FROM replays e \
             JOIN environments v ON v.id = e.env_id WHERE e.finished_at IS NOT NULL AND e.finished_at < $1 \
             AND e.is_active = $3 AND e.finished_at < $2 - v.retention_days * 86400000000 LIMIT {REMOVED})"
        );
        let cutoff = now.minus(SHORTEST_KEPT);
        let values = [cutoff.as_micros().into(), now.as_micros().into(), false.into()];
        Ok(self.writer().execute_raw(self.statement(sql, values)).await?.rows_affected())
    }
}

impl Scope {
    /// Newest first, without their outcomes.
    pub async fn replays(&self, page: PageRequest) -> Result<Page<Replay>> {
        let mut conditions = Conditions::new(self.env_uuid());
        conditions.below(page.after);
        let (clause, mut values) = conditions.finish();
        values.push(i64::try_from(rows_wanted(&page)).unwrap_or(i64::MAX).into());
        let sql = format!("SELECT {COLUMNS} FROM replays e WHERE {clause} ORDER BY e.id DESC LIMIT ${}", values.len());
        let rows = self.store.reader().query_all_raw(self.store.statement(sql, values)).await?;
        let replays = rows.iter().map(|row| at_work(row).map(|found| found.replay)).collect::<Result<Vec<_>>>()?;
        Ok(Page::from_rows(replays, page.limit, |replay| replay.id.as_u128()))
    }

    pub async fn replay(&self, id: ReplayId) -> Result<Option<ReplayAtWork>> {
        let sql = format!("SELECT {COLUMNS} FROM replays e WHERE e.env_id = $1 AND e.id = $2");
        let values = [self.env_uuid().into(), uuid(id.as_u128()).into()];
        let row = self.store.reader().query_one_raw(self.store.statement(sql, values)).await?;
        row.map(|row| at_work(&row)).transpose()
    }

    /// How many of the project's replays are at work or paused, up to the number that may be.
    pub async fn unfinished_replays(&self) -> Result<u16> {
        let sql = "SELECT count(*) AS found FROM (SELECT 1 FROM replays WHERE env_id = $1 AND finished_at IS NULL LIMIT $2) AS f";
        let values = [self.env_uuid().into(), i64::from(MAX_UNFINISHED).into()];
        let row = self.store.reader().query_one_raw(self.store.statement(sql, values)).await?;
        row.map_or(Ok(0), |row| number("replays", "count", get(&row, "found")?))
    }

    /// `total` is how many events its range holds, unless those are more than are counted.
    pub async fn insert_replay(
        &self,
        id: ReplayId,
        spec: &ReplaySpec,
        total: Option<u64>,
        now: Timestamp,
    ) -> Result<()> {
        let sql = "INSERT INTO replays (env_id, id, source_id, connection_id, from_at, to_at, filter, rate_per_second, \
            event_limit, include_duplicates, status, is_active, total_events, events, matched, deliveries, duplicates, \
            filtered, still_open, no_route, created_at, updated_at) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, 0, 0, 0, 0, 0, 0, $14, $14)";
        let values: [Value; 14] = [
            self.env_uuid().into(),
            uuid(id.as_u128()).into(),
            Value::Uuid(spec.source_id.map(|id| uuid(id.as_u128()))),
            Value::Uuid(spec.connection_id.map(|id| uuid(id.as_u128()))),
            spec.from.as_micros().into(),
            spec.to.as_micros().into(),
            Value::String(spec.filter.as_ref().map(to_json).transpose()?),
            Value::BigInt(spec.rate_per_second.map(i64::from)),
            Value::BigInt(spec.limit.map(i64::from)),
            spec.include_duplicates.into(),
            ReplayStatus::Pending.as_str().into(),
            true.into(),
            Value::BigInt(total.and_then(|total| i64::try_from(total).ok())),
            now.as_micros().into(),
        ];
        self.store.writer().execute_raw(self.store.statement(sql, values)).await?;
        self.store.sync().await?;
        self.store.signals().send(Signal::Activity(self.env_id));
        Ok(())
    }

    /// Moves a replay on to `to`, if it is in one of `from`. Returns whether it was.
    pub async fn move_replay(
        &self,
        id: ReplayId,
        from: &[ReplayStatus],
        to: ReplayStatus,
        now: Timestamp,
    ) -> Result<bool> {
        // A cancelled one stays at work until what it has queued is withdrawn.
        let is_active = to != ReplayStatus::Paused;
        let finished = to.is_final().then_some(now.as_micros());
        let from: Vec<_> = from.iter().map(|status| format!("'{}'", status.as_str())).collect();
        let sql = format!(
            "UPDATE replays SET status = $1, is_active = $2, finished_at = $3, updated_at = $4 \
             WHERE env_id = $5 AND id = $6 AND status IN ({})",
            from.join(", ")
        );
        let values: [Value; 6] = [
            to.as_str().into(),
            is_active.into(),
            Value::BigInt(finished),
            now.as_micros().into(),
            self.env_uuid().into(),
            uuid(id.as_u128()).into(),
        ];
        let moved = self.store.writer().execute_raw(self.store.statement(sql, values)).await?.rows_affected() > 0;
        if moved {
            self.store.sync().await?;
            self.store.signals().send(Signal::Activity(self.env_id));
        }
        Ok(moved)
    }

    /// Ends a replay that cannot go on.
    pub async fn fail_replay(&self, id: ReplayId, why: &str, now: Timestamp) -> Result<()> {
        let sql = "UPDATE replays SET status = 'failed', is_active = $1, error = $2, finished_at = $3, updated_at = $3 \
            WHERE env_id = $4 AND id = $5 AND status IN ('pending', 'running')";
        let values: [Value; 5] =
            [false.into(), why.into(), now.as_micros().into(), self.env_uuid().into(), uuid(id.as_u128()).into()];
        self.store.writer().execute_raw(self.store.statement(sql, values)).await?;
        self.store.signals().send(Signal::Activity(self.env_id));
        Ok(())
    }

    /// What became of a replay's deliveries.
    pub async fn replay_outcome(&self, id: ReplayId) -> Result<ReplayOutcome> {
        const STATUSES: [&str; 7] = ["pending", "in_flight", "waiting", "held", "succeeded", "failed", "cancelled"];
        let one = |status: &str| {
            format!(
                "(SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE env_id = $1 AND replay_id = $2 AND status = '{status}' \
                 LIMIT {COUNTED_DELIVERIES}) AS f) AS {status}"
            )
        };
        let sql = format!("SELECT {}", STATUSES.map(one).join(", "));
        let values = [self.env_uuid().into(), uuid(id.as_u128()).into()];
        let row = self.store.reader().query_one_raw(self.store.statement(sql, values)).await?;
        let Some(row) = row else { return Ok(ReplayOutcome::default()) };
        let mut counts = [0; STATUSES.len()];
        for (status, count) in STATUSES.into_iter().zip(&mut counts) {
            *count = number::<u64>("deliveries", "count", get(&row, status)?)?;
        }
        let [pending, in_flight, waiting, held, succeeded, failed, cancelled] = counts;
        let is_complete = counts.iter().all(|count| *count < u64::from(COUNTED_DELIVERIES));
        Ok(ReplayOutcome { open: pending + in_flight + waiting + held, succeeded, failed, cancelled, is_complete })
    }

    /// How many of a replay's deliveries are due or will be without having failed before, and how many are still to be made
    /// in whatever way, up to these many.
    pub async fn replay_backlog(&self, id: ReplayId, pending: u32, open: u32) -> Result<(u32, u32)> {
        let counted = |statuses: &str, place: u8| {
            format!(
                "(SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE env_id = $1 AND replay_id = $2 \
                 AND status IN ({statuses}) LIMIT ${place}) AS f)"
            )
        };
        let sql = format!(
            "SELECT {} AS pending, {} AS open",
            counted("'pending'", 3),
            counted("'pending', 'in_flight', 'waiting', 'held'", 4)
        );
        let values =
            [self.env_uuid().into(), uuid(id.as_u128()).into(), i64::from(pending).into(), i64::from(open).into()];
        let row = self.store.reader().query_one_raw(self.store.statement(sql, values)).await?;
        let Some(row) = row else { return Ok((0, 0)) };
        let count = |column| number("deliveries", "count", get(&row, column)?);
        Ok((count("pending")?, count("open")?))
    }

    /// How many events a range holds, up to one more than [`COUNTED_EVENTS`].
    pub async fn count_events(&self, source: Option<SourceId>, from: EventId, before: EventId) -> Result<u64> {
        let mut conditions = Conditions::new(self.env_uuid());
        if let Some(source) = source {
            conditions.add("e.source_id = ?", [uuid(source.as_u128()).into()]);
        }
        conditions.add("e.id >= ?", [uuid(from.as_u128()).into()]);
        conditions.add("e.id < ?", [uuid(before.as_u128()).into()]);
        let (clause, values) = conditions.finish();
        let limit = COUNTED_EVENTS + 1;
        let sql = format!("SELECT count(*) AS found FROM (SELECT 1 FROM events e WHERE {clause} LIMIT {limit}) AS f");
        let row = self.store.reader().query_one_raw(self.store.statement(sql, values)).await?;
        row.map_or(Ok(0), |row| number("events", "count", get(&row, "found")?))
    }
}

fn at_work(row: &QueryResult) -> Result<ReplayAtWork> {
    const T: &str = "replays";
    let id = |column| get::<Uuid>(row, column).map(|id| id.as_u128());
    let optional_id = |column| get::<Option<Uuid>>(row, column).map(|id| id.map(|id| id.as_u128()));
    let optional = |column: &'static str| get::<Option<i64>>(row, column);
    let small = |column: &'static str| optional(column)?.map(|value| number(T, column, value)).transpose();
    let count = |column: &'static str| number(T, column, get(row, column)?);
    let filter: Option<String> = get(row, "filter")?;
    let spec = ReplaySpec {
        source_id: optional_id("source_id")?.map(SourceId::from_u128),
        connection_id: optional_id("connection_id")?.map(ConnectionId::from_u128),
        from: at(get(row, "from_at")?),
        to: at(get(row, "to_at")?),
        filter: filter.map(|text| json(T, "filter", &text)).transpose()?,
        rate_per_second: small("rate_per_second")?,
        limit: small("event_limit")?,
        include_duplicates: get(row, "include_duplicates")?,
    };
    let counts = ReplayCounts {
        events: count("events")?,
        matched: count("matched")?,
        deliveries: count("deliveries")?,
        duplicates: count("duplicates")?,
        filtered: count("filtered")?,
        still_open: count("still_open")?,
        no_route: count("no_route")?,
    };
    let status = parse(T, "status", &get::<String>(row, "status")?)?;
    let total_events = optional("total_events")?.map(|total| number(T, "total_events", total)).transpose()?;
    let reached = optional_id("reached")?.map(EventId::from_u128);
    let replay = Replay {
        id: ReplayId::from_u128(id("id")?),
        env_id: EnvId::from_u128(id("env_id")?),
        progress: progress(&spec, status, &counts, total_events, reached),
        source_id: spec.source_id,
        connection_id: spec.connection_id,
        from: spec.from,
        to: spec.to,
        filter: spec.filter,
        rate_per_second: spec.rate_per_second,
        limit: spec.limit,
        include_duplicates: spec.include_duplicates,
        status,
        error: get(row, "error")?,
        total_events,
        counts,
        outcome: None,
        created_at: at(get(row, "created_at")?),
        started_at: optional("started_at")?.map(at),
        finished_at: optional("finished_at")?.map(at),
        updated_at: at(get(row, "updated_at")?),
    };
    Ok(ReplayAtWork { replay, reached, paced_until: optional("paced_until")?.map(at) })
}
