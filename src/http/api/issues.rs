//! `/v1/issues`

use axum::Json as Answer;
use domain::{
    bulk::BulkOperation,
    id::{DestinationId, IssueId},
    issue::{Issue, IssueFilter, IssueInput, IssueStatus},
    page::Page,
    permission::Scope,
};
use serde_json::json;

use super::{
    answer::{Created, Tagged},
    operation::{Operation, get, patch, post},
    request::{Api, Id, IfMatch, Patch, Query},
};
use crate::http::error::Problem;

pub fn operations() -> Vec<Operation> {
    vec![
        get("/issues", list)
            .named("listIssues", "Lists what fails, those first that failed last.")
            .query(|sketch| {
                sketch.query_of::<IssueStatus>("status", "Those with this status.");
                sketch.query_of::<bool>("snoozed", "Those that are snoozed, or those that are not.");
                sketch.query_of::<DestinationId>("destination_id", "Those of this destination.");
            })
            .needs(Scope::Read)
            .paged(),
        get("/issues/{id}", one).named("getIssue", "Shows an issue.").needs(Scope::Read),
        patch("/issues/{id}", update)
            .named("updateIssue", "Acknowledges, resolves, opens or snoozes an issue.")
            .example(json!({ "status": "acknowledged" }))
            .refuses(&[409])
            .needs(Scope::Write),
        post("/issues/{id}/retry", retry)
            .named("retryIssue", "Tries all deliveries once more that the issue holds.")
            .needs(Scope::Write),
    ]
}

async fn list(api: Api, mut query: Query) -> Result<Answer<Page<Issue>>, Problem> {
    let filter = IssueFilter {
        status: query.parsed("status"),
        is_unresolved: false,
        snoozed: query.with("snoozed", |text| text.parse::<bool>().map_err(|_| "must be true or false")),
        destination_id: query.parsed("destination_id"),
    };
    Ok(Answer(api.gateway.issues(&api.access, &filter, query.page()?).await?))
}

async fn one(api: Api, Id(id): Id<IssueId>) -> Result<Tagged<Issue>, Problem> {
    Ok(Tagged(api.gateway.issue(&api.access, id).await?))
}

async fn update(
    api: Api,
    only: IfMatch,
    Id(id): Id<IssueId>,
    Patch(patch, _): Patch<IssueInput>,
) -> Result<Tagged<Issue>, Problem> {
    Ok(Tagged(api.gateway.update_issue(&only.on(api.access), id, patch).await?))
}

async fn retry(api: Api, Id(id): Id<IssueId>) -> Result<Created<BulkOperation>, Problem> {
    Ok(Created(api.gateway.retry_issue(&api.access, id).await?))
}
