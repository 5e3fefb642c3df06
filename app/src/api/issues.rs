//! Issues: what fails at a destination for one cause.

use domain::{
    delivery::{Attempt, Delivery},
    issue::Issue,
    page::Page,
};
use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use super::caller::{id, in_project, now, page_after};
use super::{ApiError, events::Body};
use crate::paths;

/// Which issues a list shows, as its address says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IssueQuery {
    /// `open`, `acknowledged`, `snoozed`, `resolved`; empty for all that are not resolved.
    pub state: String,
    pub destination: String,
}

impl IssueQuery {
    #[must_use]
    pub fn from_params(params: &ParamsMap) -> Self {
        let text = |name| params.get(name).unwrap_or_default();
        Self { state: text("state"), destination: text("destination") }
    }

    /// The list's address.
    #[must_use]
    pub fn list(&self, env: &str) -> String {
        let all = [("state", &self.state), ("destination", &self.destination)];
        paths::with_query(&paths::issues(env), all.map(|(name, value)| (name, value.as_str())))
    }

    /// The same with something changed.
    #[must_use]
    pub fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut changed = self.clone();
        change(&mut changed);
        changed
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An issue with its latest failure, while that is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IssueDetail {
    pub issue: Issue,
    pub example: Option<Example>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Example {
    pub attempt: Attempt,
    pub body: Body,
}

#[server(endpoint = "issues/list")]
pub async fn issues(env: String, query: IssueQuery, cursor: Option<String>) -> Result<Page<Issue>, ApiError> {
    in_project(&env, async |project| {
        let Some(filter) = filter_of(&query) else {
            // An address with a state or destination that does not exist matches nothing.
            return Ok(Page { data: vec![], next_cursor: None, has_more: false });
        };
        Ok(project.gateway.issues(&project.access, &filter, page_after(cursor.as_deref())?).await?)
    })
    .await
}

#[cfg(feature = "ssr")]
fn filter_of(query: &IssueQuery) -> Option<domain::issue::IssueFilter> {
    use domain::issue::{IssueFilter, IssueStatus};
    let all = IssueFilter::default();
    let filter = match query.state.as_str() {
        "" => IssueFilter { is_unresolved: true, ..all },
        "snoozed" => IssueFilter { snoozed: Some(true), ..all },
        word => {
            let status: IssueStatus = word.parse().ok()?;
            let snoozed = (status != IssueStatus::Resolved).then_some(false);
            IssueFilter { status: Some(status), snoozed, ..all }
        }
    };
    let destination_id = if query.destination.is_empty() { None } else { Some(query.destination.parse().ok()?) };
    Some(IssueFilter { destination_id, ..filter })
}

#[server(endpoint = "issues/get")]
pub async fn find_issue(env: String, issue: String) -> Result<IssueDetail, ApiError> {
    in_project(&env, async |project| {
        let issue = project.gateway.issue(&project.access, id(&issue)?).await?;
        let example = match project.gateway.attempts(&project.access, issue.example_delivery_id).await {
            Ok(attempts) => {
                let attempt = attempts.into_iter().find(|attempt| attempt.id == issue.example_attempt_id);
                match (attempt, project.gateway.event(&project.access, issue.example_event_id).await) {
                    (Some(attempt), Ok(event)) => {
                        Some(Example { attempt, body: super::events::shown_bodies(&event).0 })
                    }
                    _ => None,
                }
            }
            // It is older than what the project keeps.
            Err(gateway::manage::Error::NotFound) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(IssueDetail { issue, example })
    })
    .await
}

/// Deliveries that the issue has held and that were tried again or purged since, newest first.
#[server(endpoint = "issues/left")]
pub async fn deliveries_that_left(env: String, issue: String) -> Result<Vec<Delivery>, ApiError> {
    in_project(&env, async |project| {
        let filter = domain::delivery::DeliveryFilter {
            issue_id: Some(id(&issue)?),
            is_dlq: Some(false),
            ..domain::delivery::DeliveryFilter::default()
        };
        project.gateway.issue(&project.access, id(&issue)?).await?;
        let page = domain::page::PageRequest::first(20);
        Ok(project.gateway.deliveries(&project.access, &filter, page).await?.data)
    })
    .await
}

/// The issues of a destination that are not resolved.
#[server(endpoint = "issues/of_destination")]
pub async fn issues_of(env: String, destination: String) -> Result<Vec<Issue>, ApiError> {
    in_project(&env, async |project| {
        let filter = domain::issue::IssueFilter {
            destination_id: Some(id(&destination)?),
            is_unresolved: true,
            ..domain::issue::IssueFilter::default()
        };
        let page = domain::page::PageRequest::first(20);
        Ok(project.gateway.issues(&project.access, &filter, page).await?.data)
    })
    .await
}

/// The sidebar counts open issues up to this.
pub const COUNTED: u32 = 99;

/// How many issues are open and not snoozed, as far as they are counted.
#[server(endpoint = "issues/open")]
pub async fn open_issues(env: String) -> Result<u32, ApiError> {
    in_project(&env, async |project| Ok(project.gateway.open_issues(&project.access, COUNTED + 1).await?)).await
}

/// For how long an issue can be snoozed: word, label, hours.
pub const SNOOZES: [(&str, &str, u64); 4] =
    [("1h", "For an hour", 1), ("8h", "For 8 hours", 8), ("1d", "For a day", 24), ("7d", "For a week", 7 * 24)];

/// `acknowledge`, `resolve`, `reopen`, `wake`, or `snooze-` and one of [`SNOOZES`].
#[server(endpoint = "issues/change")]
pub async fn change_issue(env: String, issue: String, action: String) -> Result<(), ApiError> {
    in_project(&env, async |project| {
        use serde_json::json;
        project.access.require(domain::permission::Permission::Write)?;
        let patch = match action.as_str() {
            "acknowledge" => json!({ "status": "acknowledged" }),
            "resolve" => json!({ "status": "resolved" }),
            "reopen" => json!({ "status": "open" }),
            "wake" => json!({ "snoozed_until": null }),
            word => {
                let snooze = word.strip_prefix("snooze-");
                let hours = SNOOZES.iter().find(|(word, ..)| snooze == Some(word)).map(|(_, _, hours)| *hours);
                let hours = hours.ok_or_else(|| ApiError::field("form", "asks for something that is not known"))?;
                json!({ "snoozed_until": now().plus(std::time::Duration::from_hours(hours)) })
            }
        };
        project.gateway.update_issue(&project.access, id(&issue)?, patch).await?;
        Ok(())
    })
    .await
}
