//! Operations on many deliveries at once. The first steps are made at once, so that small ones are done when the caller hears of
//! them; the rest is `jobs::bulk_operations`.

use std::time::{Duration, Instant};

use domain::{
    audit::{Action, Changes, Target},
    bulk::{BulkInput, BulkKind, BulkOperation, BulkStatus},
    id::{BulkOperationId, IssueId},
    page::{Page, PageRequest},
    permission::Permission,
};
use serde_json::json;

use super::{Access, Error, Result, audit::Note};
use crate::{Gateway, clock};

/// How long the caller waits for the first steps.
const AT_ONCE: Duration = Duration::from_millis(300);
/// Deliveries of one of them.
const FIRST_STEP: u32 = 128;
/// Operations of a project that may run side by side.
const MAX_RUNNING: u32 = 20;

impl Gateway {
    pub async fn start_bulk_operation(
        &self,
        access: &Access,
        kind: BulkKind,
        input: BulkInput,
    ) -> Result<BulkOperation> {
        let started = self.begin_bulk_operation(access, kind, input).await?;
        let changes = Changes::to(json!({ "kind": kind, "selection": started.selection, "total": started.total }));
        self.note(access, Note::new(Action::BulkOperationStart, operation_target(&started), changes)).await;
        Ok(started)
    }

    pub(super) async fn begin_bulk_operation(
        &self,
        access: &Access,
        kind: BulkKind,
        input: BulkInput,
    ) -> Result<BulkOperation> {
        access.require(Permission::Write)?;
        let selection = input.parse(kind)?;
        if access.rows.count_running_bulk_operations(MAX_RUNNING).await? >= MAX_RUNNING {
            return Err(Error::Conflict(format!(
                "{MAX_RUNNING} bulk operations run in this project already; wait for one of them or cancel it"
            )));
        }
        let now = clock::now();
        let id = BulkOperationId::new(now, clock::id_bits());
        access.rows.insert_bulk_operation(id, kind, &selection, now).await?;
        let begun = Instant::now();
        while begun.elapsed() < AT_ONCE {
            match access.rows.bulk_step(id, FIRST_STEP, clock::now()).await {
                Ok(Some(step)) if step.operation.status == BulkStatus::Running => {}
                Ok(_) => break,
                Err(error) => {
                    // It stands; the job goes on with it.
                    tracing::warn!(bulk_operation.id = %id, %error, "the first step of a bulk operation failed");
                    break;
                }
            }
        }
        self.bulk_operation(access, id).await
    }

    pub async fn bulk_operation(&self, access: &Access, id: BulkOperationId) -> Result<BulkOperation> {
        access.require(Permission::Read)?;
        access.rows.bulk_operation(id).await?.ok_or(Error::NotFound)
    }

    /// Newest first; those for an issue's deliveries, where one is named.
    pub async fn bulk_operations(
        &self,
        access: &Access,
        issue: Option<IssueId>,
        page: PageRequest,
    ) -> Result<Page<BulkOperation>> {
        access.require(Permission::Read)?;
        Ok(access.rows.bulk_operations(issue, page).await?)
    }

    /// Ends an operation that runs; what it has done stays done.
    pub async fn cancel_bulk_operation(&self, access: &Access, id: BulkOperationId) -> Result<BulkOperation> {
        access.require(Permission::Write)?;
        let operation = self.bulk_operation(access, id).await?;
        if !access.rows.cancel_bulk_operation(id, clock::now()).await? {
            return Err(Error::Conflict("the operation has ended already".into()));
        }
        self.note(access, Note::of(Action::BulkOperationCancel, operation_target(&operation))).await;
        self.bulk_operation(access, id).await
    }
}

fn operation_target(operation: &BulkOperation) -> Target {
    Target::new("bulk_operation", operation.id, operation.kind.as_str())
}
