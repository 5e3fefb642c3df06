//! How destinations do: counts of their attempts by spans of time and classes of latency, and what came of the newest.
//!
//! Counts are added up beside the way of deliveries, so that nobody counts attempts to show them. Five minutes are kept for
//! two hours, and hours for [`KEPT`].

use std::{collections::HashMap, time::Duration};

use domain::{
    delivery::ErrorClass,
    health::{Backlog, Bucket, Counted},
    id::{DestinationId, EnvId},
    time::Timestamp,
};
use sea_orm::{ConnectionTrait, QueryResult, Value, prelude::Uuid};

use crate::{
    batch::RowStatement,
    db::Store,
    error::Result,
    row::{at, get, number, parse, uuid},
    scope::Scope,
    signals::Signal,
};

/// The spans that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Span {
    FiveMinutes,
    Hour,
}

/// How long hours are kept.
pub const KEPT: Duration = Duration::from_hours(31 * 24);
const FIVE_MINUTES_KEPT: Duration = Duration::from_hours(2);
/// Rows that are forgotten in one transaction.
const FORGET_BATCH: u32 = 1000;
const ERROR_BYTES: usize = 2000;

/// Attempts of one destination that ended within the same five minutes and the same class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    pub env_id: EnvId,
    pub destination_id: DestinationId,
    /// When they ended, to the five minutes.
    pub at: Timestamp,
    pub bucket: Option<Bucket>,
    pub succeeded: u64,
    pub failed: u64,
}

/// What came of the newest attempts of a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    pub env_id: EnvId,
    pub destination_id: DestinationId,
    pub succeeded_at: Option<Timestamp>,
    pub failed: Option<(Timestamp, String, ErrorClass)>,
}

/// What a list shows of a destination.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    pub hour: Counted,
    pub day: Counted,
}

impl Span {
    const fn seconds(self) -> i64 {
        match self {
            Self::FiveMinutes => 300,
            Self::Hour => 3600,
        }
    }

    /// When the span begins that a moment lies in.
    #[must_use]
    pub const fn begins(self, moment: Timestamp) -> i64 {
        let seconds = moment.as_secs();
        seconds - seconds.rem_euclid(self.seconds())
    }
}

const ADD: &str = "INSERT INTO destination_health AS t (env_id, destination_id, span, begins_at, bucket, succeeded, failed) \
    SELECT v.column1, v.column2, v.column3, v.column4, v.column5, v.column6, v.column7 FROM ({rows}) AS v WHERE TRUE \
    ON CONFLICT (env_id, destination_id, span, begins_at, bucket) \
    DO UPDATE SET succeeded = t.succeeded + excluded.succeeded, failed = t.failed + excluded.failed";

const NOTE: &str = "INSERT INTO destination_last AS t (env_id, destination_id, succeeded_at, failed_at, error, error_class) \
    SELECT v.column1, v.column2, v.column3, v.column4, v.column5, v.column6 FROM ({rows}) AS v WHERE TRUE \
    ON CONFLICT (env_id, destination_id) DO UPDATE SET \
    succeeded_at = CASE WHEN excluded.succeeded_at > t.succeeded_at THEN excluded.succeeded_at ELSE t.succeeded_at END, \
    error = CASE WHEN excluded.failed_at > t.failed_at THEN excluded.error ELSE t.error END, \
    error_class = CASE WHEN excluded.failed_at > t.failed_at THEN excluded.error_class ELSE t.error_class END, \
    failed_at = CASE WHEN excluded.failed_at > t.failed_at THEN excluded.failed_at ELSE t.failed_at END";

/// Project, destination, length and begin of a span, class of latency: the key of a count.
type Key = (EnvId, DestinationId, i64, i64, i64);

