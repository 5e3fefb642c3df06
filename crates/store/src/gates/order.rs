//! The order of deliveries of a key.
//!
//! An ordered delivery has a key (`order_key`) and a place in it (`order_seq`). It may be taken when no other of its key is
//! being sent and none that is still to be made has a place before it. One that is due and may not be taken is parked: held,
//! with its `gated_at` set. Everything that ends an ordered delivery, or gives its place up, brings the first of its key back
//! within the same transaction. So a claim passes over each of them at most once, however long the backlog of its key is.

use std::collections::BTreeSet;

use domain::{
    id::{DeliveryId, DestinationId, EnvId},
    time::Timestamp,
};
use sea_orm::{ConnectionTrait, DbBackend, prelude::Uuid};

use crate::{
    connection::Transaction,
    db::Store,
    error::Result,
    row::{get, to_json, uuid},
    signals::Signal,
};

/// Due deliveries that one claim looks at. Those of them that must wait are parked when it finds too few others.
macro_rules! window_size {
    () => {
        1000
    };
}
pub(super) const WINDOW: usize = window_size!();
/// Keys of a destination that one look for forgotten ones takes.
const KEYS: usize = 1000;

/// Whether a delivery `d` must wait for another of its key.
macro_rules! is_blocked {
    () => {
        "(EXISTS (SELECT 1 FROM deliveries o WHERE o.destination_id = d.destination_id AND o.order_key = d.order_key \
            AND o.order_seq < d.order_seq AND o.status IN ('pending', 'in_flight', 'waiting', 'held')) \
          OR EXISTS (SELECT 1 FROM deliveries f WHERE f.destination_id = d.destination_id AND f.order_key = d.order_key \
            AND f.gated_at IS NOT NULL AND f.lease_owner IS NOT NULL))"
    };
}

/// The deliveries that a claim looks at, of destination `$1`, due at `$2`.
macro_rules! window {
    () => {
        concat!(
            "(SELECT env_id, id, destination_id, order_key, order_seq, due_at FROM deliveries \
              WHERE destination_id = $1 AND due_at IS NOT NULL AND due_at <= $2 ORDER BY due_at, id LIMIT ",
            window_size!(),
            ")"
        )
    };
}

const PARK: &str = concat!(
    "UPDATE deliveries SET status = 'held', due_at = NULL, gated_at = $3 WHERE due_at IS NOT NULL AND (env_id, id) IN (\
     SELECT d.env_id, d.id FROM ",
    window!(),
    " AS d WHERE d.order_key IS NOT NULL AND ",
    is_blocked!(),
    ") RETURNING order_key"
);
/// Takes at most `$5` for node `$4`, those first that stand first in the window: it is not sorted once more, so that no more
/// of it is looked at than needed.
pub(super) const CLAIM_FIRST: &str = concat!(
    "UPDATE deliveries SET status = 'in_flight', due_at = NULL, lease_owner = $4, gated_at = $3 \
     WHERE due_at IS NOT NULL AND due_at <= $2 AND (env_id, id) IN (SELECT d.env_id, d.id FROM ",
    window!(),
    " AS d WHERE d.order_key IS NULL OR NOT ",
    is_blocked!(),
    " LIMIT $5) RETURNING "
);
/// Brings back the first of each key where it is parked and nothing of the key is being sent. Rows: destination, key,
/// project.
pub(crate) const BRING_BACK: &str = "UPDATE deliveries \
    SET status = CASE WHEN attempt_count = 0 THEN 'pending' ELSE 'waiting' END, due_at = created_at, gated_at = NULL \
    WHERE status = 'held' AND gated_at IS NOT NULL AND (env_id, id) IN (\
      SELECT v.column3, (SELECT o.id FROM deliveries o WHERE o.destination_id = v.column1 AND o.order_key = v.column2 \
          AND o.status IN ('pending', 'in_flight', 'waiting', 'held') ORDER BY o.order_seq LIMIT 1) \
      FROM ({rows}) AS v WHERE NOT EXISTS (SELECT 1 FROM deliveries f WHERE f.destination_id = v.column1 \
          AND f.order_key = v.column2 AND f.gated_at IS NOT NULL AND f.lease_owner IS NOT NULL))";

/// A key of a destination, whose gate is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LockedKey {
    pub env: EnvId,
    pub destination: DestinationId,
    pub key: i64,
}

impl Store {
    /// Parks what is due and must wait. Returns how many.
    pub(super) async fn park(
        &self,
        transaction: &Transaction,
        env: EnvId,
        destination: DestinationId,
        due: Timestamp,
        now: Timestamp,
    ) -> Result<usize> {
        let values = [uuid(destination.as_u128()).into(), due.as_micros().into(), now.as_micros().into()];
        let parked = transaction.query_all_raw(self.statement(PARK, values)).await?;
        let keys = parked.iter().map(|row| get::<i64>(row, "order_key")).collect::<Result<BTreeSet<_>>>()?;
        if !keys.is_empty() {
            // One that was let through before those before it became known may now stand behind them.
            let keys: Vec<i64> = keys.into_iter().collect();
            self.bring_back(transaction, env, destination, &keys).await?;
        }
        Ok(parked.len())
    }

