//! `/v1/issues`

use axum::{
    Json as Answer, Router,
    http::StatusCode,
    routing::{get, post},
};
use domain::{
    bulk::BulkOperation,
    id::IssueId,
    issue::{Issue, IssueFilter},
    page::Page,
};

use super::request::{Api, Id, Patch, Query};
use crate::http::{AppState, error::Problem};

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/issues", get(list))
        .route("/issues/{id}", get(one).patch(update))
        .route("/issues/{id}/retry", post(retry))
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

async fn one(api: Api, Id(id): Id<IssueId>) -> Result<Answer<Issue>, Problem> {
    Ok(Answer(api.gateway.issue(&api.access, id).await?))
}

async fn update(api: Api, Id(id): Id<IssueId>, Patch(patch): Patch) -> Result<Answer<Issue>, Problem> {
    Ok(Answer(api.gateway.update_issue(&api.access, id, patch).await?))
}

async fn retry(api: Api, Id(id): Id<IssueId>) -> Result<(StatusCode, Answer<BulkOperation>), Problem> {
    let started = api.gateway.retry_issue(&api.access, id).await?;
    Ok((StatusCode::CREATED, Answer(started)))
}
