//! `/v1/events`

use axum::{
    Json as Answer, Router,
    http::StatusCode,
    routing::{get, post},
};
use domain::{
    delivery::Delivery,
    event::{Event, EventFilter, EventSummary},
    forward::{Forward, ForwardInput},
    id::EventId,
    page::Page,
    routes::EventRoute,
    time::Timestamp,
};
use serde::Serialize;

use super::request::{Api, Id, Json, Query};
use crate::http::{AppState, error::Problem};

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/events", get(list))
        .route("/events/{id}", get(one))
        .route("/events/{id}/deliveries", get(deliveries))
        .route("/events/{id}/routes", get(routes))
        .route("/events/{id}/retry", post(retry))
        .route("/events/{id}/forwards", get(forwards).post(note_forward))
}

async fn list(api: Api, mut query: Query) -> Result<Answer<Page<EventSummary>>, Problem> {
    let filter = EventFilter {
        source_id: query.parsed("source_id"),
        connection_id: query.parsed("connection_id"),
        status: query.parsed("status"),
        after: query.with("after", Timestamp::parse_rfc3339),
        before: query.with("before", Timestamp::parse_rfc3339),
        event_type: query.text("type"),
        search: query.text("search"),
    };
    Ok(Answer(api.gateway.events(&api.access, &filter, query.page()?).await?))
}

async fn one(api: Api, Id(id): Id<EventId>) -> Result<Answer<Event>, Problem> {
    Ok(Answer(api.gateway.event(&api.access, id).await?))
}

async fn deliveries(api: Api, Id(id): Id<EventId>) -> Result<Answer<Page<Delivery>>, Problem> {
    let data = api.gateway.event_deliveries(&api.access, id).await?;
    Ok(Answer(Page { data, next_cursor: None, has_more: false }))
}

/// A list that is never longer than one page.
#[derive(Serialize)]
struct All<T> {
    data: Vec<T>,
}

async fn routes(api: Api, Id(id): Id<EventId>) -> Result<Answer<All<EventRoute>>, Problem> {
    Ok(Answer(All { data: api.gateway.event_routes(&api.access, id).await? }))
}

#[derive(Serialize)]
struct Retried {
    /// How many deliveries were queued.
    retried: u64,
}

async fn retry(api: Api, Id(id): Id<EventId>) -> Result<Answer<Retried>, Problem> {
    let retried = api.gateway.retry_event(&api.access, id).await?;
    Ok(Answer(Retried { retried }))
}

/// What listeners did with the event, oldest first.
async fn forwards(api: Api, Id(id): Id<EventId>) -> Result<Answer<All<Forward>>, Problem> {
    Ok(Answer(All { data: api.gateway.forwards(&api.access, id).await? }))
}

async fn note_forward(
    api: Api,
    Id(id): Id<EventId>,
    Json(input): Json<ForwardInput>,
) -> Result<(StatusCode, Answer<Forward>), Problem> {
    Ok((StatusCode::CREATED, Answer(api.gateway.note_forward(&api.access, id, input).await?)))
}
