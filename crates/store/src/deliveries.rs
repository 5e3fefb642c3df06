//! Deliveries and attempts of a project, as people read and steer them.

use domain::{
    delivery::{Attempt, Delivery, DeliveryFilter, DeliveryStatus, Trigger},
    id::{AttemptId, ConnectionId, DeliveryId, DestinationId, EventId, IssueId, ReplayId, uuid_v7},
    page::{Page, PageRequest},
    time::Timestamp,
};
use sea_orm::{ConnectionTrait, QueryResult, Value, prelude::Uuid};

use crate::{
    error::Result,
    events::Conditions,
    row::{at, get, json, number, parse, uuid},
    scope::{Scope, rows_wanted},
    signals::Signal,
    writer::events_of,
};

pub(crate) const COLUMNS: &str = "e.id, e.event_id, e.connection_id, e.destination_id, e.status, e.attempt_count, e.due_at, e.is_dlq, \
    e.issue_id, e.last_error, e.schema_errors, e.replay_id, e.created_at, e.updated_at";
/// What most deliveries end as, so that no index leads to them.
const USUAL: &str = DeliveryStatus::Succeeded.as_str();
/// Deliveries of one event that are read at once: more connections than that a source does not have.
const EVENT_LIMIT: u16 = 1000;
/// Attempts of one delivery that are read at once, the newest of them.
const ATTEMPT_LIMIT: u16 = 500;

impl Scope {
    pub async fn deliveries(&self, filter: &DeliveryFilter, page: PageRequest) -> Result<Page<Delivery>> {
        let mut conditions = self.matching(filter);
        conditions.below(page.after);
        let (clause, values) = conditions.finish();
        let deliveries = self.select_deliveries(&clause, values, rows_wanted(&page)).await?;
        Ok(Page::from_rows(deliveries, page.limit, |delivery| delivery.id.as_u128()))
    }

    /// How many deliveries match; no more than `most` are counted.
    pub async fn count_deliveries(&self, filter: &DeliveryFilter, most: u32) -> Result<u32> {
        let (clause, values) = self.matching(filter).finish();
        let sql = format!(
            "SELECT count(*) AS found FROM (SELECT 1 FROM deliveries e WHERE {clause} LIMIT {most}) AS counted"
        );
        let row = self.store.reader().query_one_raw(self.store.statement(sql, values)).await?;
        row.map_or(Ok(0), |row| number("deliveries", "count", get(&row, "found")?))
    }

    /// The conditions that a filter stands for, each written so that either database sees which index is made for it.
    pub(crate) fn matching(&self, filter: &DeliveryFilter) -> Conditions {
        let mut conditions = Conditions::new(self.env_uuid());
        if let Some(destination) = filter.destination_id {
            conditions.add("e.destination_id = ?", [uuid(destination.as_u128()).into()]);
        }
        if let Some(connection) = filter.connection_id {
            // Its destination is what the index knows.
            conditions.add(
                "e.connection_id = ? AND e.destination_id = (SELECT destination_id FROM connections WHERE id = ?)",
                [uuid(connection.as_u128()).into(), uuid(connection.as_u128()).into()],
            );
        }
        if let Some(replay) = filter.replay_id {
            conditions.add("e.replay_id = ?", [uuid(replay.as_u128()).into()]);
        }
        let is_dlq = filter.is_dlq.or(filter.issue_id.map(|_| true));
        match (filter.issue_id, is_dlq) {
            (Some(issue), Some(true)) => {
                conditions.add("e.issue_id = ? AND e.is_dlq = TRUE", [uuid(issue.as_u128()).into()]);
            }
            (Some(issue), _) => conditions.add("e.issue_id = ? AND e.is_dlq = FALSE", [uuid(issue.as_u128()).into()]),
            (None, Some(true)) => conditions.add("e.is_dlq", []),
            (None, Some(false)) => conditions.add("NOT e.is_dlq", []),
            (None, None) => {}
        }
        match filter.status {
            // An index of its own leads to these.
            Some(status) if is_dlq == Some(true) || filter.issue_id.is_some() => {
                conditions.add(&format!("e.status = '{}'", status.as_str()), []);
            }
            Some(status) => conditions.add_status(status.as_str(), USUAL),
            None => {}
        }
        // Ids sort by time, so a range of time is a range of ids.
        if let Some(after) = filter.after {
            conditions.add("e.id >= ?", [uuid(uuid_v7(after, 0)).into()]);
        }
        if let Some(before) = filter.before {
            conditions.add("e.id < ?", [uuid(uuid_v7(before, 0)).into()]);
        }
        conditions
    }

