//! `/v1/sources`

use axum::{
    Json as Answer, Router,
    http::StatusCode,
    routing::{get, post},
};
use domain::{
    event_type::EventType,
    id::{EventId, RequestId, SourceId},
    page::Page,
    rehearsal::{InferredSchema, SeenFields},
    rejection::RejectedRequest,
    source::{Source, SourceInput},
};

use super::request::{Api, Id, Ids, Json, Patch, Query};
use crate::http::{AppState, error::Problem};

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/sources", get(list).post(create))
        .route("/sources/{id}", get(one).patch(update).delete(remove))
        .route("/sources/{id}/test", post(test))
        .route("/sources/{id}/event-types", get(event_types))
        .route("/sources/{id}/fields", get(fields))
        .route("/sources/{id}/inferred-schema", get(inferred_schema))
        .route("/sources/{id}/rejected", get(rejected))
        .route("/sources/{id}/rejected/{request}/replay", post(replay_rejected))
}

async fn list(api: Api, query: Query) -> Result<Answer<Page<Source>>, Problem> {
    Ok(Answer(api.gateway.sources(&api.access, query.page()?).await?))
}

async fn create(api: Api, Json(input): Json<SourceInput>) -> Result<(StatusCode, Answer<Source>), Problem> {
    let made = api.gateway.create_source(&api.access, input).await?;
    Ok((StatusCode::CREATED, Answer(made)))
}

async fn one(api: Api, Id(id): Id<SourceId>) -> Result<Answer<Source>, Problem> {
    Ok(Answer(api.gateway.source(&api.access, id).await?))
}

async fn update(api: Api, Id(id): Id<SourceId>, Patch(patch): Patch) -> Result<Answer<Source>, Problem> {
    Ok(Answer(api.gateway.update_source(&api.access, id, patch).await?))
}

async fn remove(api: Api, Id(id): Id<SourceId>) -> Result<StatusCode, Problem> {
    api.gateway.delete_source(&api.access, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(serde::Serialize)]
struct Sent {
    event_id: EventId,
}

async fn test(api: Api, Id(id): Id<SourceId>) -> Result<(StatusCode, Answer<Sent>), Problem> {
    let event_id = api.gateway.send_test_event(&api.access, id).await?;
    Ok((StatusCode::CREATED, Answer(Sent { event_id })))
}

/// A list that is never longer than one page.
#[derive(serde::Serialize)]
struct All<T> {
    data: Vec<T>,
}

async fn event_types(api: Api, Id(id): Id<SourceId>) -> Result<Answer<All<EventType>>, Problem> {
    Ok(Answer(All { data: api.gateway.event_types(&api.access, id).await? }))
}

async fn fields(api: Api, Id(id): Id<SourceId>, mut query: Query) -> Result<Answer<SeenFields>, Problem> {
    let event_type = query.text("type");
    query.end()?;
    Ok(Answer(api.gateway.seen_fields(&api.access, id, event_type.as_deref()).await?))
}

async fn inferred_schema(api: Api, Id(id): Id<SourceId>, mut query: Query) -> Result<Answer<InferredSchema>, Problem> {
    let (event_type, limit) = (query.text("type"), query.parsed("limit"));
    query.end()?;
    Ok(Answer(api.gateway.infer_schema(&api.access, id, event_type.as_deref(), limit).await?))
}

async fn rejected(api: Api, Id(id): Id<SourceId>) -> Result<Answer<All<RejectedRequest>>, Problem> {
    Ok(Answer(All { data: api.gateway.rejected_requests(&api.access, id).await? }))
}

async fn replay_rejected(
    api: Api,
    Ids(source, request): Ids<SourceId, RequestId>,
) -> Result<(StatusCode, Answer<Sent>), Problem> {
    let event_id = api.gateway.replay_rejected(&api.access, source, request).await?;
    Ok((StatusCode::CREATED, Answer(Sent { event_id })))
}
