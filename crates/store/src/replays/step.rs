//! One step of a replay: the next events of its range, and the deliveries that are made of them.
//!
//! Locks are taken in this order: the replay, gates by their destination, events by their id.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    time::Duration,
};

use domain::{
    event::{EventSummary, SchemaError},
    id::{ConnectionId, DeliveryId, DestinationId, EventId, ReplayId, SourceId},
    replay::{ReplayCounts, ReplayStatus},
    time::Timestamp,
};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Value, prelude::Uuid};
use serde_json::json;

use super::ReplayAtWork;
use crate::{
    connection::Transaction,
    error::Result,
    events::{COLUMNS, Conditions, summary},
    gates::order::LockedKey,
    row::{get, uuid},
    scope::Scope,
    signals::Signal,
    writer::events_of::status_of,
};

/// A delivery that a replay wants to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedReplay {
    /// Its id, unless a delivery that has failed is taken up again.
    pub id: DeliveryId,
    pub event_id: EventId,
    pub connection_id: ConnectionId,
    pub destination_id: DestinationId,
    /// The key in which it gets a place, where its destination keeps an order.
    pub order_key: Option<i64>,
    /// Its connection or destination is paused.
    pub held: bool,
    /// What the connection's schema finds wrong with the payload, which goes through all the same.
    pub schema_errors: Vec<SchemaError>,
}

/// What a step has looked at and wants to do.
#[derive(Debug, Clone, Default)]
pub struct Looked {
    /// The last event that was looked at; `None` when there was none.
    pub last: Option<EventId>,
    /// Whether the replay is at its end.
    pub is_end: bool,
    /// What was counted but for the deliveries.
    pub counts: ReplayCounts,
    /// In the order in which they are to be sent.
    pub planned: Vec<PlannedReplay>,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advance {
    Done(Step),
    /// The replay was ended or paused, or somebody else has taken the same step.
    NotNow,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    pub made: u64,
    /// Destinations that something is due for, now or soon.
    pub due: BTreeSet<DestinationId>,
}

/// A delivery of an event on a connection that is still to be made, or has failed.
struct Former {
    id: Uuid,
    is_open: bool,
    key: Option<(DestinationId, i64)>,
}

/// Deliveries by what they are of. One that is open counts before one that has failed.
type Formers = HashMap<(EventId, ConnectionId), Former>;

/// What is written.
#[derive(Default)]
struct Writes {
    new: Vec<serde_json::Value>,
    again: Vec<serde_json::Value>,
    /// Of each event, how many deliveries are made, and how many of them had failed.
    events: BTreeMap<EventId, (i64, i64)>,
    /// Keys of ordered deliveries that are taken up again.
    keys: BTreeSet<(DestinationId, i64)>,
}

impl Scope {
    /// The next events of a replay's range, oldest first. `before` ends it.
    pub async fn events_to_replay(
        &self,
        source: Option<SourceId>,
        from: EventId,
        before: EventId,
        limit: u32,
    ) -> Result<Vec<EventSummary>> {
        let mut conditions = Conditions::new(self.env_uuid());
        if let Some(source) = source {
            conditions.add("e.source_id = ?", [uuid(source.as_u128()).into()]);
        }
        conditions.add("e.id >= ?", [uuid(from.as_u128()).into()]);
        conditions.add("e.id < ?", [uuid(before.as_u128()).into()]);
        let (clause, mut values) = conditions.finish();
        values.push(i64::from(limit).into());
        let sql = format!("SELECT {COLUMNS} FROM events e WHERE {clause} ORDER BY e.id LIMIT ${}", values.len());
        let rows = self.store.reader().query_all_raw(self.store.statement(sql, values)).await?;
        rows.iter().map(summary).collect()
    }

    /// Which of these deliveries are not made, since an earlier one of the same event and connection is still to be made.
    pub async fn still_open(&self, planned: &[PlannedReplay]) -> Result<HashSet<(EventId, ConnectionId)>> {
        let events: BTreeSet<EventId> = planned.iter().map(|planned| planned.event_id).collect();
        let rows = self.store.reader().query_all_raw(self.formers_statement(&events)).await?;
        Ok(formers(&rows)?.into_iter().filter(|(_, former)| former.is_open).map(|(of, _)| of).collect())
    }

