//! Operations on all deliveries that match, however many they are.
//!
//! An operation is a row, worked off in steps ([`step`]) from the oldest delivery on. Each step is one transaction that changes a
//! few deliveries and the row's `position`, behind which nothing is looked at again: so each delivery is taken once at most,
//! whoever works on the operation and wherever they were killed.

mod step;

use domain::{
    bulk::{BulkKind, BulkOperation, BulkStatus, Selection},
    id::{BulkOperationId, EnvId, IssueId},
    page::{Page, PageRequest},
    time::Timestamp,
};
use sea_orm::{ConnectionTrait, QueryResult, Value, prelude::Uuid};

pub use self::step::Step;
use crate::{
    db::Store,
    error::Result,
    events::Conditions,
    row::{at, get, json, number, parse, to_json, uuid},
    scope::{Scope, rows_wanted},
    signals::Signal,
};

const COLUMNS: &str = "e.env_id, e.id, e.kind, e.status, e.selection, e.total, e.done, e.skipped, e.created_at, e.updated_at, \
    e.finished_at, e.position, e.last";
/// Finished operations that are forgotten at once.
const FORGET: u32 = 1000;

/// An operation, and how far it has come.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub operation: BulkOperation,
    /// What has an id up to this one is behind it.
    pub position: Uuid,
    /// What has a larger id came later than the operation.
    pub last: Uuid,
}

impl Scope {
    /// Stores an operation that takes what matches now, and may match until its turn comes.
    pub async fn insert_bulk_operation(
        &self,
        id: BulkOperationId,
        kind: BulkKind,
        selection: &Selection,
        now: Timestamp,
    ) -> Result<()> {
        let (last, total) = match selection {
            Selection::Ids(ids) => (ids.last().map_or(0, |id| id.as_u128()), Some(ids.len() as u64)),
            Selection::Filter(filter) => {
                let newest = self.deliveries(filter, PageRequest::first(1)).await?;
                let counted = self.count_deliveries(filter, BulkOperation::COUNTED + 1).await?;
                let total = (counted <= BulkOperation::COUNTED).then(|| u64::from(counted));
                (newest.data.first().map_or(0, |delivery| delivery.id.as_u128()), total)
            }
        };
        let sql = "INSERT INTO bulk_operations (env_id, id, kind, status, selection, issue_id, position, last, total, done, \
            skipped, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, $10, $10)";
        let values = [
            self.env_uuid().into(),
            uuid(id.as_u128()).into(),
            kind.as_str().into(),
            BulkStatus::Running.as_str().into(),
            to_json(selection)?.into(),
            Value::Uuid(selection.issue().map(|issue| uuid(issue.as_u128()))),
            Uuid::nil().into(),
            uuid(last).into(),
            Value::BigInt(total.map(|total| i64::try_from(total).unwrap_or(i64::MAX))),
            now.as_micros().into(),
        ];
        self.store.writer().execute_raw(self.store.statement(sql, values)).await?;
        self.store.sync().await?;
        self.store.signals().send(Signal::Activity(self.env_id));
        Ok(())
    }

    pub async fn bulk_operation(&self, id: BulkOperationId) -> Result<Option<BulkOperation>> {
        Ok(self.placed(id).await?.map(|placed| placed.operation))
    }

    /// Newest first; those for an issue's deliveries, where one is named.
    pub async fn bulk_operations(&self, issue: Option<IssueId>, page: PageRequest) -> Result<Page<BulkOperation>> {
        let mut conditions = Conditions::new(self.env_uuid());
        conditions.below(page.after);
        if let Some(issue) = issue {
            conditions.add("e.issue_id = ?", [uuid(issue.as_u128()).into()]);
        }
        let (clause, mut values) = conditions.finish();
        values.push(i64::try_from(rows_wanted(&page)).unwrap_or(i64::MAX).into());
        let sql = format!(
            "SELECT {COLUMNS} FROM bulk_operations e WHERE {clause} ORDER BY e.id DESC LIMIT ${}",
            values.len()
        );
        let rows = self.store.reader().query_all_raw(self.store.statement(sql, values)).await?;
        let operations = rows.iter().map(operation).collect::<Result<Vec<_>>>()?;
        Ok(Page::from_rows(operations, page.limit, |operation| operation.id.as_u128()))
    }