    /// Oldest first.
    pub async fn event_deliveries(&self, event: EventId) -> Result<Vec<Delivery>> {
        let mut conditions = Conditions::new(self.env_uuid());
        conditions.add("e.event_id = ?", [uuid(event.as_u128()).into()]);
        let (clause, values) = conditions.finish();
        let mut deliveries = self.select_deliveries(&clause, values, u64::from(EVENT_LIMIT)).await?;
        deliveries.reverse();
        Ok(deliveries)
    }

    pub async fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>> {
        self.delivery_in(self.store.reader(), id).await
    }

    /// As it is in a transaction, say.
    async fn delivery_in(&self, connection: &impl ConnectionTrait, id: DeliveryId) -> Result<Option<Delivery>> {
        let sql = format!("SELECT {COLUMNS} FROM deliveries e WHERE e.env_id = $1 AND e.id = $2");
        let values = [self.env_uuid().into(), uuid(id.as_u128()).into()];
        let row = connection.query_one_raw(self.store.statement(sql, values)).await?;
        row.as_ref().map(delivery).transpose()
    }

    async fn select_deliveries(&self, clause: &str, mut values: Vec<Value>, limit: u64) -> Result<Vec<Delivery>> {
        values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
        let sql =
            format!("SELECT {COLUMNS} FROM deliveries e WHERE {clause} ORDER BY e.id DESC LIMIT ${}", values.len());
        let rows = self.store.reader().query_all_raw(self.store.statement(sql, values)).await?;
        rows.iter().map(delivery).collect()
    }

    /// The attempts of a delivery, oldest first.
    pub async fn attempts(&self, delivery: DeliveryId) -> Result<Vec<Attempt>> {
        let sql = format!(
            "SELECT id, delivery_id, attempt_number, attempt_trigger, status, started_at, latency_ms, response_status, \
             response_headers, response_body, error, error_class, request, next_retry_at FROM attempts \
             WHERE env_id = $1 AND delivery_id = $2 ORDER BY id DESC LIMIT {ATTEMPT_LIMIT}"
        );
        let values = [self.env_uuid().into(), uuid(delivery.as_u128()).into()];
        let rows = self.store.reader().query_all_raw(self.store.statement(sql, values)).await?;
        rows.iter().rev().map(attempt).collect()
    }

    /// Queues a delivery for now, unless it is queued or being sent. Returns it as it was queued: it may be sent at once.
    pub async fn retry_delivery(
        &self,
        delivery: &Delivery,
        trigger: Trigger,
        now: Timestamp,
    ) -> Result<Option<Delivery>> {
        let sql = "UPDATE deliveries SET status = 'pending', attempt_trigger = $1, due_at = $2, is_dlq = $3, \
            updated_at = $2, gated_at = NULL WHERE env_id = $4 AND id = $5 AND status NOT IN ('pending', 'in_flight')";
        let values = [
            trigger.as_str().into(),
            now.as_micros().into(),
            false.into(),
            self.env_uuid().into(),
            uuid(delivery.id.as_u128()).into(),
        ];
        let queued = self.change_delivery(delivery.event_id, delivery.id, sql, values).await?;
        if queued.is_some() {
            self.store.signals().send(Signal::Due(delivery.destination_id));
        }
        Ok(queued)
    }

    /// Ends a delivery that is not being sent, and returns it.
    pub async fn cancel_delivery(&self, delivery: &Delivery, now: Timestamp) -> Result<Option<Delivery>> {
        let sql = "UPDATE deliveries SET status = 'cancelled', due_at = NULL, updated_at = $1 \
            WHERE env_id = $2 AND id = $3 AND status IN ('pending', 'waiting', 'held')";
        let values = [now.as_micros().into(), self.env_uuid().into(), uuid(delivery.id.as_u128()).into()];
        self.change_delivery(delivery.event_id, delivery.id, sql, values).await
    }

