//! What deliveries that are given up mean for the issues of their destinations, in the commit that records them.
//!
//! An id of an issue follows from its destination and cause, so nothing has to be read, and two nodes that open the same one at
//! once make one. A batch in which nothing is given up has none of this. Issues are locked last, in the order of their ids.

use std::collections::BTreeMap;

use domain::{
    id::{IssueId, uuid_v7},
    issue::Cause,
};
use sea_orm::Value;

use super::record::{self, AttemptRecord};
use crate::{
    batch::{RowStatement, Rows},
    row::{text, uuid},
};

/// What is set of a delivery beside the rest, from [`delivery_row`].
pub(super) const SET_ISSUE: &str = ", issue_id = coalesce(v.column9, deliveries.issue_id)";

const COLUMNS: &str = "INSERT INTO issues (env_id, id, destination_id, error_class, response_status, status, \
    status_changed_at, first_seen_at, last_seen_at, seen, last_error, example_event_id, example_delivery_id, \
    example_attempt_id, failure_count, regression_count) ";
/// A failure after it was resolved opens it again. What is snoozed or acknowledged stays so.
const FEED: &str = " ON CONFLICT (env_id, id) DO UPDATE SET failure_count = issues.failure_count + excluded.failure_count, \
    regression_count = issues.regression_count + CASE WHEN issues.status = 'resolved' THEN 1 ELSE 0 END, \
    status_changed_at = CASE WHEN issues.status = 'resolved' THEN excluded.last_seen_at ELSE issues.status_changed_at END, \
    status = CASE WHEN issues.status = 'resolved' THEN 'open' ELSE issues.status END, resolved_by = NULL, \
    last_seen_at = CASE WHEN excluded.last_seen_at > issues.last_seen_at THEN excluded.last_seen_at ELSE issues.last_seen_at END, \
    seen = CASE WHEN excluded.seen > issues.seen THEN excluded.seen ELSE issues.seen END, \
    last_error = excluded.last_error, example_event_id = excluded.example_event_id, \
    example_delivery_id = excluded.example_delivery_id, example_attempt_id = excluded.example_attempt_id";
/// All failures of an issue in one row. Those count that were recorded.
const TOGETHER: &str = "SELECT v.column1, v.column2, v.column3, v.column4, v.column5, 'open', v.column6, v.column6, v.column7, \
    v.column8, v.column9, v.column10, v.column11, v.column12, t.failures, 0 FROM ({rows}) AS v \
    JOIN (SELECT s.issue_id, count(*) AS failures FROM settled AS s WHERE s.status = 'failed' GROUP BY s.issue_id) AS t \
    ON t.issue_id = v.column2 ORDER BY v.column1, v.column2";

// The same for SQLite, one by one, while the delivery is still leased.
const WHERE_LEASED: &str = "WHERE env_id = ? AND id = ? AND attempt_count = ? AND lease_owner = ?";
const ONE: &str = "SELECT ?, ?, ?, ?, ?, 'open', ?, ?, ?, ?, ?, ?, ?, ?, 1, 0 WHERE EXISTS (SELECT 1 FROM deliveries ";
const BLAME: &str = "UPDATE deliveries SET issue_id = ? ";

/// What feeds the issues of those that are given up; nothing when none is.
pub(super) fn statements(records: &[AttemptRecord], node: i64, is_shared: bool) -> Vec<RowStatement> {
    let failures: Vec<_> =
        records.iter().filter_map(|record| record.issue().map(|(id, cause)| (id, cause, record))).collect();
    if failures.is_empty() {
        return Vec::new();
    }
    if is_shared {
        let mut issues: BTreeMap<IssueId, Together<'_>> = BTreeMap::new();
        for (id, cause, record) in failures {
            let together = issues.entry(id).or_insert(Together { cause, first: record, latest: record });
            if record.ended_at() < together.first.ended_at() {
                together.first = record;
            }
            if record.ended_at() >= together.latest.ended_at() {
                together.latest = record;
            }
        }
        let rows = issues.iter().map(|(id, together)| together.row(*id)).collect();
        return vec![RowStatement::new("fed", format!("{COLUMNS}{TOGETHER}{FEED}"), rows)];
    }
    let leased = |record: &AttemptRecord| -> [Value; 3] {
        [
            uuid(record.env_id.as_u128()).into(),
            uuid(record.attempt.delivery_id.as_u128()).into(),
            (i64::from(record.attempt.attempt_number) - 1).into(),
        ]
    };
    let feed = |(id, cause, record): &(IssueId, Cause, &AttemptRecord)| {
        let mut row = Together { cause: *cause, first: record, latest: record }.row(*id);
        // When it was opened stands twice.
        row.insert(6, row[5].clone());
        row.into_iter().chain(leased(record)).collect()
    };
    let blame = |(id, _, record): &(IssueId, Cause, &AttemptRecord)| {
        [uuid(id.as_u128()).into()].into_iter().chain(leased(record)).collect()
    };
    let alone =
        |name, sql: String, rows| RowStatement { rows: Rows::EachAlone(rows), ..RowStatement::new(name, sql, vec![]) };
    vec![
        alone("fed", format!("{COLUMNS}{ONE}{WHERE_LEASED}){FEED}"), failures.iter().map(feed).collect())
            .with_all(node),
        alone("blamed", format!("{BLAME}{WHERE_LEASED}"), failures.iter().map(blame).collect()).with_all(node),
    ]
}

/// What a batch says of an issue.
struct Together<'a> {
    cause: Cause,
    first: &'a AttemptRecord,
    latest: &'a AttemptRecord,
}

impl Together<'_> {
    fn row(&self, id: IssueId) -> Vec<Value> {
        let Self { cause, first, latest } = self;
        let (attempt, seen_at) = (&latest.attempt, latest.ended_at());
        vec![
            uuid(latest.env_id.as_u128()).into(),
            uuid(id.as_u128()).into(),
            uuid(latest.destination_id.as_u128()).into(),
            cause.error_class.as_str().into(),
            cause.response_status.map_or(0, i64::from).into(),
            first.ended_at().as_micros().into(),
            seen_at.as_micros().into(),
            uuid(uuid_v7(seen_at, id.as_u128())).into(),
            text(attempt.error.as_deref()),
            uuid(latest.event_id.as_u128()).into(),
            uuid(attempt.delivery_id.as_u128()).into(),
            uuid(attempt.id.as_u128()).into(),
        ]
    }
}

/// A row of a delivery in a batch that has failures: the last column is the issue.
pub(super) fn delivery_row(record: &AttemptRecord) -> Vec<Value> {
    let mut row = record::delivery_row(record);
    row.push(Value::Uuid(record.issue().map(|(id, _)| uuid(id.as_u128()))));
    row
}