    /// How many run; no more than `most` are counted.
    pub async fn count_running_bulk_operations(&self, most: u32) -> Result<u32> {
        let sql = format!(
            "SELECT count(*) AS found FROM (SELECT 1 FROM bulk_operations WHERE env_id = $1 AND status = 'running' \
             LIMIT {most}) AS counted"
        );
        let row = self.store.reader().query_one_raw(self.store.statement(sql, [self.env_uuid().into()])).await?;
        row.map_or(Ok(0), |row| number("bulk_operations", "count", get(&row, "found")?))
    }

    /// Ends an operation that runs; what it has done stays done. Returns whether it did.
    pub async fn cancel_bulk_operation(&self, id: BulkOperationId, now: Timestamp) -> Result<bool> {
        let sql = "UPDATE bulk_operations SET status = 'cancelled', updated_at = $1, finished_at = $1 \
            WHERE env_id = $2 AND id = $3 AND status = 'running'";
        let values = [now.as_micros().into(), self.env_uuid().into(), uuid(id.as_u128()).into()];
        let ended = self.store.writer().execute_raw(self.store.statement(sql, values)).await?.rows_affected() > 0;
        if ended {
            self.store.sync().await?;
            self.store.signals().send(Signal::Activity(self.env_id));
        }
        Ok(ended)
    }

    async fn placed(&self, id: BulkOperationId) -> Result<Option<Placed>> {
        let sql = format!("SELECT {COLUMNS} FROM bulk_operations e WHERE e.env_id = $1 AND e.id = $2");
        let values = [self.env_uuid().into(), uuid(id.as_u128()).into()];
        let row = self.store.reader().query_one_raw(self.store.statement(sql, values)).await?;
        row.map(|row| {
            Ok(Placed { operation: operation(&row)?, position: get(&row, "position")?, last: get(&row, "last")? })
        })
        .transpose()
    }
}

impl Store {
    /// Operations of all projects that run, no more than `limit`.
    pub async fn running_bulk_operations(&self, limit: u32) -> Result<Vec<(EnvId, BulkOperationId)>> {
        let sql = format!(
            "SELECT env_id, id FROM bulk_operations WHERE status = 'running' ORDER BY env_id, id LIMIT {limit}"
        );
        let rows = self.reader().query_all_raw(self.statement(sql, [])).await?;
        rows.iter()
            .map(|row| {
                let id = |column| get::<Uuid>(row, column).map(|id| id.as_u128());
                Ok((EnvId::from_u128(id("env_id")?), BulkOperationId::from_u128(id("id")?)))
            })
            .collect()
    }

    /// Forgets operations that ended before `before`. Returns how many.
    pub async fn forget_bulk_operations(&self, before: Timestamp) -> Result<u64> {
        let sql = format!(
            "DELETE FROM bulk_operations WHERE (env_id, id) IN (SELECT env_id, id FROM bulk_operations \
             WHERE finished_at IS NOT NULL AND finished_at < $1 LIMIT {FORGET})"
        );
        let statement = self.statement(sql, [before.as_micros().into()]);
        Ok(self.writer().execute_raw(statement).await?.rows_affected())
    }
}

fn operation(row: &QueryResult) -> Result<BulkOperation> {
    const T: &str = "bulk_operations";
    let id = |column| get::<Uuid>(row, column).map(|id| id.as_u128());
    let total: Option<i64> = get(row, "total")?;
    Ok(BulkOperation {
        id: BulkOperationId::from_u128(id("id")?),
        env_id: EnvId::from_u128(id("env_id")?),
        kind: parse(T, "kind", &get::<String>(row, "kind")?)?,
        status: parse(T, "status", &get::<String>(row, "status")?)?,
        selection: json(T, "selection", &get::<String>(row, "selection")?)?,
        total: total.map(|total| number(T, "total", total)).transpose()?,
        done: number(T, "done", get(row, "done")?)?,
        skipped: number(T, "skipped", get(row, "skipped")?)?,
        created_at: at(get(row, "created_at")?),
        updated_at: at(get(row, "updated_at")?),
        finished_at: get::<Option<i64>>(row, "finished_at")?.map(at),
    })
}