    /// Makes the deliveries of a step and moves the replay on behind its events, as one; not at all, when the replay is no
    /// longer where it was read.
    pub async fn advance_replay(&self, at: &ReplayAtWork, looked: &Looked, now: Timestamp) -> Result<Advance> {
        // What is made now is not taken for older than the replay, whichever node's clock this is.
        let now = now.max(at.replay.created_at);
        let transaction = self.store.begin().await?;
        if !self.lock_replay(&transaction, at).await? {
            return Ok(Advance::NotNow);
        }
        let events: BTreeSet<EventId> = looked.planned.iter().map(|planned| planned.event_id).collect();
        let gates = self.lock_gates_of_failed(&transaction, &events).await?;
        let kept = self.lock_events(&transaction, &events).await?;
        let formers = formers(&transaction.query_all_raw(self.formers_statement(&events)).await?)?;
        if formers.values().any(|former| !former.is_open && former.key.is_some_and(|(of, _)| !gates.contains(&of))) {
            // One of an ordered destination has failed just now: the next look finds it.
            return Ok(Advance::NotNow);
        }
        let mut counts = looked.counts;
        let mut pacing = Pacing::new(at, now);
        let mut step = Step::default();
        let mut writes = Writes::default();
        let (mut places, mut done) =
            (self.places(&transaction, &looked.planned, &kept, &formers).await?, HashSet::new());
        for planned in looked.planned.iter().filter(|planned| kept.contains(&planned.event_id)) {
            let of = (planned.event_id, planned.connection_id);
            let former = formers.get(&of);
            if former.is_some_and(|former| former.is_open) || !done.insert(of) {
                counts.still_open += 1;
                continue;
            }
            let due = (!planned.held).then(|| pacing.next());
            if due.is_some() {
                step.due.insert(planned.destination_id);
            }
            writes.add(planned, former, due, &mut places);
            step.made += 1;
        }
        counts.deliveries += step.made;
        self.write(&transaction, at.replay.id, &writes, now).await?;
        for (destination, key) in &writes.keys {
            let key = LockedKey { env: self.env_id, destination: *destination, key: *key };
            self.store.bring_back_first(&transaction, key).await?;
        }
        self.move_on(&transaction, at, looked, counts, pacing.until(), now).await?;
        self.store.commit(transaction).await?;
        for destination in &step.due {
            self.store.signals().send(Signal::Due(*destination));
        }
        self.store.signals().send(Signal::Activity(self.env_id));
        Ok(Advance::Done(step))
    }

    /// Locks the replay. Returns whether it is still at work where it was read.
    async fn lock_replay(&self, transaction: &Transaction, at: &ReplayAtWork) -> Result<bool> {
        let lock = if self.store.is_shared() { " FOR UPDATE" } else { "" };
        let sql = format!("SELECT status, reached FROM replays WHERE env_id = $1 AND id = $2{lock}");
        let values = [self.env_uuid().into(), uuid(at.replay.id.as_u128()).into()];
        let Some(row) = transaction.query_one_raw(self.store.statement(sql, values)).await? else { return Ok(false) };
        let status: ReplayStatus = crate::row::parse("replays", "status", &get::<String>(&row, "status")?)?;
        let reached = get::<Option<Uuid>>(&row, "reached")?.map(|id| EventId::from_u128(id.as_u128()));
        Ok(status.may_pause() && reached == at.reached)
    }

    /// Locks the gates of ordered destinations whose failed deliveries may be taken up again.
    async fn lock_gates_of_failed(
        &self,
        transaction: &Transaction,
        events: &BTreeSet<EventId>,
    ) -> Result<BTreeSet<DestinationId>> {
        let rows = transaction.query_all_raw(self.formers_statement(events)).await?;
        let failed = formers(&rows)?.into_values().filter(|former| !former.is_open);
        let gates: BTreeSet<DestinationId> = failed.filter_map(|former| Some(former.key?.0)).collect();
        for destination in &gates {
            self.store.lock_gate(transaction, self.env_id, *destination).await?;
        }
        Ok(gates)
    }

