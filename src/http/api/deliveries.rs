//! `/v1/deliveries`

use axum::Json as Answer;
use domain::{
    delivery::{Attempt, Delivery, DeliveryFilter},
    id::DeliveryId,
    page::Page,
    permission::Scope,
    time::Timestamp,
};

use super::{
    operation::{Operation, get, post},
    request::{Api, Id, Query},
};
use crate::http::error::Problem;

pub fn operations() -> Vec<Operation> {
    vec![
        get("/deliveries", list)
            .named("listDeliveries", "Lists deliveries.")
            .says("`issue_id`: those that the issue holds; beside `is_dlq=false` those that it has held.")
            .filtered_by::<DeliveryFilter>()
            .needs(Scope::Read)
            .paged(),
        get("/deliveries/{id}", one).named("getDelivery", "Shows a delivery.").needs(Scope::Read),
        get("/deliveries/{id}/attempts", attempts)
            .named("listAttempts", "Lists the attempts of a delivery, the oldest first.")
            .needs(Scope::Read),
        post("/deliveries/{id}/retry", retry)
            .named("retryDelivery", "Tries a delivery now.")
            .refuses(&[409])
            .needs(Scope::Write),
        post("/deliveries/{id}/cancel", cancel)
            .named("cancelDelivery", "Ends a delivery that has not ended.")
            .refuses(&[409])
            .needs(Scope::Write),
    ]
}

async fn list(api: Api, mut query: Query) -> Result<Answer<Page<Delivery>>, Problem> {
    let filter = DeliveryFilter {
        status: query.parsed("status"),
        is_dlq: query.with("is_dlq", |text| text.parse::<bool>().map_err(|_| "must be true or false")),
        destination_id: query.parsed("destination_id"),
        connection_id: query.parsed("connection_id"),
        replay_id: query.parsed("replay_id"),
        issue_id: query.parsed("issue_id"),
        after: query.with("after", Timestamp::parse_rfc3339),
        before: query.with("before", Timestamp::parse_rfc3339),
    };
    Ok(Answer(api.gateway.deliveries(&api.access, &filter, query.page()?).await?))
}

async fn one(api: Api, Id(id): Id<DeliveryId>) -> Result<Answer<Delivery>, Problem> {
    Ok(Answer(api.gateway.delivery(&api.access, id).await?))
}

async fn attempts(api: Api, Id(id): Id<DeliveryId>) -> Result<Answer<Page<Attempt>>, Problem> {
    let data = api.gateway.attempts(&api.access, id).await?;
    Ok(Answer(Page { data, next_cursor: None, has_more: false }))
}

async fn retry(api: Api, Id(id): Id<DeliveryId>) -> Result<Answer<Delivery>, Problem> {
    Ok(Answer(api.gateway.retry_delivery(&api.access, id).await?))
}

async fn cancel(api: Api, Id(id): Id<DeliveryId>) -> Result<Answer<Delivery>, Problem> {
    Ok(Answer(api.gateway.cancel_delivery(&api.access, id).await?))
}
