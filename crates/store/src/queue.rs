//! Deliveries as a queue: nodes, leases, claims.
//!
//! A delivery is queued while it has a `due_at`. A claim takes it for a node: `due_at` gives way to `lease_owner`. A
//! lease has no end of its own; it holds as long as its node shows that it is alive ([`Store::heartbeat`]). When a node
//! is gone for longer than [`NODE_TTL`], any other node gives its deliveries back to the queue.

use std::time::Duration;

use domain::{
    delivery::Trigger,
    id::{ConnectionId, DeliveryId, DestinationId, EnvId, EventId},
    time::Timestamp,
};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, prelude::Uuid};

use crate::{
    batch::RowStatement,
    db::Store,
    error::Result,
    row::{at, get, number, parse, uuid},
};

/// How often a node shows that it is alive.
pub const HEARTBEAT: Duration = Duration::from_secs(1);
/// How long a node without a sign of life is taken to be alive.
pub const NODE_TTL: Duration = Duration::from_secs(7);
/// Deliveries given back in one transaction.
const RELEASE_BATCH: i64 = 1000;

/// A delivery that this node may now send.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub env_id: EnvId,
    pub id: DeliveryId,
    pub event_id: EventId,
    pub connection_id: ConnectionId,
    pub destination_id: DestinationId,
    /// Attempts made so far.
    pub attempt_count: u32,
    pub trigger: Trigger,
    /// The key in which it has a place, where it came through the gate of an ordered destination.
    pub order_key: Option<i64>,
    /// It is the one by which an open circuit is tried.
    pub is_probe: bool,
}

const QUEUE_AGAIN: &str =
    "UPDATE deliveries SET status = CASE WHEN attempt_count = 0 THEN 'pending' ELSE 'waiting' END, due_at = $2";
pub(crate) const CLAIM_COLUMNS: &str =
    "env_id, id, event_id, connection_id, destination_id, attempt_count, attempt_trigger, order_key";

