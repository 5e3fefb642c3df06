//! Storing events with their bodies and planned deliveries.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use domain::{
    delivery::{DeliveryStatus, Trigger},
    event::{DedupStatus, EventStatus, SchemaError, VerificationStatus},
    filter::Remembered,
    id::{ConnectionId, DeliveryId, DestinationId, EnvId, EventId, SourceId},
    time::Timestamp,
};
use sea_orm::Value;

use super::once::OnceKey;
use crate::{
    batch::RowStatement,
    body::Packed,
    error::Result,
    row::{text, uuid},
};

/// A verified request, about to become an event.
#[derive(Debug, Clone)]
pub struct NewEvent {
    pub env_id: EnvId,
    pub id: EventId,
    pub source_id: SourceId,
    pub event_type: Option<String>,
    pub provider_event_id: Option<String>,
    pub method: String,
    pub path: String,
    pub query: Option<String>,
    pub content_type: Option<String>,
    pub source_ip: Option<String>,
    pub received_at: Timestamp,
    pub verification_status: VerificationStatus,
    /// Name and value, in the order received.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// What the source's schema found wrong with the body, which is taken all the same; as JSON.
    pub schema_errors: Option<String>,
}

/// A delivery that the event asks for.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    pub id: DeliveryId,
    pub connection_id: ConnectionId,
    pub destination_id: DestinationId,
    /// The key in which it gets a place, where its destination keeps an order. Such a one is never leased from the start.
    pub order_key: Option<i64>,
    pub start: Start,
    /// What its connection's schema found wrong with the payload.
    pub schema_errors: Vec<SchemaError>,
}

/// How a delivery begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// This node has room for it, and sends it as soon as it is stored.
    Leased,
    /// Whoever has room takes it.
    Due,
    /// The same, from then on.
    DueAt(Timestamp),
    /// Its connection or destination is paused.
    Held,
    /// It is not made, since the schema rejects the payload.
    Skipped,
}

/// What is stored in one piece.
#[derive(Debug, Clone)]
pub struct Accept {
    pub(super) event: Arc<NewEvent>,
    deliveries: Vec<NewDelivery>,
    body: Packed,
    pub(super) once: Vec<OnceKey>,
    unmatched: Option<String>,
}

impl Accept {
    pub async fn new(event: Arc<NewEvent>, deliveries: Vec<NewDelivery>) -> Self {
        let body = Packed::of(&event.body).await;
        Self { event, deliveries, body, once: Vec::new(), unmatched: None }
    }

    /// The same, if it is known by these.
    #[must_use]
    pub fn known_by(self, once: Vec<OnceKey>) -> Self {
        Self { once, ..self }
    }

    /// The same with what it remembers of connections that it did not match.
    #[must_use]
    pub fn remembering(self, unmatched: Option<Remembered>) -> Self {
        let unmatched = unmatched.and_then(|unmatched| serde_json::to_string(&unmatched).ok());
        Self { unmatched, ..self }
    }

    /// Bytes that are written of its body.
    pub(super) fn body_bytes(&self) -> usize {
        self.body.bytes().len()
    }
}

const EVENTS: &str = "INSERT INTO events (env_id, id, source_id, status, event_type, provider_event_id, method, path, \
    query, content_type, content_length, source_ip, received_at, verification_status, dedup_status, open_count, duplicate_of, schema_errors) {rows}";
const BODIES: &str = "INSERT INTO event_bodies (env_id, event_id, headers, body, encoding, unmatched) {rows}";
const DELIVERIES: &str = "INSERT INTO deliveries (env_id, id, event_id, connection_id, destination_id, status, \
    attempt_trigger, attempt_count, due_at, lease_owner, is_dlq, created_at, updated_at) {rows}";
// Those that a schema found something wrong with are few, and have more columns.
const MARKED: &str = "INSERT INTO deliveries (env_id, id, event_id, connection_id, destination_id, status, \
    attempt_trigger, attempt_count, due_at, lease_owner, is_dlq, created_at, updated_at, schema_errors, last_error) {rows}";
