//! What listeners did with the events of a project.

use domain::{
    forward::Forward,
    id::{EventId, ForwardId},
};
use sea_orm::{ConnectionTrait, QueryResult, Value, prelude::Uuid};

use crate::{
    error::Result,
    row::{at, get, json, number, text, to_json, uuid},
    scope::Scope,
    signals::Signal,
};

/// How many are kept of one event, the newest of them.
const KEPT: u32 = 20;

impl Scope {
    /// Notes one, and forgets the oldest where there are too many. Returns whether there is such an event.
    pub async fn insert_forward(&self, forward: &Forward) -> Result<bool> {
        let event: Value = uuid(forward.event_id.as_u128()).into();
        let headers = forward.response_headers.as_ref().map(to_json).transpose()?;
        let sql = "INSERT INTO forwards (env_id, event_id, id, listener, target, started_at, latency_ms, response_status, \
            response_headers, response_body, error) SELECT e.env_id, e.id, $3, $4, $5, $6, $7, $8, $9, $10, $11 \
            FROM events e WHERE e.env_id = $1 AND e.id = $2";
        let values = [
            self.env_uuid().into(),
            event.clone(),
            uuid(forward.id.as_u128()).into(),
            forward.listener.as_str().into(),
            forward.target.as_str().into(),
            forward.started_at.as_micros().into(),
            i64::from(forward.latency_ms).into(),
            Value::BigInt(forward.response_status.map(i64::from)),
            Value::String(headers),
            text(forward.response_body.as_deref()),
            text(forward.error.as_deref()),
        ];
        if self.store.writer().execute_raw(self.store.statement(sql, values)).await?.rows_affected() == 0 {
            return Ok(false);
        }
        let sql = format!(
            "DELETE FROM forwards WHERE env_id = $1 AND event_id = $2 AND id <= (SELECT id FROM forwards \
             WHERE env_id = $1 AND event_id = $2 ORDER BY id DESC LIMIT 1 OFFSET {KEPT})"
        );
        self.store.writer().execute_raw(self.store.statement(sql, [self.env_uuid().into(), event])).await?;
        self.store.signals().send(Signal::Activity(self.env_id));
        Ok(true)
    }

    /// Those of an event, oldest first.
    pub async fn forwards(&self, event: EventId) -> Result<Vec<Forward>> {
        let sql = format!(
            "SELECT id, event_id, listener, target, started_at, latency_ms, response_status, response_headers, response_body, \
             error FROM forwards WHERE env_id = $1 AND event_id = $2 ORDER BY id DESC LIMIT {KEPT}"
        );
        let values = [self.env_uuid().into(), uuid(event.as_u128()).into()];
        let rows = self.store.reader().query_all_raw(self.store.statement(sql, values)).await?;
        rows.iter().rev().map(forward).collect()
    }
}

fn forward(row: &QueryResult) -> Result<Forward> {
    const T: &str = "forwards";
    let id = |column| get::<Uuid>(row, column).map(|id| id.as_u128());
    let status: Option<i64> = get(row, "response_status")?;
    let headers: Option<String> = get(row, "response_headers")?;
    Ok(Forward {
        id: ForwardId::from_u128(id("id")?),
        event_id: EventId::from_u128(id("event_id")?),
        listener: get(row, "listener")?,
        target: get(row, "target")?,
        started_at: at(get(row, "started_at")?),
        latency_ms: number(T, "latency_ms", get(row, "latency_ms")?)?,
        response_status: status.map(|status| number(T, "response_status", status)).transpose()?,
        response_headers: headers.map(|text| json(T, "response_headers", &text)).transpose()?,
        response_body: get(row, "response_body")?,
        error: get(row, "error")?,
    })
}