impl Store {
    /// Adds attempts to the counts. Each destination and span stands there once for each class.
    pub async fn add_health(&self, attempts: &[Attempts], newest: &[Newest]) -> Result<()> {
        let mut added: HashMap<Key, (u64, u64)> = HashMap::new();
        for one in attempts {
            for span in [Span::FiveMinutes, Span::Hour] {
                let bucket = Bucket::stored(one.bucket);
                let key = (one.env_id, one.destination_id, span.seconds(), span.begins(one.at), bucket);
                let (succeeded, failed) = added.entry(key).or_default();
                *succeeded += one.succeeded;
                *failed += one.failed;
            }
        }
        // In one order, so that nodes that add at once do not wait for one another in a circle.
        let mut added: Vec<_> = added.into_iter().collect();
        added.sort_unstable_by_key(|(key, _)| *key);
        let big = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let rows = added.into_iter().map(|((env, destination, span, begins, bucket), (succeeded, failed))| {
            vec![
                uuid(env.as_u128()).into(),
                uuid(destination.as_u128()).into(),
                span.into(),
                begins.into(),
                bucket.into(),
                big(succeeded).into(),
                big(failed).into(),
            ]
        });
        let noted = newest.iter().map(|one| {
            let (failed_at, error, class) = one.failed.as_ref().map_or((0, "", ""), |(at, error, class)| {
                (at.as_micros(), &error[..error.floor_char_boundary(ERROR_BYTES)], class.as_str())
            });
            vec![
                uuid(one.env_id.as_u128()).into(),
                uuid(one.destination_id.as_u128()).into(),
                one.succeeded_at.map_or(0, Timestamp::as_micros).into(),
                failed_at.into(),
                error.into(),
                class.into(),
            ]
        });
        let statements =
            vec![RowStatement::new("counted", ADD, rows.collect()), RowStatement::new("noted", NOTE, noted.collect())];
        self.run_together(statements).await?;
        for one in newest {
            self.signals().send(Signal::Activity(one.env_id));
        }
        Ok(())
    }

    /// Forgets some of what is older than it is kept. Returns how many rows that were.
    pub async fn forget_health(&self, now: Timestamp) -> Result<u64> {
        const KEY: &str = "(env_id, destination_id, span, begins_at, bucket)";
        let columns = KEY.trim_matches(['(', ')']);
        let mut forgotten = 0;
        for (span, kept) in [(Span::FiveMinutes, FIVE_MINUTES_KEPT), (Span::Hour, KEPT)] {
            let sql = format!(
                "DELETE FROM destination_health WHERE {KEY} IN (SELECT {columns} FROM destination_health \
                 WHERE span = $1 AND begins_at < $2 ORDER BY begins_at LIMIT {FORGET_BATCH})"
            );
            let values = [span.seconds().into(), now.minus(kept).as_secs().into()];
            forgotten += self.writer().execute_raw(self.statement(sql, values)).await?.rows_affected();
        }
        Ok(forgotten)
    }
}

impl Scope {
    /// The attempts of these destinations, in the last hour and the last 24.
    pub async fn health_counts(
        &self,
        destinations: &[DestinationId],
        now: Timestamp,
    ) -> Result<HashMap<DestinationId, Counts>> {
        let mut counts: HashMap<DestinationId, Counts> = HashMap::new();
        let spans = [(Span::FiveMinutes, Duration::from_hours(1)), (Span::Hour, Duration::from_hours(24))];
        for (span, length) in spans {
            let (which, mut values) = in_list(destinations, 4);
            values.splice(0..0, [self.env_uuid().into(), span.seconds().into(), now.minus(length).as_secs().into()]);
            let sql = format!(
                "SELECT destination_id, bucket, CAST(sum(succeeded) AS BIGINT) AS succeeded, \
                 CAST(sum(failed) AS BIGINT) AS failed FROM destination_health \
                 WHERE env_id = $1 AND span = $2 AND begins_at > $3 AND destination_id IN ({which}) \
                 GROUP BY destination_id, bucket"
            );
            for row in self.rows(sql, values).await? {
                let counts = counts.entry(destination(&row)?).or_default();
                let counted = if span == Span::Hour { &mut counts.day } else { &mut counts.hour };
                add(counted, &row)?;
            }
        }
        Ok(counts)
    }