    /// Brings back the first of each of these keys of a destination whose gate is locked. Returns how many.
    pub(super) async fn bring_back(
        &self,
        transaction: &Transaction,
        env: EnvId,
        destination: DestinationId,
        keys: &[i64],
    ) -> Result<u64> {
        let rows = match self.backend() {
            DbBackend::Postgres => {
                "SELECT $1 AS column1, k.value::bigint AS column2, $2 AS column3 FROM json_array_elements_text($3::json) AS k"
            }
            _ => "SELECT $1 AS column1, k.value AS column2, $2 AS column3 FROM json_each($3) AS k",
        };
        let sql = BRING_BACK.replace("{rows}", rows);
        let values = [uuid(destination.as_u128()).into(), uuid(env.as_u128()).into(), to_json(&keys)?.into()];
        Ok(transaction.execute_raw(self.statement(sql, values)).await?.rows_affected())
    }

    /// Locks the gate of a delivery's destination, where the delivery has a place in an order. To be called before it is
    /// changed.
    pub(crate) async fn lock_key(
        &self,
        transaction: &Transaction,
        env: EnvId,
        delivery: DeliveryId,
    ) -> Result<Option<LockedKey>> {
        let sql =
            "SELECT destination_id, order_key FROM deliveries WHERE env_id = $1 AND id = $2 AND order_key IS NOT NULL";
        let values = [uuid(env.as_u128()).into(), uuid(delivery.as_u128()).into()];
        let Some(row) = transaction.query_one_raw(self.statement(sql, values)).await? else { return Ok(None) };
        let destination = DestinationId::from_u128(get::<Uuid>(&row, "destination_id")?.as_u128());
        self.lock_gate(transaction, env, destination).await?;
        Ok(Some(LockedKey { env, destination, key: get(&row, "order_key")? }))
    }

    /// After a delivery of the key has changed.
    pub(crate) async fn bring_back_first(&self, transaction: &Transaction, key: LockedKey) -> Result<()> {
        self.bring_back(transaction, key.env, key.destination, &[key.key]).await?;
        Ok(())
    }

    /// Destinations with parked deliveries, found by one index step each.
    pub async fn parked_destinations(&self) -> Result<Vec<DestinationId>> {
        let sql = "WITH RECURSIVE step(d) AS (\
              SELECT (SELECT destination_id FROM deliveries WHERE gated_at IS NOT NULL AND status = 'held' \
                      ORDER BY destination_id LIMIT 1) \
              UNION ALL \
              SELECT (SELECT destination_id FROM deliveries WHERE gated_at IS NOT NULL AND status = 'held' \
                      AND destination_id > step.d ORDER BY destination_id LIMIT 1) FROM step WHERE step.d IS NOT NULL) \
            SELECT d FROM step WHERE d IS NOT NULL";
        let rows = self.reader().query_all_raw(self.statement(sql, [])).await?;
        rows.iter().map(|row| get::<Uuid>(row, "d").map(|id| DestinationId::from_u128(id.as_u128()))).collect()
    }

    /// Queues all parked deliveries of a destination that no longer keeps an order, in batches.
    pub async fn release_parked(&self, destination: DestinationId) -> Result<u64> {
        let released = self
            .in_batches(
                "UPDATE deliveries SET status = CASE WHEN attempt_count = 0 THEN 'pending' ELSE 'waiting' END, \
                 due_at = created_at, gated_at = NULL WHERE gated_at IS NOT NULL AND status = 'held' AND (env_id, id) IN (\
                 SELECT env_id, id FROM deliveries WHERE destination_id = $1 AND gated_at IS NOT NULL \
                 AND status = 'held' ORDER BY order_key, order_seq LIMIT $2)",
                &[uuid(destination.as_u128()).into()],
            )
            .await?;
        if released > 0 {
            self.signals().send(Signal::Freed(destination));
        }
        Ok(released)
    }

    /// Brings back what nothing else would: parked deliveries whose key has nobody left before them. Returns how many.
    pub async fn bring_back_forgotten(&self, env: EnvId, destination: DestinationId) -> Result<u64> {
        let (mut after, mut found) = (None, 0);
        loop {
            let keys = self.parked_keys(destination, after).await?;
            after = keys.last().copied();
            if !keys.is_empty() {
                let transaction = self.begin().await?;
                self.lock_gate(&transaction, env, destination).await?;
                found += self.bring_back(&transaction, env, destination, &keys).await?;
                transaction.commit().await?;
            }
            if keys.len() < KEYS {
                break;
            }
        }
        if found > 0 {
            self.signals().send(Signal::Freed(destination));
        }
        Ok(found)
    }

    async fn parked_keys(&self, destination: DestinationId, after: Option<i64>) -> Result<Vec<i64>> {
        let sql = "WITH RECURSIVE step(k) AS (\
              SELECT (SELECT order_key FROM deliveries WHERE destination_id = $1 AND gated_at IS NOT NULL \
                      AND status = 'held' AND order_key >= $2 ORDER BY order_key LIMIT 1) \
              UNION ALL \
              SELECT (SELECT order_key FROM deliveries WHERE destination_id = $1 AND gated_at IS NOT NULL \
                      AND status = 'held' AND order_key > step.k ORDER BY order_key LIMIT 1) \
              FROM step WHERE step.k IS NOT NULL) \
            SELECT k FROM step WHERE k IS NOT NULL LIMIT $3";
        let Some(from) = after.map_or(Some(i64::MIN), |key: i64| key.checked_add(1)) else { return Ok(Vec::new()) };
        let limit = i64::try_from(KEYS).unwrap_or(i64::MAX);
        let values = [uuid(destination.as_u128()).into(), from.into(), limit.into()];
        let rows = self.reader().query_all_raw(self.statement(sql, values)).await?;
        rows.iter().map(|row| get(row, "k")).collect()
    }
}