// Deliveries with a place in an order, each behind all that were stored before it: an event that is acknowledged has its
// place when the next one comes.
const ORDERED: &str = "INSERT INTO deliveries (env_id, id, event_id, connection_id, destination_id, status, \
    attempt_trigger, attempt_count, due_at, lease_owner, is_dlq, created_at, updated_at, schema_errors, last_error, order_key, order_seq) \
    SELECT v.column1, v.column2, v.column3, v.column4, v.column5, v.column6, v.column7, v.column8, v.column9, v.column10, \
    v.column11, v.column12, v.column13, v.column14, v.column15, v.column16, ";
const NEXT_OF_SEQUENCE: &str = "nextval('delivery_order')";
const NEXT_OF_COUNTER: &str = "(SELECT taken FROM delivery_order) + v.column17";
const COUNT_TAKEN: &str = "UPDATE delivery_order SET taken = taken + v.column1 FROM ({rows}) AS v";
// Added up from time to time: were each commit to change the row of its source, all commits of all nodes would wait for
// one another.
const COUNTS: &str = "INSERT INTO source_counts (source_id, events, last_event_at) {rows}";

/// The rows of one event.
pub(super) struct Rows {
    event: Vec<Value>,
    body: Vec<Value>,
    deliveries: Vec<Vec<Value>>,
    /// Those that a schema found something wrong with.
    marked: Vec<Vec<Value>>,
    /// Those with a place in an order, without its number.
    ordered: Vec<Vec<Value>>,
    source: SourceId,
    received_at: Timestamp,
}

impl Rows {
    pub fn of(accept: &Accept, node: i64) -> Result<Self> {
        let event = &accept.event;
        let body = vec![
            uuid(event.env_id.as_u128()).into(),
            uuid(event.id.as_u128()).into(),
            crate::row::to_json(&event.headers)?.into(),
            Value::Bytes(Some(accept.body.bytes().to_vec())),
            text(accept.body.encoding()),
            text(accept.unmatched.as_deref()),
        ];
        let (mut deliveries, mut marked, mut ordered) = (Vec::new(), Vec::new(), Vec::new());
        let mut open = 0;
        for delivery in &accept.deliveries {
            let mut row = delivery_row(event, delivery, node);
            open += usize::from(delivery.start != Start::Skipped);
            match delivery.order_key {
                None if delivery.schema_errors.is_empty() => deliveries.push(row),
                None => {
                    row.extend(marks(delivery)?);
                    marked.push(row);
                }
                Some(key) => {
                    row.extend(marks(delivery)?);
                    row.push(key.into());
                    ordered.push(row);
                }
            }
        }
        let event_row = event_row(event, open, None);
        let (source, received_at) = (event.source_id, event.received_at);
        Ok(Self { event: event_row, body, deliveries, marked, ordered, source, received_at })
    }

    /// The same as a duplicate, which goes nowhere.
    pub fn into_duplicate_of(self, event: &NewEvent, first: EventId) -> Self {
        let event = event_row(event, 0, Some(first));
        let mut body = self.body;
        // No connection was asked.
        if let Some(unmatched) = body.last_mut() {
            *unmatched = text(None);
        }
        Self { event, body, deliveries: Vec::new(), marked: Vec::new(), ordered: Vec::new(), ..self }
    }
}