    /// The attempts of a destination in each of the last 24 hours, by when it began. Hours without any are left out.
    pub async fn health_hours(&self, id: DestinationId, now: Timestamp) -> Result<HashMap<i64, Counted>> {
        let sql = "SELECT begins_at, bucket, succeeded, failed FROM destination_health \
            WHERE env_id = $1 AND destination_id = $2 AND span = $3 AND begins_at > $4";
        let from = now.minus(Duration::from_hours(24)).as_secs();
        let values = vec![self.env_uuid().into(), uuid(id.as_u128()).into(), Span::Hour.seconds().into(), from.into()];
        let mut hours: HashMap<i64, Counted> = HashMap::new();
        for row in self.rows(sql.to_owned(), values).await? {
            add(hours.entry(get(&row, "begins_at")?).or_default(), &row)?;
        }
        Ok(hours)
    }

    /// The deliveries that wait for these destinations.
    pub async fn backlogs(&self, destinations: &[DestinationId]) -> Result<HashMap<DestinationId, Backlog>> {
        let (which, mut values) = in_list(destinations, 2);
        values.insert(0, self.env_uuid().into());
        // No more than it takes to know that there are many.
        let some = |of: &str| {
            format!("(SELECT count(*) FROM (SELECT 1 FROM deliveries w WHERE {of} LIMIT {}) AS s)", Backlog::MOST + 1)
        };
        let due = some("w.destination_id = d.id AND w.due_at IS NOT NULL");
        let parked = some("w.destination_id = d.id AND w.gated_at IS NOT NULL AND w.status = 'held'");
        let paused = some(
            "w.connection_id IN (SELECT c.id FROM connections c WHERE c.env_id = d.env_id AND c.destination_id = d.id) \
             AND w.gated_at IS NULL AND w.status = 'held'",
        );
        let sql = format!(
            "SELECT d.id AS destination_id, {due} + {parked} + {paused} AS waiting FROM destinations d \
             WHERE d.env_id = $1 AND d.id IN ({which})"
        );
        let rows = self.rows(sql, values).await?;
        rows.iter()
            .map(|row| Ok((destination(row)?, Backlog::new(number("deliveries", "count", get(row, "waiting")?)?))))
            .collect()
    }

    /// What came of a destination's newest attempts.
    pub async fn newest_attempts(&self, id: DestinationId) -> Result<Option<Newest>> {
        const T: &str = "destination_last";
        let sql = "SELECT succeeded_at, failed_at, error, error_class FROM destination_last \
            WHERE env_id = $1 AND destination_id = $2";
        let values = [self.env_uuid().into(), uuid(id.as_u128()).into()];
        let row = self.store.reader().query_one_raw(self.store.statement(sql, values)).await?;
        let Some(row) = row else { return Ok(None) };
        let moment = |column| get::<i64>(&row, column).map(|micros| (micros > 0).then(|| at(micros)));
        let failed = match moment("failed_at")? {
            Some(at) => {
                let class = parse(T, "error_class", &get::<String>(&row, "error_class")?)?;
                Some((at, get(&row, "error")?, class))
            }
            None => None,
        };
        let succeeded_at = moment("succeeded_at")?;
        Ok(Some(Newest { env_id: self.env_id, destination_id: id, succeeded_at, failed }))
    }

    async fn rows(&self, sql: String, values: Vec<Value>) -> Result<Vec<QueryResult>> {
        Ok(self.store.reader().query_all_raw(self.store.statement(sql, values)).await?)
    }
}

/// Placeholders from `$first` on, and their values.
fn in_list(ids: &[DestinationId], first: usize) -> (String, Vec<Value>) {
    let places: Vec<String> = (0..ids.len()).map(|n| format!("${}", first + n)).collect();
    (places.join(", "), ids.iter().map(|id| uuid(id.as_u128()).into()).collect())
}

fn destination(row: &QueryResult) -> Result<DestinationId> {
    Ok(DestinationId::from_u128(get::<Uuid>(row, "destination_id")?.as_u128()))
}

fn add(counted: &mut Counted, row: &QueryResult) -> Result<()> {
    const T: &str = "destination_health";
    let bucket = Bucket::read(get(row, "bucket")?);
    let succeeded = number(T, "succeeded", get(row, "succeeded")?)?;
    counted.add(bucket, succeeded, number(T, "failed", get(row, "failed")?)?);
    Ok(())
}