    /// Runs a change of one delivery, and sets its event to what follows. Returns the delivery as that left it, if it did anything.
    pub(crate) async fn change_delivery<const N: usize>(
        &self,
        event: EventId,
        delivery: DeliveryId,
        sql: &str,
        values: [Value; N],
    ) -> Result<Option<Delivery>> {
        let transaction = self.store.begin().await?;
        let key = self.store.lock_key(&transaction, self.env_id, delivery).await?;
        events_of::lock(&self.store, &transaction, self.env_id, event).await?;
        if transaction.execute_raw(self.store.statement(sql, values)).await?.rows_affected() == 0 {
            return Ok(None);
        }
        events_of::recount(&self.store, &transaction, self.env_id, event).await?;
        if let Some(key) = key {
            self.store.bring_back_first(&transaction, key).await?;
        }
        let changed = self.delivery_in(&transaction, delivery).await?;
        self.store.commit(transaction).await?;
        self.store.signals().send(Signal::Activity(self.env_id));
        if let Some(key) = key {
            self.store.signals().send(Signal::Freed(key.destination));
        }
        Ok(changed)
    }
}

pub(crate) fn delivery(row: &QueryResult) -> Result<Delivery> {
    const T: &str = "deliveries";
    let id = |column| get::<Uuid>(row, column).map(|id| id.as_u128());
    Ok(Delivery {
        id: DeliveryId::from_u128(id("id")?),
        event_id: EventId::from_u128(id("event_id")?),
        connection_id: ConnectionId::from_u128(id("connection_id")?),
        destination_id: DestinationId::from_u128(id("destination_id")?),
        status: parse(T, "status", &get::<String>(row, "status")?)?,
        attempt_count: number(T, "attempt_count", get(row, "attempt_count")?)?,
        next_attempt_at: get::<Option<i64>>(row, "due_at")?.map(at),
        is_dlq: get(row, "is_dlq")?,
        issue_id: get::<Option<Uuid>>(row, "issue_id")?.map(|id| IssueId::from_u128(id.as_u128())),
        last_error: get(row, "last_error")?,
        replay_id: get::<Option<Uuid>>(row, "replay_id")?.map(|id| ReplayId::from_u128(id.as_u128())),
        schema_errors: get::<Option<String>>(row, "schema_errors")?
            .map(|text| json(T, "schema_errors", &text))
            .transpose()?
            .unwrap_or_default(),
        created_at: at(get(row, "created_at")?),
        updated_at: at(get(row, "updated_at")?),
    })
}

fn attempt(row: &QueryResult) -> Result<Attempt> {
    const T: &str = "attempts";
    let id = |column| get::<Uuid>(row, column).map(|id| id.as_u128());
    let response_status: Option<i64> = get(row, "response_status")?;
    let response_headers: Option<String> = get(row, "response_headers")?;
    let error_class: Option<String> = get(row, "error_class")?;
    Ok(Attempt {
        id: AttemptId::from_u128(id("id")?),
        delivery_id: DeliveryId::from_u128(id("delivery_id")?),
        attempt_number: number(T, "attempt_number", get(row, "attempt_number")?)?,
        trigger: parse(T, "attempt_trigger", &get::<String>(row, "attempt_trigger")?)?,
        status: parse(T, "status", &get::<String>(row, "status")?)?,
        started_at: at(get(row, "started_at")?),
        latency_ms: number(T, "latency_ms", get(row, "latency_ms")?)?,
        response_status: response_status.map(|status| number(T, "response_status", status)).transpose()?,
        response_headers: response_headers.map(|text| json(T, "response_headers", &text)).transpose()?,
        response_body: get(row, "response_body")?,
        error: get(row, "error")?,
        error_class: error_class.map(|text| parse(T, "error_class", &text)).transpose()?,
        request: json(T, "request", &get::<String>(row, "request")?)?,
        next_retry_at: get::<Option<i64>>(row, "next_retry_at")?.map(at),
    })
}