impl Store {
    /// Takes up to `limit` deliveries of a destination that are due, oldest due first.
    pub async fn claim(
        &self,
        node: i64,
        destination: DestinationId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Claimed>> {
        let due = "FROM deliveries WHERE destination_id = $2 AND due_at IS NOT NULL AND due_at <= $3 \
            ORDER BY due_at, id LIMIT $4";
        let found = match self.backend() {
            // By their place in the table, whatever the planner thinks of how many there are.
            DbBackend::Postgres => format!("ctid = ANY (ARRAY(SELECT ctid {due} FOR UPDATE SKIP LOCKED))"),
            _ => format!("(env_id, id) IN (SELECT env_id, id {due})"),
        };
        let sql = format!(
            "UPDATE deliveries SET status = 'in_flight', due_at = NULL, lease_owner = $1 WHERE {found} \
             RETURNING {CLAIM_COLUMNS}"
        );
        let values = [node.into(), uuid(destination.as_u128()).into(), now.as_micros().into(), i64::from(limit).into()];
        let rows = self.writer().query_all_raw(self.statement(sql, values)).await?;
        let mut claimed = rows.iter().map(claimed).collect::<Result<Vec<_>>>()?;
        claimed.sort_unstable_by_key(|delivery| delivery.id);
        Ok(claimed)
    }

    /// When the next delivery of a destination is due; in the past when one is due already.
    pub async fn next_due(&self, destination: DestinationId) -> Result<Option<Timestamp>> {
        let sql =
            "SELECT due_at FROM deliveries WHERE destination_id = $1 AND due_at IS NOT NULL ORDER BY due_at LIMIT 1";
        let row = self.reader().query_one_raw(self.statement(sql, [uuid(destination.as_u128()).into()])).await?;
        row.map(|row| get::<i64>(&row, "due_at").map(at)).transpose()
    }

    /// All destinations with queued deliveries, and when the first of each is due; found by two index steps each.
    pub async fn queued_destinations(&self) -> Result<Vec<(DestinationId, Timestamp)>> {
        let sql = "WITH RECURSIVE step(d) AS (\
              SELECT (SELECT destination_id FROM deliveries WHERE due_at IS NOT NULL ORDER BY destination_id LIMIT 1) \
              UNION ALL \
              SELECT (SELECT destination_id FROM deliveries WHERE due_at IS NOT NULL AND destination_id > step.d \
                      ORDER BY destination_id LIMIT 1) FROM step WHERE step.d IS NOT NULL) \
            SELECT d, (SELECT due_at FROM deliveries WHERE destination_id = step.d AND due_at IS NOT NULL \
                       ORDER BY due_at LIMIT 1) AS due FROM step WHERE d IS NOT NULL";
        let rows = self.reader().query_all_raw(self.statement(sql, [])).await?;
        let mut queued = Vec::with_capacity(rows.len());
        for row in &rows {
            // Between the two steps the last one may have been taken.
            if let Some(due) = get::<Option<i64>>(row, "due")? {
                queued.push((DestinationId::from_u128(get::<Uuid>(row, "d")?.as_u128()), at(due)));
            }
        }
        Ok(queued)
    }

    /// What a node has taken, at most 10,000 of it.
    pub async fn leased_by(&self, node: i64) -> Result<Vec<(EnvId, DeliveryId)>> {
        let sql = "SELECT env_id, id FROM deliveries WHERE lease_owner = $1 LIMIT 10000";
        let rows = self.reader().query_all_raw(self.statement(sql, [node.into()])).await?;
        rows.iter()
            .map(|row| {
                let id = |column| get::<Uuid>(row, column).map(|id| id.as_u128());
                Ok((EnvId::from_u128(id("env_id")?), DeliveryId::from_u128(id("id")?)))
            })
            .collect()
    }

    /// Gives a delivery back that was taken but not tried, so that another may take it at `due`.
    pub async fn give_back(&self, node: i64, env: EnvId, delivery: DeliveryId, due: Timestamp) -> Result<()> {
        let sql = "UPDATE deliveries SET status = CASE WHEN attempt_count = 0 THEN 'pending' ELSE 'waiting' END, \
            due_at = $1, lease_owner = NULL WHERE env_id = $2 AND id = $3 AND lease_owner = $4";
        let values = [due.as_micros().into(), uuid(env.as_u128()).into(), uuid(delivery.as_u128()).into(), node.into()];
        self.writer().execute_raw(self.statement(sql, values)).await?;
        Ok(())
    }

    /// Gives many back that were taken but not tried, to be taken again at once.
    pub async fn give_back_all(&self, node: i64, deliveries: &[(EnvId, DeliveryId)]) -> Result<()> {
        let sql = "UPDATE deliveries SET status = CASE WHEN attempt_count = 0 THEN 'pending' ELSE 'waiting' END, \
            due_at = created_at, lease_owner = NULL FROM ({rows}) AS v \
            WHERE deliveries.env_id = v.column1 AND deliveries.id = v.column2 AND deliveries.lease_owner = {all}";
        let batch = usize::try_from(RELEASE_BATCH).unwrap_or(usize::MAX);
        for deliveries in deliveries.chunks(batch) {
            let row = |(env, id): &(EnvId, DeliveryId)| vec![uuid(env.as_u128()).into(), uuid(id.as_u128()).into()];
            let rows = deliveries.iter().map(row).collect();
            self.run_together(vec![RowStatement::new("given_back", sql, rows).with_all(node)]).await?;
        }
        Ok(())
    }

    /// Keeps a taken delivery back while its connection or destination is paused.
    pub async fn hold(&self, node: i64, env: EnvId, delivery: DeliveryId) -> Result<()> {
        let sql = "UPDATE deliveries SET status = 'held', lease_owner = NULL, gated_at = NULL \
            WHERE env_id = $1 AND id = $2 AND lease_owner = $3";
        let values = [uuid(env.as_u128()).into(), uuid(delivery.as_u128()).into(), node.into()];
        self.writer().execute_raw(self.statement(sql, values)).await?;
        Ok(())
    }

    /// Ends a taken delivery whose connection or destination is gone.
    pub async fn drop_leased(&self, node: i64, claimed: &Claimed, why: &str) -> Result<()> {
        let sql = "UPDATE deliveries SET status = 'cancelled', lease_owner = NULL, last_error = $4 \
            WHERE env_id = $1 AND id = $2 AND lease_owner = $3";
        let values =
            [uuid(claimed.env_id.as_u128()).into(), uuid(claimed.id.as_u128()).into(), node.into(), why.into()];
        self.scope(claimed.env_id).change_delivery(claimed.event_id, claimed.id, sql, values).await?;
        Ok(())
    }

    /// Connections with deliveries that a pause has held, found by one index step each.
    pub async fn held_connections(&self) -> Result<Vec<ConnectionId>> {
        let sql = "WITH RECURSIVE step(c) AS (\
              SELECT (SELECT connection_id FROM deliveries WHERE gated_at IS NULL AND status = 'held' ORDER BY connection_id LIMIT 1) \
              UNION ALL \
              SELECT (SELECT connection_id FROM deliveries WHERE gated_at IS NULL AND status = 'held' AND connection_id > step.c \
                      ORDER BY connection_id LIMIT 1) FROM step WHERE step.c IS NOT NULL) \
            SELECT c FROM step WHERE c IS NOT NULL";
        let rows = self.reader().query_all_raw(self.statement(sql, [])).await?;
        rows.iter().map(|row| get::<Uuid>(row, "c").map(|id| ConnectionId::from_u128(id.as_u128()))).collect()
    }

    /// Queues the deliveries of a connection that a pause has held, in batches.
    pub async fn release_held(&self, connection: ConnectionId, now: Timestamp) -> Result<u64> {
        let held = self.found("gated_at IS NULL AND status = 'held' AND connection_id = $1 ORDER BY id LIMIT $3");
        let sql = format!("{QUEUE_AGAIN} WHERE {held}");
        self.in_batches(&sql, &[uuid(connection.as_u128()).into(), now.as_micros().into()]).await
    }

    /// Tells the others that `node` is here.
    pub async fn heartbeat(&self, node: i64, started: Timestamp) -> Result<()> {
        let sql = format!(
            "INSERT INTO nodes (id, started_at, expires_at) VALUES ($1, $2, {now} + $3) \
             ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at",
            now = self.database_clock()
        );
        let values = [node.into(), started.as_micros().into(), ttl_micros().into()];
        self.writer().execute_raw(self.statement(sql, values)).await?;
        Ok(())
    }

    /// How many nodes are alive.
    pub async fn live_nodes(&self) -> Result<u32> {
        let sql = format!("SELECT count(*) AS nodes FROM nodes WHERE expires_at >= {}", self.database_clock());
        let row = self.reader().query_one_raw(self.statement(sql, [])).await?;
        row.map_or(Ok(0), |row| number("nodes", "count", get(&row, "nodes")?))
    }

    /// Says by which secret keys `node` opens what is sealed.
    pub async fn tell_secret_keys(&self, node: i64, ids: &[String]) -> Result<()> {
        let sql = "UPDATE nodes SET secret_keys = $2 WHERE id = $1 AND secret_keys <> $2";
        self.writer().execute_raw(self.statement(sql, [node.into(), ids.join(" ").into()])).await?;
        Ok(())
    }

    /// The ids of the secret keys that each node which is alive has.
    pub async fn secret_keys_of_nodes(&self) -> Result<Vec<Vec<String>>> {
        let sql = format!("SELECT secret_keys FROM nodes WHERE expires_at >= {}", self.database_clock());
        let rows = self.reader().query_all_raw(self.statement(sql, [])).await?;
        let ids = |text: String| text.split_whitespace().map(str::to_owned).collect();
        rows.iter().map(|row| get(row, "secret_keys").map(ids)).collect()
    }

    /// The nodes that are alive but for `node`.
    pub async fn other_nodes(&self, node: i64) -> Result<Vec<i64>> {
        if !self.is_shared() {
            return Ok(Vec::new());
        }
        let sql = format!("SELECT id FROM nodes WHERE id <> $1 AND NOT {}", self.is_gone());
        let rows = self.reader().query_all_raw(self.statement(sql, [node.into()])).await?;
        rows.iter().map(|row| get(row, "id")).collect()
    }

    /// Takes `node` off the list and gives its deliveries back.
    pub async fn leave(&self, node: i64, now: Timestamp) -> Result<u64> {
        let released = self.in_batches(&self.release_sql(), &[node.into(), now.as_micros().into()]).await?;
        self.writer().execute_raw(self.statement("DELETE FROM nodes WHERE id = $1", [node.into()])).await?;
        Ok(released)
    }

    /// Gives back the deliveries of nodes that are no longer alive. Returns how many.
    pub async fn take_over(&self, node: i64, now: Timestamp) -> Result<u64> {
        // Who holds leases without being listed is listed as one that is gone.
        let sql = "WITH RECURSIVE step(o) AS (\
              SELECT (SELECT lease_owner FROM deliveries WHERE lease_owner IS NOT NULL ORDER BY lease_owner LIMIT 1) \
              UNION ALL \
              SELECT (SELECT lease_owner FROM deliveries WHERE lease_owner IS NOT NULL AND lease_owner > step.o \
                      ORDER BY lease_owner LIMIT 1) FROM step WHERE step.o IS NOT NULL) \
            INSERT INTO nodes (id, started_at, expires_at) SELECT o, $2, 0 FROM step \
            WHERE o IS NOT NULL AND o <> $1 AND o NOT IN (SELECT id FROM nodes) ON CONFLICT (id) DO NOTHING";
        self.writer().execute_raw(self.statement(sql, [node.into(), now.as_micros().into()])).await?;
        let sql = format!("SELECT id FROM nodes WHERE id <> $1 AND {}", self.is_gone());
        let rows = self.writer().query_all_raw(self.statement(sql, [node.into()])).await?;
        let mut released = 0;
        for row in &rows {
            released += self.take_over_from(get(row, "id")?, now).await?;
        }
        Ok(released)
    }

    async fn take_over_from(&self, gone: i64, now: Timestamp) -> Result<u64> {
        // While its row is locked it cannot come back, nor can another node take over from it: either would claim anew
        // what is given back here.
        let lock = if self.is_shared() { "FOR UPDATE SKIP LOCKED" } else { "" };
        let still_gone = format!("SELECT id FROM nodes WHERE id = $1 AND {} {lock}", self.is_gone());
        let mut total = 0;
        loop {
            let transaction = self.begin().await?;
            if transaction.query_one_raw(self.statement(still_gone.as_str(), [gone.into()])).await?.is_none() {
                return Ok(total);
            }
            let values = [gone.into(), now.as_micros().into(), RELEASE_BATCH.into()];
            let released = transaction.execute_raw(self.statement(self.release_sql(), values)).await?.rows_affected();
            total += released;
            let is_all = released < RELEASE_BATCH.unsigned_abs();
            if is_all {
                transaction.execute_raw(self.statement("DELETE FROM nodes WHERE id = $1", [gone.into()])).await?;
            }
            transaction.commit().await?;
            if is_all {
                return Ok(total);
            }
        }
    }

    /// Gives back up to `$3` of what `$1` has taken.
    fn release_sql(&self) -> String {
        format!(
            "{QUEUE_AGAIN}, lease_owner = NULL WHERE {}",
            self.found("lease_owner = $1 ORDER BY env_id, id LIMIT $3")
        )
    }

    /// Those deliveries that a condition finds, as the condition of an update.
    fn found(&self, condition: &str) -> String {
        match self.backend() {
            // What another transaction has just changed is looked at again once it is locked. A plain subquery is not
            // asked again: a delivery that was recorded or claimed meanwhile would be queued once more.
            DbBackend::Postgres => {
                format!("ctid = ANY (ARRAY(SELECT ctid FROM deliveries WHERE {condition} FOR UPDATE SKIP LOCKED))")
            }
            _ => format!("(env_id, id) IN (SELECT env_id, id FROM deliveries WHERE {condition})"),
        }
    }

    /// Whether the node of a row, which is not this one, is taken to be gone.
    fn is_gone(&self) -> String {
        // An SQLite file has one process: whoever else is named in it is gone.
        if self.is_shared() { format!("expires_at < {}", self.database_clock()) } else { "TRUE".to_owned() }
    }

    /// Repeats a statement whose last placeholder is a limit until it finds nothing more.
    pub(crate) async fn in_batches(&self, sql: &str, values: &[sea_orm::Value]) -> Result<u64> {
        let mut total = 0;
        loop {
            let values = values.iter().cloned().chain([RELEASE_BATCH.into()]);
            let changed = self.writer().execute_raw(self.statement(sql, values)).await?.rows_affected();
            total += changed;
            if changed < RELEASE_BATCH.unsigned_abs() {
                return Ok(total);
            }
        }
    }

    /// Microseconds since the epoch by the database's own clock, which all nodes share.
    pub(crate) fn database_clock(&self) -> &'static str {
        match self.backend() {
            DbBackend::Postgres => "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
            _ => "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
        }
    }
}

fn ttl_micros() -> i64 {
    i64::try_from(NODE_TTL.as_micros()).unwrap_or(i64::MAX)
}

pub(crate) fn claimed(row: &QueryResult) -> Result<Claimed> {
    let id = |column| get::<Uuid>(row, column).map(|id| id.as_u128());
    Ok(Claimed {
        env_id: EnvId::from_u128(id("env_id")?),
        id: DeliveryId::from_u128(id("id")?),
        event_id: EventId::from_u128(id("event_id")?),
        connection_id: ConnectionId::from_u128(id("connection_id")?),
        destination_id: DestinationId::from_u128(id("destination_id")?),
        attempt_count: number("deliveries", "attempt_count", get(row, "attempt_count")?)?,
        trigger: parse("deliveries", "attempt_trigger", &get::<String>(row, "attempt_trigger")?)?,
        order_key: get(row, "order_key")?,
        is_probe: false,
    })
}
