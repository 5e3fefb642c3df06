//! Storing what became of attempts: the attempt itself, where its delivery stands now, and what follows for the event.

use std::collections::BTreeSet;

use domain::{
    delivery::{Attempt, DeliveryStatus, ErrorClass},
    id::{EnvId, EventId},
    time::Timestamp,
};
use sea_orm::Value;

use super::events_of;
use crate::{
    batch::RowStatement,
    error::Result,
    row::{text, to_json, uuid},
};

/// An attempt that has ended.
#[derive(Debug, Clone)]
pub struct AttemptRecord {
    pub env_id: EnvId,
    pub event_id: EventId,
    pub attempt: Attempt,
    pub verdict: Verdict,
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
// Only while this node holds the lease: one that was taken for dead must not undo what its successor did.
const DELIVERIES: &str = "UPDATE deliveries SET status = v.column3, attempt_trigger = 'retry', \
    attempt_count = v.column4, due_at = v.column5, lease_owner = NULL, is_dlq = v.column6, last_error = v.column7, \
    updated_at = v.column8 FROM ({rows}) AS v \
    WHERE deliveries.env_id = v.column1 AND deliveries.id = v.column2 AND deliveries.lease_owner = {all}";

/// What stores the attempts and their consequences, in this order.
pub(super) fn updates(records: &[AttemptRecord], node: i64, is_shared: bool) -> Result<Vec<RowStatement>> {
    let attempts = records.iter().map(attempt_row).collect::<Result<_>>()?;
    let deliveries = records.iter().map(delivery_row).collect();
    let events: BTreeSet<(EnvId, EventId)> = records.iter().map(|record| (record.env_id, record.event_id)).collect();
    let lock = is_shared.then(|| RowStatement::new(events_of::LOCK, events_of::keys(&events)));
    let updates = [
        RowStatement::new(ATTEMPTS, attempts),
        RowStatement { all: Some(node.into()), ..RowStatement::new(DELIVERIES, deliveries) },
        RowStatement::new(events_of::REFRESH, events_of::keys(&events)),
    ];
    Ok(lock.into_iter().chain(updates).collect())
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

fn delivery_row(record: &AttemptRecord) -> Vec<Value> {
    let attempt = &record.attempt;
    let ended = attempt.started_at.plus(std::time::Duration::from_millis(u64::from(attempt.latency_ms)));
    vec![
        uuid(record.env_id.as_u128()).into(),
        uuid(attempt.delivery_id.as_u128()).into(),
        record.verdict.status().as_str().into(),
        i64::from(attempt.attempt_number).into(),
        Value::BigInt(record.verdict.due_at()),
        (record.verdict == Verdict::GiveUp).into(),
        text(attempt.error.as_deref()),
        ended.as_micros().into(),
    ]
}
