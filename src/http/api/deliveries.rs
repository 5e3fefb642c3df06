//! `/v1/deliveries`

use axum::{
    Json as Answer, Router,
    routing::{get, post},
};
use domain::{
    delivery::{Attempt, Delivery, DeliveryFilter},
    id::DeliveryId,
    page::Page,
    time::Timestamp,
};

use super::request::{Api, Id, Query};
use crate::http::{AppState, error::Problem};

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/deliveries", get(list))
        .route("/deliveries/{id}", get(one))
        .route("/deliveries/{id}/attempts", get(attempts))
        .route("/deliveries/{id}/retry", post(retry))
        .route("/deliveries/{id}/cancel", post(cancel))
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
