//! The dead letter queue, and what is done to many of its deliveries at once.

use domain::{bulk::BulkOperation, delivery::Delivery, page::Page};
use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use serde::{Deserialize, Serialize};

use super::ApiError;
#[cfg(feature = "ssr")]
use super::{
    caller::{ProjectCall, id, in_project, now, page_after},
    events::RANGES,
};
use crate::paths;

/// Which dead letters are meant, as the address of their list says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeadLetterQuery {
    pub destination: String,
    pub connection: String,
    pub issue: String,
    /// `1h`, `24h`, `7d`, `30d`; empty for all.
    pub range: String,
}

impl DeadLetterQuery {
    #[must_use]
    pub fn from_params(params: &ParamsMap) -> Self {
        let text = |name| params.get(name).unwrap_or_default();
        Self {
            destination: text("destination"),
            connection: text("connection"),
            issue: text("issue"),
            range: text("range"),
        }
    }

    /// Those that an issue holds.
    pub fn of_issue(issue: impl std::fmt::Display) -> Self {
        Self { issue: issue.to_string(), ..Self::default() }
    }

    /// Names and values, as forms and addresses have them.
    #[must_use]
    pub fn pairs(&self) -> [(&'static str, &str); 4] {
        [
            ("destination", &self.destination),
            ("connection", &self.connection),
            ("issue", &self.issue),
            ("range", &self.range),
        ]
    }

    /// The list's address.
    #[must_use]
    pub fn list(&self, env: &str) -> String {
        paths::with_query(&paths::dead_letters(env), self.pairs())
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

    /// The filter that it stands for; `None` when it names what does not exist.
    #[cfg(feature = "ssr")]
    fn filter(&self) -> Option<domain::delivery::DeliveryFilter> {
        fn chosen<T: std::str::FromStr>(text: &str) -> Result<Option<T>, T::Err> {
            if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
        }
        let range = RANGES.iter().find(|(word, ..)| *word == self.range);
        Some(domain::delivery::DeliveryFilter {
            status: None,
            is_dlq: Some(true),
            destination_id: chosen(&self.destination).ok()?,
            connection_id: chosen(&self.connection).ok()?,
            issue_id: chosen(&self.issue).ok()?,
            after: range.map(|(_, _, seconds)| now().minus(std::time::Duration::from_secs(*seconds))),
            before: None,
        })
    }
}

/// A page of the dead letter queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeadLetterPage {
    pub page: Page<Delivery>,
    /// How many match, as far as they are counted.
    pub matching: u32,
}

/// Matching dead letters are counted up to this.
pub const COUNTED: u32 = 10_000;

#[server(endpoint = "dead_letters/list")]
pub async fn dead_letters(
    env: String,
    query: DeadLetterQuery,
    cursor: Option<String>,
) -> Result<DeadLetterPage, ApiError> {
    in_project(&env, async |project| {
        let Some(filter) = query.filter() else {
            return Ok(DeadLetterPage { page: Page { data: vec![], next_cursor: None, has_more: false }, matching: 0 });
        };
        let page = project.gateway.deliveries(&project.access, &filter, page_after(cursor.as_deref())?).await?;
        let matching = if page.has_more || cursor.is_some() {
            project.gateway.count_deliveries(&project.access, &filter, COUNTED + 1).await?
        } else {
            u32::try_from(page.data.len()).unwrap_or(u32::MAX)
        };
        Ok(DeadLetterPage { page, matching })
    })
    .await
}

/// What is to be done, and to which deliveries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BulkForm {
    /// `retry` or `purge`.
    pub kind: String,
    /// Those that were selected.
    pub ids: Vec<String>,
    /// Not empty when all are meant that match the rest.
    pub all: String,
    pub destination: String,
    pub connection: String,
    pub issue: String,
    pub range: String,
}

#[server(endpoint = "dead_letters/bulk")]
pub async fn change_dead_letters(env: String, #[server(flatten)] form: BulkForm) -> Result<BulkOperation, ApiError> {
    in_project(&env, async |project| {
        project.access.require(domain::permission::Permission::Write)?;
        let kind = form.kind.parse().map_err(|_| ApiError::field("form", "says neither to retry nor to purge"))?;
        let input = form.input()?;
        Ok(project.gateway.start_bulk_operation(&project.access, kind, input).await?)
    })
    .await
}

#[cfg(feature = "ssr")]
impl BulkForm {
    fn input(self) -> Result<domain::bulk::BulkInput, ApiError> {
        if self.all.is_empty() {
            if self.ids.is_empty() {
                return Err(ApiError::field("form", "needs at least one delivery to be selected"));
            }
            let ids = self.ids.iter().map(|text| id(text)).collect::<Result<Vec<_>, _>>()?;
            return Ok(domain::bulk::BulkInput { filter: None, ids: Some(ids) });
        }
        let Self { destination, connection, issue, range, .. } = self;
        let filter = DeadLetterQuery { destination, connection, issue, range }.filter();
        Ok(domain::bulk::BulkInput { filter: Some(filter.ok_or(ApiError::NotFound)?), ids: None })
    }
}

/// Operations that run or ended within this time are shown.
#[cfg(feature = "ssr")]
const RECENT: std::time::Duration = std::time::Duration::from_mins(15);
/// No more than these.
#[cfg(feature = "ssr")]
const SHOWN: usize = 5;

/// Bulk operations that run or ended a moment ago; those of an issue, where one is named.
#[server(endpoint = "dead_letters/operations")]
pub async fn recent_operations(env: String, issue: String) -> Result<Vec<BulkOperation>, ApiError> {
    in_project(&env, async |project| {
        let issue = if issue.is_empty() { None } else { Some(id(&issue)?) };
        let page = domain::page::PageRequest::first(20);
        let found = project.gateway.bulk_operations(&project.access, issue, page).await?;
        let since = now().minus(RECENT);
        let is_recent = |it: &BulkOperation| it.finished_at.is_none_or(|at| at > since);
        Ok(found.data.into_iter().filter(is_recent).take(SHOWN).collect())
    })
    .await
}

#[server(endpoint = "dead_letters/cancel")]
pub async fn cancel_operation(env: String, operation: String) -> Result<(), ApiError> {
    in_project(&env, async |project: ProjectCall| {
        project.gateway.cancel_bulk_operation(&project.access, id(&operation)?).await?;
        Ok(())
    })
    .await
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn nothing_selected_is_said() {
        let form = BulkForm { kind: "retry".into(), ..BulkForm::default() };
        assert!(matches!(form.input(), Err(ApiError::Invalid(errors)) if errors.at("form").is_some()));
        let wrong = BulkForm { ids: vec!["evt_1".into()], ..BulkForm::default() };
        assert_eq!(wrong.input(), Err(ApiError::NotFound));
    }
}