    /// Locks those events that are still there.
    async fn lock_events(&self, transaction: &Transaction, events: &BTreeSet<EventId>) -> Result<HashSet<EventId>> {
        let (found, lock) = match self.store.backend() {
            DbBackend::Postgres => (
                "id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))",
                " ORDER BY id FOR NO KEY UPDATE",
            ),
            _ => ("id IN (SELECT unhex(value) FROM json_each($2))", ""),
        };
        let sql = format!("SELECT id FROM events WHERE env_id = $1 AND {found}{lock}");
        let values = [self.env_uuid().into(), hex_list(events).into()];
        let rows = transaction.query_all_raw(self.store.statement(sql, values)).await?;
        rows.iter().map(|row| get::<Uuid>(row, "id").map(|id| EventId::from_u128(id.as_u128()))).collect()
    }

    /// The deliveries of these events that are still to be made or have failed.
    fn formers_statement(&self, events: &BTreeSet<EventId>) -> sea_orm::Statement {
        let found = match self.store.backend() {
            DbBackend::Postgres => "event_id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))",
            _ => "event_id IN (SELECT unhex(value) FROM json_each($2))",
        };
        let sql = format!(
            "SELECT id, event_id, connection_id, destination_id, status, order_key FROM deliveries \
             WHERE env_id = $1 AND {found} AND status IN ('pending', 'in_flight', 'waiting', 'held', 'failed')"
        );
        self.store.statement(sql, [self.env_uuid().into(), hex_list(events).into()])
    }

    /// Numbers in the order of ordered deliveries, for those that are new.
    async fn places(
        &self,
        transaction: &Transaction,
        planned: &[PlannedReplay],
        kept: &HashSet<EventId>,
        formers: &Formers,
    ) -> Result<std::vec::IntoIter<i64>> {
        let is_new = |it: &&PlannedReplay| {
            it.order_key.is_some()
                && kept.contains(&it.event_id)
                && !formers.contains_key(&(it.event_id, it.connection_id))
        };
        let count = i64::try_from(planned.iter().filter(is_new).count()).unwrap_or(i64::MAX);
        if count == 0 {
            return Ok(Vec::new().into_iter());
        }
        let numbers: Vec<i64> = if self.store.is_shared() {
            let sql = "SELECT nextval('delivery_order') AS place FROM generate_series(1, $1)";
            let rows = transaction.query_all_raw(self.store.statement(sql, [count.into()])).await?;
            rows.iter().map(|row| get(row, "place")).collect::<Result<_>>()?
        } else {
            let sql = "UPDATE delivery_order SET taken = taken + $1 RETURNING taken";
            let row = transaction.query_one_raw(self.store.statement(sql, [count.into()])).await?;
            let last: i64 = row.map_or(Ok(count), |row| get(&row, "taken"))?;
            (last - count + 1..=last).collect()
        };
        Ok(numbers.into_iter())
    }

    async fn write(&self, transaction: &Transaction, replay: ReplayId, writes: &Writes, now: Timestamp) -> Result<()> {
        let is_shared = self.store.is_shared();
        let key: [Value; 3] = [self.env_uuid().into(), uuid(replay.as_u128()).into(), now.as_micros().into()];
        let rows = |sql: &'static str, rows: &[serde_json::Value]| {
            let text = serde_json::Value::from(rows.to_vec()).to_string();
            self.store.statement(sql, key.iter().cloned().chain([text.into()]))
        };
        if !writes.new.is_empty() {
            let sql = if is_shared { INSERT_POSTGRES } else { INSERT_SQLITE };
            transaction.execute_raw(rows(sql, &writes.new)).await?;
        }
        if !writes.again.is_empty() {
            let sql = if is_shared { AGAIN_POSTGRES } else { AGAIN_SQLITE };
            transaction.execute_raw(rows(sql, &writes.again)).await?;
        }
        if !writes.events.is_empty() {
            let events: Vec<serde_json::Value> = writes
                .events
                .iter()
                .map(|(event, (made, failed))| json!({ "id": hex(event.as_u128()), "made": made, "failed": failed }))
                .collect();
            let text = serde_json::Value::from(events).to_string();
            let sql = if is_shared { EVENTS_POSTGRES } else { EVENTS_SQLITE };
            let values = [self.env_uuid().into(), text.into()];
            transaction.execute_raw(self.store.statement(sql, values)).await?;
        }
        Ok(())
    }

