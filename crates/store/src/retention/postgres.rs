//! The events themselves, named one by one, so that their rows are found by their keys however large the tables are.

use sea_orm::{QueryResult, prelude::Uuid};
use sqlx::{Arguments, postgres::PgArguments};

use super::OPEN;
use crate::{batch::not_bound, error::Result, postgres::Postgres, row::get, scope::Scope};

/// The removal need not be on disk when its locks are given up.
pub(super) const UNHURRIED: &str = "SET LOCAL synchronous_commit = off";
// Whoever opens a delivery again locks its event first. What somebody has just now is left for another time.
const LOCK: &str = "SELECT id FROM events WHERE env_id = $1 AND id = ANY($2) ORDER BY id FOR UPDATE SKIP LOCKED";
const REMOVE: &str = "WITH gone AS (DELETE FROM deliveries WHERE env_id = $1 AND event_id = ANY($2) RETURNING id), \
    attempts_gone AS (DELETE FROM attempts WHERE env_id = $1 AND delivery_id IN (SELECT id FROM gone)), \
    forwards_gone AS (DELETE FROM forwards WHERE env_id = $1 AND event_id = ANY($2)), \
    bodies_gone AS (DELETE FROM event_bodies WHERE env_id = $1 AND event_id = ANY($2)) \
    DELETE FROM events WHERE env_id = $1 AND id = ANY($2)";

/// Removes those of `events` whose deliveries have all ended. Returns how many.
pub(super) async fn remove(scope: &Scope, database: &Postgres, events: &[Uuid]) -> Result<u64> {
    let transaction = database.begin().await?;
    transaction.run(UNHURRIED.to_owned(), None).await?;
    let locked = ids(&transaction.run(LOCK.to_owned(), Some(values(scope, events)?)).await?.all(), "id")?;
    // Sees what was committed up to now, which the statement that took the locks may not have seen.
    let open = format!("SELECT event_id FROM deliveries WHERE env_id = $1 AND event_id = ANY($2) AND status IN {OPEN}");
    let open = ids(&transaction.run(open, Some(values(scope, &locked)?)).await?.all(), "event_id")?;
    let ended: Vec<Uuid> = locked.into_iter().filter(|event| !open.contains(event)).collect();
    let removed = transaction.run(REMOVE.to_owned(), Some(values(scope, &ended)?)).await?.executed();
    transaction.commit().await?;
    Ok(removed.rows_affected())
}

fn values(scope: &Scope, events: &[Uuid]) -> Result<PgArguments> {
    let mut values = PgArguments::default();
    values.add(scope.env_uuid()).and_then(|()| values.add(events)).map_err(not_bound)?;
    Ok(values)
}

fn ids(rows: &[QueryResult], column: &str) -> Result<Vec<Uuid>> {
    rows.iter().map(|row| get(row, column)).collect()
}
