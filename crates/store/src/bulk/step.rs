//! A few deliveries of an operation, in one transaction.
//!
//! Locks are taken in this order: the operation, gates of ordered destinations, events, deliveries. Whatever takes a delivery out
//! of the state that the operation wants it in locks its event first, so nothing of it changes under the step's hands.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use domain::{
    bulk::{BulkKind, BulkOperation, BulkStatus, Selection},
    id::{BulkOperationId, DestinationId},
    time::Timestamp,
};
use sea_orm::{ConnectionTrait, QueryResult, Value, prelude::Uuid};

use super::Placed;
use crate::{
    batch::{Between, Prepared, RowStatement},
    error::Result,
    gates::order::BRING_BACK,
    row::{get, uuid},
    scope::Scope,
    signals::Signal,
    writer::events_of::status_of,
};

/// What a step has come to.
#[derive(Debug, Clone)]
pub struct Step {
    pub operation: BulkOperation,
    /// How long it kept others from writing (SQLite), or how long it took.
    pub held: Duration,
}

/// About what a change of a delivery and its event appends to SQLite's write-ahead log.
const CHANGE_BYTES: usize = 4096;

const MAKE_GATES: &str = "INSERT INTO gates (destination_id, env_id, state, failure_count, tat) \
    SELECT v.column1, v.column2, 'closed', 0, 0 FROM ({rows}) AS v WHERE 1 = 1 ON CONFLICT DO NOTHING";
/// Whoever has come further has done what was to be done.
const LOCK_OPERATION: &str = "SELECT b.id FROM bulk_operations b JOIN ({rows}) AS v ON b.env_id = v.column1 \
    AND b.id = v.column2 WHERE b.status = 'running' AND b.position = v.column3";
const LOCK_EVENTS: &str = "SELECT e.id FROM events e JOIN ({rows}) AS v ON e.env_id = v.column1 AND e.id = v.column2 \
    ORDER BY e.id FOR NO KEY UPDATE OF e";
const RETRY: &str = "UPDATE deliveries SET status = 'pending', attempt_trigger = 'manual', due_at = v.column5, is_dlq = FALSE, \
    updated_at = v.column5, gated_at = NULL";
const PURGE: &str = "UPDATE deliveries SET is_dlq = FALSE, updated_at = v.column5";
const OF_OPERATION: &str = "FROM ({rows}) AS v WHERE deliveries.env_id = v.column1 AND deliveries.id = v.column2 \
    AND EXISTS (SELECT 1 FROM bulk_operations b WHERE b.env_id = v.column1 AND b.id = v.column3 AND b.status = 'running' \
    AND b.position = v.column4)";
const CHANGED: &str = "RETURNING deliveries.event_id, deliveries.destination_id, deliveries.order_key";
const RECOUNT: &str = concat!(
    "UPDATE events SET open_count = t.open, succeeded_count = t.succeeded, failed_count = t.failed, status = ",
    status_of!("t.open", "t.succeeded", "t.failed"),
    " FROM (SELECT d.env_id, d.event_id, \
        count(CASE WHEN d.status IN ('pending', 'in_flight', 'waiting', 'held') THEN 1 END) AS open, \
        count(CASE WHEN d.status = 'succeeded' THEN 1 END) AS succeeded, \
        count(CASE WHEN d.status = 'failed' THEN 1 END) AS failed \
      FROM ({rows}) AS v CROSS JOIN deliveries d WHERE d.env_id = v.column1 AND d.event_id = v.column2 \
      GROUP BY d.env_id, d.event_id) AS t WHERE events.env_id = t.env_id AND events.id = t.event_id"
);
const ADVANCE: &str = "UPDATE bulk_operations SET position = v.column3, done = done + v.column4, \
    skipped = skipped + v.column5, updated_at = v.column6, \
    status = CASE WHEN v.column7 THEN 'completed' ELSE status END, \
    finished_at = CASE WHEN v.column7 THEN v.column6 ELSE finished_at END FROM ({rows}) AS v \
    WHERE bulk_operations.env_id = v.column1 AND bulk_operations.id = v.column2";

