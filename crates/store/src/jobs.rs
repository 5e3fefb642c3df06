//! Which node does a piece of scheduled work: a row a job, and a lease on it by the database's own clock, which all
//! nodes share.
//!
//! While a job runs its node renews the lease every [`RENEW`]. Between two runs the node keeps the job, so that what it
//! remembers of the last run serves the next one; when it has not begun that for [`LEASE`], any other node may.

use std::time::Duration;

use domain::time::Timestamp;
use sea_orm::ConnectionTrait;

use crate::{
    db::Store,
    error::{Result, StoreError},
    row::{at, get},
};

/// How long a node without a sign of life keeps a job.
pub const LEASE: Duration = Duration::from_secs(30);
/// How often a node that runs a job shows that it does.
pub const RENEW: Duration = Duration::from_secs(10);

impl Store {
    /// What time it is by the database's clock.
    pub async fn clock(&self) -> Result<Timestamp> {
        let sql = format!("SELECT {} AS now", self.database_clock());
        let row = self.reader().query_one_raw(self.statement(sql, [])).await?;
        let row = row.ok_or_else(|| StoreError::Database("the database does not say what time it is".into()))?;
        get(&row, "now").map(at)
    }

    /// Makes the row of a job, where there is none.
    pub async fn register_job(&self, name: &str) -> Result<()> {
        let sql = "INSERT INTO jobs (name, expires_at, next_run_at) VALUES ($1, 0, 0) ON CONFLICT (name) DO NOTHING";
        self.writer().execute_raw(self.statement(sql, [name.into()])).await?;
        Ok(())
    }

    /// Takes a job that runs every so often, if its time has come and no other node has it. Returns whether it did.
    pub async fn take_job(&self, name: &str, node: i64, every: Duration) -> Result<bool> {
        // Times that no run can have set are of a clock that was put back since.
        let now = self.database_clock();
        // An SQLite file has one process: whoever else is named in it is gone.
        let is_free = if self.is_shared() {
            format!("(owner = $2 OR expires_at < {now} OR expires_at > {now} + $3 + $4)")
        } else {
            "$2 <> 0".to_owned()
        };
        let sql = format!(
            "UPDATE jobs SET owner = $2, expires_at = {now} + $3, last_run_at = {now} WHERE name = $1 \
             AND (next_run_at <= {now} OR next_run_at > {now} + $4) AND {is_free}"
        );
        let values = [name.into(), node.into(), micros(LEASE).into(), micros(every).into()];
        Ok(self.writer().execute_raw(self.statement(sql, values)).await?.rows_affected() > 0)
    }

    /// Shows that `node` still runs a job. Returns whether it is still that node's.
    pub async fn renew_job(&self, name: &str, node: i64) -> Result<bool> {
        let sql = format!("UPDATE jobs SET expires_at = {} + $3 WHERE name = $1 AND owner = $2", self.database_clock());
        let values = [name.into(), node.into(), micros(LEASE).into()];
        Ok(self.writer().execute_raw(self.statement(sql, values)).await?.rows_affected() > 0)
    }

    /// Ends a run; the next one is due `after` now.
    pub async fn finish_job(&self, name: &str, node: i64, after: Duration) -> Result<()> {
        let sql = format!(
            "UPDATE jobs SET next_run_at = {now} + $3, expires_at = {now} + $3 + $4 WHERE name = $1 AND owner = $2",
            now = self.database_clock()
        );
        let values = [name.into(), node.into(), micros(after).into(), micros(LEASE).into()];
        self.writer().execute_raw(self.statement(sql, values)).await?;
        Ok(())
    }

    /// Lets others have a job that `node` has.
    pub async fn release_job(&self, name: &str, node: i64) -> Result<()> {
        let sql = "UPDATE jobs SET owner = NULL, expires_at = 0 WHERE name = $1 AND owner = $2";
        self.writer().execute_raw(self.statement(sql, [name.into(), node.into()])).await?;
        Ok(())
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
