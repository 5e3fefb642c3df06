//! `/v1/bulk-operations`, and what starts them.

use axum::Json as Answer;
use domain::{
    bulk::{BulkInput, BulkKind, BulkOperation},
    id::{BulkOperationId, IssueId},
    page::Page,
    permission::Scope,
};
use serde_json::json;

use super::{
    answer::Created,
    operation::{Operation, get, post},
    request::{Api, Id, Json, Query},
};
use crate::http::error::Problem;

type Started = Result<Created<BulkOperation>, Problem>;

pub fn operations() -> Vec<Operation> {
    let example = || json!({ "filter": { "destination_id": "dst_0198c0de5e1f7d3a9b2c4d5e6f708192" } });
    vec![
        post("/deliveries/retry", retry)
            .named("retryDeliveries", "Tries many deliveries of the dead letter queue once more.")
            .says("Either `filter` or `ids`. Answers with a bulk operation, which goes on by itself.")
            .example(example())
            .needs(Scope::Write),
        post("/deliveries/purge", purge)
            .named("purgeDeliveries", "Takes many deliveries off the dead letter queue for good.")
            .says("Either `filter` or `ids`. Answers with a bulk operation, which goes on by itself.")
            .example(example())
            .needs(Scope::Write),
        get("/bulk-operations", list)
            .named("listBulkOperations", "Lists bulk operations.")
            .query(|sketch| sketch.query_of::<IssueId>("issue_id", "Those on the deliveries of this issue."))
            .needs(Scope::Read)
            .paged(),
        get("/bulk-operations/{id}", one)
            .named("getBulkOperation", "Shows how far a bulk operation has come.")
            .needs(Scope::Read),
        post("/bulk-operations/{id}/cancel", cancel)
            .named("cancelBulkOperation", "Ends a bulk operation; what was done stays done.")
            .needs(Scope::Write),
    ]
}

async fn retry(api: Api, Json(input): Json<BulkInput>) -> Started {
    start(&api, BulkKind::Retry, input).await
}

async fn purge(api: Api, Json(input): Json<BulkInput>) -> Started {
    start(&api, BulkKind::Purge, input).await
}

async fn start(api: &Api, kind: BulkKind, input: BulkInput) -> Started {
    Ok(Created(api.gateway.start_bulk_operation(&api.access, kind, input).await?))
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