/// A delivery whose turn it is.
struct Candidate {
    id: Uuid,
    event: Uuid,
    destination: Uuid,
    order_key: Option<i64>,
}

/// What is taken at once.
struct Portion {
    candidates: Vec<Candidate>,
    /// Where the operation stands once they are done.
    position: Uuid,
    /// How many there were to take, with those that are not as the operation wants them.
    taken: usize,
    is_last: bool,
}

impl Scope {
    /// Takes the next deliveries of an operation, no more than `limit`. `None` when there is no such operation.
    pub async fn bulk_step(&self, id: BulkOperationId, limit: u32, now: Timestamp) -> Result<Option<Step>> {
        let Some(placed) = self.placed(id).await? else { return Ok(None) };
        if placed.operation.status != BulkStatus::Running {
            return Ok(Some(Step { operation: placed.operation, held: Duration::ZERO }));
        }
        let portion = self.portion(&placed, limit).await?;
        let begun = Instant::now();
        self.take(&placed, portion, now).await?;
        let held = begun.elapsed();
        Ok(self.bulk_operation(id).await?.map(|operation| Step { operation, held }))
    }

    async fn portion(&self, placed: &Placed, limit: u32) -> Result<Portion> {
        let limit = limit.max(1);
        let (mut conditions, named) = match &placed.operation.selection {
            Selection::Filter(filter) => (self.matching(filter), None),
            Selection::Ids(ids) => {
                let left = ids.iter().map(|id| uuid(id.as_u128())).filter(|id| *id > placed.position);
                let next: Vec<Uuid> = left.take(limit as usize).collect();
                (crate::events::Conditions::new(self.env_uuid()), Some(next))
            }
        };
        if let Some(named) = &named {
            let Some(last) = named.last() else {
                return Ok(Portion { candidates: vec![], position: placed.position, taken: 0, is_last: true });
            };
            conditions.add_any("e.id", named.iter().map(|id| (*id).into()));
            let candidates = self.next_in_line(conditions, limit).await?;
            let is_last = *last >= placed.last;
            return Ok(Portion { candidates, position: *last, taken: named.len(), is_last });
        }
        conditions.add("e.id > ? AND e.id <= ?", [placed.position.into(), placed.last.into()]);
        let candidates = self.next_in_line(conditions, limit).await?;
        let position = candidates.last().map_or(placed.position, |last| last.id);
        let is_last = candidates.len() < limit as usize;
        Ok(Portion { position, taken: candidates.len(), is_last, candidates })
    }

