//! Storing what became of attempts: the attempt itself, where its delivery stands now, and what follows for the event.

use domain::{
    delivery::{Attempt, DeliveryStatus, ErrorClass},
    id::{DestinationId, EnvId, EventId, IssueId},
    issue::Cause,
    time::Timestamp,
};
use sea_orm::Value;

use super::{events_of::status_of, failure};
use crate::{
    batch::{RowStatement, Rows},
    error::Result,
    gates::GateReport,
    row::{text, to_json, uuid},
};

/// An attempt that has ended.
#[derive(Debug, Clone)]
pub struct AttemptRecord {
    pub env_id: EnvId,
    pub event_id: EventId,
    pub destination_id: DestinationId,
    pub attempt: Attempt,
    pub verdict: Verdict,
    /// What it means for its destination's gate; `None` for most.
    pub gate: Option<GateReport>,
}

impl AttemptRecord {
    /// The issue that the delivery belongs to once it is given up.
    pub(super) fn issue(&self) -> Option<(IssueId, Cause)> {
        let cause = Cause::of(&self.attempt).filter(|_| self.verdict == Verdict::GiveUp)?;
        Some((IssueId::of(self.destination_id, cause), cause))
    }

    pub(super) fn ended_at(&self) -> Timestamp {
        let latency = std::time::Duration::from_millis(self.attempt.latency_ms.into());
        self.attempt.started_at.plus(latency)
    }
}

/// What follows from an attempt for its delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Succeeded,
    /// Tried again at this time.
    Retry(Timestamp),
    /// Out of attempts: into the dead letter queue.
    GiveUp,
}

impl Verdict {
    const fn status(self) -> DeliveryStatus {
        match self {
            Self::Succeeded => DeliveryStatus::Succeeded,
            Self::Retry(_) => DeliveryStatus::Waiting,
            Self::GiveUp => DeliveryStatus::Failed,
        }
    }

    const fn due_at(self) -> Option<i64> {
        match self {
            Self::Retry(at) => Some(at.as_micros()),
            Self::Succeeded | Self::GiveUp => None,
        }
    }
}

// An attempt that is recorded again, since the first commit's answer was lost, is there already.
const ATTEMPTS: &str = "INSERT INTO attempts (env_id, delivery_id, id, attempt_number, attempt_trigger, status, started_at, \
    latency_ms, response_status, response_headers, response_body, error, error_class, request, next_retry_at) {rows} \
    ON CONFLICT DO NOTHING";
// Only while this node holds the lease: one that was taken for dead must not undo what its successor did. And only once:
// when an outcome is handed over again, since the first commit's answer was lost, the node may have the next attempt in
// hand already.
const DELIVERIES: &str = "UPDATE deliveries SET status = v.column3, attempt_trigger = 'retry', \
    attempt_count = v.column4, due_at = v.column5, lease_owner = NULL, is_dlq = v.column6, last_error = v.column7, \
    updated_at = v.column8";
const WHERE_HELD: &str = "FROM ({rows}) AS v WHERE deliveries.env_id = v.column1 AND deliveries.id = v.column2 AND deliveries.lease_owner = {all} \
    AND deliveries.attempt_count = v.column4 - 1";
const RETURNING: &str = "RETURNING deliveries.env_id, deliveries.event_id, deliveries.status";
const SET_COUNTS: &str = concat!(
    "UPDATE events SET open_count = open_count - t.succeeded - t.failed, succeeded_count = succeeded_count + t.succeeded, \
     failed_count = failed_count + t.failed, status = ",
    status_of!("open_count - t.succeeded - t.failed", "succeeded_count + t.succeeded", "failed_count + t.failed"),
    " FROM "
);
/// How many deliveries of each event have ended so, from rows `e`.
const ENDED: &str = "SELECT e.env_id, e.event_id, count(CASE WHEN e.status = 'succeeded' THEN 1 END) AS succeeded, \
    count(CASE WHEN e.status = 'failed' THEN 1 END) AS failed FROM ";
const OF_EVENT: &str = "WHERE events.env_id = t.env_id AND events.id = t.event_id";

// The same for SQLite, one by one.
const ONE_DELIVERY: &str = "UPDATE deliveries SET status = ?, attempt_trigger = 'retry', attempt_count = ?, due_at = ?, \
    lease_owner = NULL, is_dlq = ?, last_error = ?, updated_at = ? \
    WHERE env_id = ? AND id = ? AND attempt_count = ? AND lease_owner = ?";
const ONE_SUCCEEDED: &str = concat!(
    "UPDATE events SET open_count = open_count - 1, succeeded_count = succeeded_count + 1, status = ",
    status_of!("open_count - 1", "succeeded_count + 1", "failed_count")
);
const ONE_FAILED: &str =
    "UPDATE events SET open_count = open_count - 1, failed_count = failed_count + 1, status = 'failed'";