    async fn move_on(
        &self,
        transaction: &Transaction,
        at: &ReplayAtWork,
        looked: &Looked,
        more: ReplayCounts,
        paced_until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<()> {
        let status = if looked.is_end { ReplayStatus::Completed } else { ReplayStatus::Running };
        let sql = "UPDATE replays SET status = $1, is_active = $2, reached = $3, paced_until = $4, \
            finished_at = $5, started_at = coalesce(started_at, $6), updated_at = $6, events = events + $7, \
            matched = matched + $8, deliveries = deliveries + $9, duplicates = duplicates + $10, filtered = filtered + $11, \
            still_open = still_open + $12, no_route = no_route + $13 WHERE env_id = $14 AND id = $15";
        let count = |count: u64| -> Value { i64::try_from(count).unwrap_or(i64::MAX).into() };
        let values: [Value; 15] = [
            status.as_str().into(),
            (!looked.is_end).into(),
            Value::Uuid(looked.last.or(at.reached).map(|id| uuid(id.as_u128()))),
            Value::BigInt(paced_until.map(Timestamp::as_micros)),
            Value::BigInt(looked.is_end.then_some(now.as_micros())),
            now.as_micros().into(),
            count(more.events),
            count(more.matched),
            count(more.deliveries),
            count(more.duplicates),
            count(more.filtered),
            count(more.still_open),
            count(more.no_route),
            self.env_uuid().into(),
            uuid(at.replay.id.as_u128()).into(),
        ];
        transaction.execute_raw(self.store.statement(sql, values)).await?;
        Ok(())
    }
}

impl Writes {
    fn add(
        &mut self,
        planned: &PlannedReplay,
        former: Option<&Former>,
        due: Option<Timestamp>,
        places: &mut impl Iterator<Item = i64>,
    ) {
        let status = if planned.held { "held" } else { "pending" };
        let due = due.map(Timestamp::as_micros);
        let event = self.events.entry(planned.event_id).or_default();
        event.0 += 1;
        if let Some(former) = former {
            event.1 += 1;
            self.keys.extend(former.key);
            self.again.push(json!({ "id": hex(former.id.as_u128()), "status": status, "due": due }));
            return;
        }
        self.new.push(json!({
            "id": hex(planned.id.as_u128()),
            "event": hex(planned.event_id.as_u128()),
            "connection": hex(planned.connection_id.as_u128()),
            "destination": hex(planned.destination_id.as_u128()),
            "status": status,
            "due": due,
            "key": planned.order_key,
            "errors": (!planned.schema_errors.is_empty()).then(|| json!(planned.schema_errors).to_string()),
            "place": planned.order_key.and_then(|_| places.next()),
        }));
    }
}

// `$1` the project, `$2` the replay, `$3` now, `$4` the rows.
macro_rules! insert {
    ($id:literal, $event:literal, $connection:literal, $destination:literal, $status:literal, $due:literal, $key:literal, $place:literal, $errors:literal, $rows:literal) => {
        concat!(
            "INSERT INTO deliveries (env_id, id, event_id, connection_id, destination_id, status, attempt_trigger, \
             attempt_count, due_at, is_dlq, created_at, updated_at, order_key, order_seq, schema_errors, replay_id) SELECT $1, ",
            $id, ", ", $event, ", ", $connection, ", ", $destination, ", ", $status, ", 'replay', 0, ", $due,
            ", FALSE, $3, $3, ", $key, ", ", $place, ", ", $errors, ", $2 FROM ", $rows
        )
    };
}

const INSERT_SQLITE: &str = insert!(
    "unhex(r.value ->> 'id')",
    "unhex(r.value ->> 'event')",
    "unhex(r.value ->> 'connection')",
    "unhex(r.value ->> 'destination')",
    "r.value ->> 'status'",
    "r.value ->> 'due'",
    "r.value ->> 'key'",
    "r.value ->> 'place'",
    "r.value ->> 'errors'",
    "json_each($4) AS r"
);
const INSERT_POSTGRES: &str = insert!(
    "r.id",
    "r.event",
    "r.connection",
    "r.destination",
    "r.status",
    "r.due",
    "r.key",
    "r.place",
    "r.errors",
    "json_to_recordset($4::json) AS r(id uuid, event uuid, connection uuid, destination uuid, status text, due bigint, \
     key bigint, place bigint, errors text)"
);
const AGAIN_SQLITE: &str = "UPDATE deliveries SET status = r.value ->> 'status', due_at = r.value ->> 'due', is_dlq = FALSE, \
    attempt_trigger = 'replay', gated_at = NULL, updated_at = $3, replay_id = $2 FROM json_each($4) AS r \
    WHERE deliveries.env_id = $1 AND deliveries.id = unhex(r.value ->> 'id') AND deliveries.status = 'failed'";
const AGAIN_POSTGRES: &str = "UPDATE deliveries SET status = r.status, due_at = r.due, is_dlq = FALSE, \
    attempt_trigger = 'replay', gated_at = NULL, updated_at = $3, replay_id = $2 \
    FROM json_to_recordset($4::json) AS r(id uuid, status text, due bigint) \
    WHERE deliveries.env_id = $1 AND deliveries.id = r.id AND deliveries.status = 'failed'";
const EVENTS_SQLITE: &str = concat!(
    "UPDATE events SET open_count = open_count + (r.value ->> 'made'), failed_count = failed_count - (r.value ->> 'failed'), \
     status = ",
    status_of!("open_count + (r.value ->> 'made')", "succeeded_count", "failed_count - (r.value ->> 'failed')"),
    " FROM json_each($2) AS r WHERE events.env_id = $1 AND events.id = unhex(r.value ->> 'id')"
);
const EVENTS_POSTGRES: &str = concat!(
    "UPDATE events SET open_count = open_count + r.made, failed_count = failed_count - r.failed, status = ",
    status_of!("open_count + r.made", "succeeded_count", "failed_count - r.failed"),
    " FROM json_to_recordset($2::json) AS r(id uuid, made bigint, failed bigint) \
     WHERE events.env_id = $1 AND events.id = r.id"
);

/// When the deliveries of a replay become due.
struct Pacing {
    next: Timestamp,
    gap: Option<Duration>,
}

/// Deliveries are spread no further ahead than this when a clock was put back.
const MAX_AHEAD: Duration = Duration::from_secs(10);

impl Pacing {
    fn new(at: &ReplayAtWork, now: Timestamp) -> Self {
        let gap = at.replay.rate_per_second.map(|rate| Duration::from_secs(1) / rate.max(1));
        let until = at.paced_until.filter(|until| *until <= now.plus(MAX_AHEAD)).unwrap_or(now);
        Self { next: until.max(now), gap }
    }