    async fn next_in_line(&self, conditions: crate::events::Conditions, limit: u32) -> Result<Vec<Candidate>> {
        let (clause, values) = conditions.finish();
        let sql = format!(
            "SELECT e.id, e.event_id, e.destination_id, e.order_key FROM deliveries e WHERE {clause} \
             ORDER BY e.id LIMIT {limit}"
        );
        let rows = self.store.reader().query_all_raw(self.store.statement(sql, values)).await?;
        let read = |row: &QueryResult| {
            Ok(Candidate {
                id: get(row, "id")?,
                event: get(row, "event_id")?,
                destination: get(row, "destination_id")?,
                order_key: get(row, "order_key")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Changes the deliveries of a portion, and puts the operation behind it.
    async fn take(&self, placed: &Placed, portion: Portion, now: Timestamp) -> Result<()> {
        let (env, operation): (Value, Value) = (self.env_uuid().into(), uuid(placed.operation.id.as_u128()).into());
        let kind = placed.operation.kind;
        let ordered: BTreeSet<Uuid> =
            portion.candidates.iter().filter(|it| it.order_key.is_some()).map(|it| it.destination).collect();
        let gates: Vec<Vec<Value>> = match kind {
            BulkKind::Retry => ordered.into_iter().map(|destination| vec![destination.into(), env.clone()]).collect(),
            BulkKind::Purge => Vec::new(),
        };
        let events: BTreeSet<Uuid> = portion.candidates.iter().map(|it| it.event).collect();
        let is_shared = self.store.is_shared();
        let lock_operation =
            if is_shared { format!("{LOCK_OPERATION} FOR UPDATE OF b") } else { LOCK_OPERATION.into() };
        // SQLite has one transaction at a time.
        let locked_events = if is_shared {
            events.iter().map(|event| vec![env.clone(), (*event).into()]).collect()
        } else {
            Vec::new()
        };
        let changes = portion.candidates.iter().map(|it| {
            vec![env.clone(), it.id.into(), operation.clone(), placed.position.into(), now.as_micros().into()]
        });
        let reads = vec![
            RowStatement::new(
                "locked",
                lock_operation,
                vec![vec![env.clone(), operation.clone(), placed.position.into()]],
            ),
            RowStatement::new(
                "locked_gates",
                self.store.lock_sql("IN (SELECT v.column1 FROM ({rows}) AS v)"),
                gates.clone(),
            ),
            RowStatement::new("locked_events", LOCK_EVENTS, locked_events),
            RowStatement::new("changed", change(&placed.operation), changes.collect()),
        ];
        let mut destinations = BTreeSet::new();
        let follow_up = |read: Vec<Vec<QueryResult>>| {
            let [locked, _, _, changed] = read.as_slice() else { return Ok(Vec::new()) };
            if locked.is_empty() {
                return Ok(Vec::new());
            }
            let (mut events, mut keys) = (BTreeSet::new(), BTreeSet::new());
            for row in changed {
                let destination: Uuid = get(row, "destination_id")?;
                events.insert(get::<Uuid>(row, "event_id")?);
                destinations.insert(destination);
                keys.extend(get::<Option<i64>>(row, "order_key")?.map(|key| (destination, key)));
            }
            // What is purged stays failed.
            let is_retry = kind == BulkKind::Retry;
            let counted = events.into_iter().filter(|_| is_retry).map(|event| vec![env.clone(), event.into()]);
            let freed = keys.into_iter().filter(|_| is_retry);
            let freed = freed.map(|(destination, key)| vec![destination.into(), key.into(), env.clone()]);
            let count = |count: usize| -> Value { i64::try_from(count).unwrap_or(i64::MAX).into() };
            let advanced = vec![
                env.clone(),
                operation,
                portion.position.into(),
                count(changed.len()),
                count(portion.taken.saturating_sub(changed.len())),
                now.as_micros().into(),
                portion.is_last.into(),
            ];
            Ok(vec![
                RowStatement::new("counted", RECOUNT, counted.collect()),
                RowStatement::new("brought_back", BRING_BACK, freed.collect()),
                RowStatement::new("advanced", ADVANCE, vec![advanced]),
            ])
        };
        let between = Between { before: vec![RowStatement::new("made_gates", MAKE_GATES, gates)], reads, follow_up };
        let nothing: Prepared = self.store.prepare(Vec::new())?;
        self.store.run_between(between, nothing).await?;
        self.store.note_written(portion.taken * CHANGE_BYTES);
        if kind == BulkKind::Retry {
            for destination in destinations {
                self.store.signals().send(Signal::Due(DestinationId::from_u128(destination.as_u128())));
            }
        }
        self.store.signals().send(Signal::Activity(self.env_id));
        Ok(())
    }
}

/// The change of a delivery, given that it is still in the state that the operation wants.
fn change(operation: &BulkOperation) -> String {
    let set = match operation.kind {
        BulkKind::Retry => RETRY,
        BulkKind::Purge => PURGE,
    };
    let mut sql = format!("{set} {OF_OPERATION} AND deliveries.status NOT IN ('pending', 'in_flight')");
    if let Selection::Filter(filter) = &operation.selection {
        if let Some(status) = filter.status {
            sql.push_str(" AND deliveries.status = '");
            sql.push_str(status.as_str());
            sql.push('\'');
        }
        match filter.is_dlq.or(filter.issue_id.map(|_| true)) {
            Some(true) => sql.push_str(" AND deliveries.is_dlq"),
            Some(false) => sql.push_str(" AND NOT deliveries.is_dlq"),
            None => {}
        }
    } else if operation.kind == BulkKind::Purge {
        sql.push_str(" AND deliveries.is_dlq");
    }
    sql.push(' ');
    sql.push_str(CHANGED);
    sql
}