/// What stores the events.
pub(super) fn inserts(rows: impl IntoIterator<Item = Rows>, is_shared: bool) -> Vec<RowStatement> {
    let (mut events, mut bodies) = (Vec::new(), Vec::new());
    let (mut deliveries, mut marked, mut ordered) = (Vec::new(), Vec::new(), Vec::new());
    let mut counts: BTreeMap<SourceId, (i64, Timestamp)> = BTreeMap::new();
    for rows in rows {
        events.push(rows.event);
        bodies.push(rows.body);
        deliveries.extend(rows.deliveries);
        marked.extend(rows.marked);
        for mut row in rows.ordered {
            let number = i64::try_from(ordered.len() + 1).unwrap_or(i64::MAX);
            row.push(number.into());
            ordered.push(row);
        }
        let count = counts.entry(rows.source).or_insert((0, rows.received_at));
        count.0 += 1;
        count.1 = count.1.max(rows.received_at);
    }
    let counts = counts
        .into_iter()
        .map(|(source, (events, last))| vec![uuid(source.as_u128()).into(), events.into(), last.as_micros().into()]);
    let mut statements = vec![
        RowStatement::new("stored", EVENTS, events),
        RowStatement::new("bodies", BODIES, bodies),
        RowStatement::new("made", DELIVERIES, deliveries),
        RowStatement::new("counts", COUNTS, counts.collect()),
        RowStatement::new("marked", MARKED, marked),
    ];
    if !ordered.is_empty() {
        let count = i64::try_from(ordered.len()).unwrap_or(i64::MAX);
        let next = if is_shared { NEXT_OF_SEQUENCE } else { NEXT_OF_COUNTER };
        statements.push(RowStatement::new("ordered", format!("{ORDERED}{next} FROM ({{rows}}) AS v"), ordered));
        if !is_shared {
            statements.push(RowStatement::new("taken", COUNT_TAKEN, vec![vec![count.into()]]));
        }
    }
    statements
}

fn event_row(event: &NewEvent, deliveries: usize, duplicate_of: Option<EventId>) -> Vec<Value> {
    let dedup = if duplicate_of.is_some() { DedupStatus::Duplicate } else { DedupStatus::Unique };
    let status = if deliveries > 0 { EventStatus::Processing } else { EventStatus::Received };
    vec![
        uuid(event.env_id.as_u128()).into(),
        uuid(event.id.as_u128()).into(),
        uuid(event.source_id.as_u128()).into(),
        status.as_str().into(),
        text(event.event_type.as_deref()),
        text(event.provider_event_id.as_deref()),
        event.method.as_str().into(),
        event.path.as_str().into(),
        text(event.query.as_deref()),
        text(event.content_type.as_deref()),
        i64::try_from(event.body.len()).unwrap_or(i64::MAX).into(),
        text(event.source_ip.as_deref()),
        event.received_at.as_micros().into(),
        event.verification_status.as_str().into(),
        dedup.as_str().into(),
        i64::try_from(deliveries).unwrap_or(i64::MAX).into(),
        Value::Uuid(duplicate_of.map(|first| uuid(first.as_u128()))),
        text(event.schema_errors.as_deref()),
    ]
}

fn delivery_row(event: &NewEvent, delivery: &NewDelivery, node: i64) -> Vec<Value> {
    let at = event.received_at.as_micros();
    let (status, due_at, lease_owner) = match delivery.start {
        Start::Leased => (DeliveryStatus::InFlight, None, Some(node)),
        Start::Due => (DeliveryStatus::Pending, Some(at), None),
        Start::DueAt(due) => (DeliveryStatus::Pending, Some(due.as_micros()), None),
        Start::Held => (DeliveryStatus::Held, None, None),
        Start::Skipped => (DeliveryStatus::Skipped, None, None),
    };
    vec![
        uuid(event.env_id.as_u128()).into(),
        uuid(delivery.id.as_u128()).into(),
        uuid(event.id.as_u128()).into(),
        uuid(delivery.connection_id.as_u128()).into(),
        uuid(delivery.destination_id.as_u128()).into(),
        status.as_str().into(),
        Trigger::Initial.as_str().into(),
        0_i64.into(),
        Value::BigInt(due_at),
        Value::BigInt(lease_owner),
        false.into(),
        at.into(),
        at.into(),
    ]
}

/// What a schema found wrong, as it is and, of a delivery that is not made, in words.
fn marks(delivery: &NewDelivery) -> Result<[Value; 2]> {
    let errors = &delivery.schema_errors;
    if errors.is_empty() {
        return Ok([text(None), text(None)]);
    }
    let words = (delivery.start == Start::Skipped).then(|| {
        let first = errors.first().map(ToString::to_string).unwrap_or_default();
        let more = if errors.len() > 1 { format!(" (and {} more)", errors.len() - 1) } else { String::new() };
        format!("the connection's schema does not allow it: {first}{more}")
    });
    Ok([crate::row::to_json(errors)?.into(), text(words.as_deref())])
}
