//! Issues of a project.

use domain::{
    audit::{Action, Changes, Target},
    bulk::{BulkInput, BulkKind, BulkOperation},
    delivery::DeliveryFilter,
    id::IssueId,
    issue::{Issue, IssueFilter, IssueInput},
    page::{Page, PageRequest},
    patch,
    permission::Permission,
};
use serde_json::{Value, json};

use super::{Access, Error, Result, audit::Note, input::parse_input};
use crate::{Gateway, clock};

/// How often a change is tried while failures change the issue as well.
const TRIES: u32 = 5;

impl Gateway {
    /// Those that failed last come first.
    pub async fn issues(&self, access: &Access, filter: &IssueFilter, page: PageRequest) -> Result<Page<Issue>> {
        access.require(Permission::Read)?;
        Ok(access.rows.issues(filter, clock::now(), page).await?)
    }

    pub async fn issue(&self, access: &Access, id: IssueId) -> Result<Issue> {
        access.require(Permission::Read)?;
        access.rows.issue(id).await?.ok_or(Error::NotFound)
    }

    /// How many issues are open and not snoozed; no more than `most` are counted.
    pub async fn open_issues(&self, access: &Access, most: u32) -> Result<u32> {
        access.require(Permission::Read)?;
        Ok(access.rows.open_issues(clock::now(), most).await?)
    }

    /// Lays a merge patch over what of an issue people change.
    pub async fn update_issue(&self, access: &Access, id: IssueId, patch: Value) -> Result<Issue> {
        access.require(Permission::Write)?;
        for _ in 0..TRIES {
            let issue = access.rows.issue(id).await?.ok_or(Error::NotFound)?;
            access.rows.check_state(issue.status_changed_at)?;
            let mut input = serde_json::to_value(IssueInput::from(&issue)).unwrap_or_default();
            patch::merge(&mut input, patch.clone());
            let input = parse_input::<IssueInput>(input)?;
            let Some(state) = issue.changed(&input, clock::now())? else { return Ok(issue) };
            if access.rows.change_issue(&issue, state).await? {
                let changed = self.issue(access, id).await?;
                let said = |issue: &Issue| json!({ "status": issue.status, "snoozed_until": issue.snoozed_until });
                let changes = Changes::between(&said(&issue), said(&changed));
                let target = Target::new("issue", id, &issue.title);
                self.note(access, Note::new(Action::IssueUpdate, target, changes)).await;
                return Ok(changed);
            }
        }
        Err(Error::Conflict("the issue is changed by others at this moment; try again".into()))
    }

    /// Tries all deliveries once more that the issue holds.
    pub async fn retry_issue(&self, access: &Access, id: IssueId) -> Result<BulkOperation> {
        access.require(Permission::Write)?;
        let issue = access.rows.issue(id).await?.ok_or(Error::NotFound)?;
        let filter = DeliveryFilter { issue_id: Some(id), ..DeliveryFilter::default() };
        let input = BulkInput { filter: Some(filter), ids: None };
        let started = self.begin_bulk_operation(access, BulkKind::Retry, input).await?;
        let changes = Changes::to(json!({ "bulk_operation": started.id, "total": started.total }));
        self.note(access, Note::new(Action::IssueRetry, Target::new("issue", id, &issue.title), changes)).await;
        Ok(started)
    }
}
