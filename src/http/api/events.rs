//! `/v1/events`

use axum::Json as Answer;
use domain::{
    delivery::Delivery,
    event::{Event, EventFilter, EventSummary},
    forward::{Forward, ForwardInput},
    id::EventId,
    page::Page,
    permission::Scope,
    routes::EventRoute,
    time::Timestamp,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{
    answer::{All, Created},
    operation::{Operation, get, post},
    request::{Api, Id, Json, Query},
};
use crate::http::error::Problem;

pub fn operations() -> Vec<Operation> {
    vec![
        get("/events", list)
            .named("listEvents", "Lists events, newest first.")
            .says("A search in bodies looks at 20,000 events a page, so that a page may be short, or empty, while `has_more` is true.")
            .filtered_by::<EventFilter>()
            .needs(Scope::Read)
            .paged(),
        get("/events/{id}", one)
            .named("getEvent", "Shows an event whole: headers, body, deliveries, and what it did not match.")
            .needs(Scope::Read),
        get("/events/{id}/deliveries", deliveries)
            .named("listEventDeliveries", "Lists the deliveries of an event.")
            .needs(Scope::Read),
        get("/events/{id}/routes", routes)
            .named("listEventRoutes", "Tells what became of an event on each connection of its source.")
            .needs(Scope::Read),
        post("/events/{id}/retry", retry)
            .named("retryEvent", "Tries the deliveries of an event once more that have failed.")
            .refuses(&[409])
            .needs(Scope::Write),
        get("/events/{id}/forwards", forwards)
            .named("listEventForwards", "Lists what listeners did with an event, oldest first.")
            .needs(Scope::Read),
        post("/events/{id}/forwards", note_forward)
            .named("createEventForward", "Keeps what a local server answered to an event that a listener gave it.")
            .example(json!({
                "listener": "ana-laptop",
                "target": "http://localhost:8080/hooks",
                "started_at": "2026-01-31T12:00:00.000Z",
                "latency_ms": 12,
                "response_status": 200,
                "response_headers": [["content-type", "text/plain"]],
                "response_body": "ok",
            }))
            .needs(Scope::Write),
    ]
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

async fn routes(api: Api, Id(id): Id<EventId>) -> Result<Answer<All<EventRoute>>, Problem> {
    Ok(Answer(All { data: api.gateway.event_routes(&api.access, id).await? }))
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RetriedEvent")]
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
) -> Result<Created<Forward>, Problem> {
    Ok(Created(api.gateway.note_forward(&api.access, id, input).await?))
}