const WHERE_LEASED: &str = "WHERE env_id = ? AND id = ? AND EXISTS (SELECT 1 FROM deliveries d \
    WHERE d.env_id = ? AND d.id = ? AND d.attempt_count = ? AND d.lease_owner = ?)";

/// What stores the attempts and their consequences.
pub(super) fn updates(records: &[AttemptRecord], node: i64, is_shared: bool) -> Result<Vec<RowStatement>> {
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let attempts = RowStatement::new("attempts", ATTEMPTS, records.iter().map(attempt_row).collect::<Result<_>>()?);
    let failures = failure::statements(records, node, is_shared);
    if is_shared {
        let (deliveries, returning) = if failures.is_empty() {
            (records.iter().map(delivery_row).collect(), format!("{DELIVERIES} {WHERE_HELD} {RETURNING}"))
        } else {
            (
                records.iter().map(failure::delivery_row).collect(),
                format!("{DELIVERIES}{} {WHERE_HELD} {RETURNING}, deliveries.issue_id", failure::SET_ISSUE),
            )
        };
        // Events in one order, so that two nodes that settle the same ones do not wait for each other for ever.
        let sql = format!(
            "{SET_COUNTS} ({ENDED} settled AS e WHERE e.status IN ('succeeded', 'failed') \
             GROUP BY e.env_id, e.event_id ORDER BY e.env_id, e.event_id) AS t {OF_EVENT}"
        );
        let events = RowStatement { rows: Rows::OfAnother, ..RowStatement::new("concluded", sql, vec![]) };
        let settled = RowStatement::new("settled", returning, deliveries).with_all(node);
        // The events are what the statement as a whole does: they are locked before the issues.
        return Ok([attempts, settled].into_iter().chain(failures).chain([events]).collect());
    }
    // A statement that changes rows is no part of another one on SQLite. What has ended is counted while it is still leased.
    let alone =
        |name, sql: String, rows| RowStatement { rows: Rows::EachAlone(rows), ..RowStatement::new(name, sql, vec![]) };
    let ended = |verdict: Verdict| records.iter().filter(|record| record.verdict == verdict).map(ended_row).collect();
    let mut statements = vec![
        attempts,
        alone("succeeded", format!("{ONE_SUCCEEDED} {WHERE_LEASED}"), ended(Verdict::Succeeded)).with_all(node),
        alone("failed", format!("{ONE_FAILED} {WHERE_LEASED}"), ended(Verdict::GiveUp)).with_all(node),
    ];
    statements.extend(failures);
    let deliveries = records.iter().map(lone_delivery_row).collect();
    statements.push(alone("deliveries", ONE_DELIVERY.to_owned(), deliveries).with_all(node));
    Ok(statements)
}

fn ended_row(record: &AttemptRecord) -> Vec<Value> {
    let env: Value = uuid(record.env_id.as_u128()).into();
    vec![
        env.clone(),
        uuid(record.event_id.as_u128()).into(),
        env,
        uuid(record.attempt.delivery_id.as_u128()).into(),
        (i64::from(record.attempt.attempt_number) - 1).into(),
    ]
}

/// The values of [`ONE_DELIVERY`].
fn lone_delivery_row(record: &AttemptRecord) -> Vec<Value> {
    let mut row = delivery_row(record);
    // The key stands behind what is set.
    row.rotate_left(2);
    row.push((i64::from(record.attempt.attempt_number) - 1).into());
    row
}

fn attempt_row(record: &AttemptRecord) -> Result<Vec<Value>> {
    let attempt = &record.attempt;
    let response_headers = attempt.response_headers.as_ref().map(to_json).transpose()?;
    Ok(vec![
        uuid(record.env_id.as_u128()).into(),
        uuid(attempt.delivery_id.as_u128()).into(),
        uuid(attempt.id.as_u128()).into(),
        i64::from(attempt.attempt_number).into(),
        attempt.trigger.as_str().into(),
        attempt.status.as_str().into(),
        attempt.started_at.as_micros().into(),
        i64::from(attempt.latency_ms).into(),
        Value::BigInt(attempt.response_status.map(i64::from)),
        Value::String(response_headers),
        text(attempt.response_body.as_deref()),
        text(attempt.error.as_deref()),
        text(attempt.error_class.map(ErrorClass::as_str)),
        to_json(&attempt.request)?.into(),
        Value::BigInt(attempt.next_retry_at.map(Timestamp::as_micros)),
    ])
}

pub(super) fn delivery_row(record: &AttemptRecord) -> Vec<Value> {
    let attempt = &record.attempt;
    vec![
        uuid(record.env_id.as_u128()).into(),
        uuid(attempt.delivery_id.as_u128()).into(),
        record.verdict.status().as_str().into(),
        i64::from(attempt.attempt_number).into(),
        Value::BigInt(record.verdict.due_at()),
        (record.verdict == Verdict::GiveUp).into(),
        text(attempt.error.as_deref()),
        record.ended_at().as_micros().into(),
    ]
}
