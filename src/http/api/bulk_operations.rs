//! `/v1/bulk-operations`, and what starts them.

use axum::{
    Json as Answer, Router,
    http::StatusCode,
    routing::{get, post},
};
use domain::{
    bulk::{BulkInput, BulkKind, BulkOperation},
    id::BulkOperationId,
    page::Page,
};

use super::request::{Api, Id, Json, Query};
use crate::http::{AppState, error::Problem};

type Started = Result<(StatusCode, Answer<BulkOperation>), Problem>;

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/deliveries/retry", post(retry))
        .route("/deliveries/purge", post(purge))
        .route("/bulk-operations", get(list))
        .route("/bulk-operations/{id}", get(one))
        .route("/bulk-operations/{id}/cancel", post(cancel))
}

async fn retry(api: Api, Json(input): Json<BulkInput>) -> Started {
    start(&api, BulkKind::Retry, input).await
}

async fn purge(api: Api, Json(input): Json<BulkInput>) -> Started {
    start(&api, BulkKind::Purge, input).await
}

async fn start(api: &Api, kind: BulkKind, input: BulkInput) -> Started {
    let started = api.gateway.start_bulk_operation(&api.access, kind, input).await?;
    Ok((StatusCode::CREATED, Answer(started)))
}

async fn list(api: Api, mut query: Query) -> Result<Answer<Page<BulkOperation>>, Problem> {
    let issue = query.parsed("issue_id");
    Ok(Answer(api.gateway.bulk_operations(&api.access, issue, query.page()?).await?))
}

async fn one(api: Api, Id(id): Id<BulkOperationId>) -> Result<Answer<BulkOperation>, Problem> {
    Ok(Answer(api.gateway.bulk_operation(&api.access, id).await?))
}

async fn cancel(api: Api, Id(id): Id<BulkOperationId>) -> Result<Answer<BulkOperation>, Problem> {
    Ok(Answer(api.gateway.cancel_bulk_operation(&api.access, id).await?))
}