    fn next(&mut self) -> Timestamp {
        let due = self.next;
        self.next = due.plus(self.gap.unwrap_or_default());
        due
    }

    /// Up to when they are spread.
    fn until(&self) -> Option<Timestamp> {
        self.gap.map(|_| self.next)
    }
}

fn formers(rows: &[QueryResult]) -> Result<Formers> {
    let mut formers = Formers::new();
    for row in rows {
        let id = |column| get::<Uuid>(row, column).map(|id| id.as_u128());
        let of = (EventId::from_u128(id("event_id")?), ConnectionId::from_u128(id("connection_id")?));
        let is_open = get::<String>(row, "status")? != "failed";
        let key = get::<Option<i64>>(row, "order_key")?;
        let destination = DestinationId::from_u128(id("destination_id")?);
        let former = Former { id: get(row, "id")?, is_open, key: key.map(|key| (destination, key)) };
        let known = formers.entry(of).or_insert_with(|| Former { id: former.id, ..former });
        if is_open && !known.is_open {
            *known = former;
        }
    }
    Ok(formers)
}

fn hex_list(events: &BTreeSet<EventId>) -> String {
    let list: Vec<String> = events.iter().map(|event| hex(event.as_u128())).collect();
    json!(list).to_string()
}

fn hex(bits: u128) -> String {
    format!("{bits:032x}")
}
