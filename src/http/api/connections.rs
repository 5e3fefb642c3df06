//! `/v1/connections`

use axum::{
    Json as Answer, Router,
    http::StatusCode,
    routing::{get, post},
};
use domain::{
    connection::{Connection, ConnectionInput},
    id::ConnectionId,
    page::Page,
    rehearsal::{Preview, PreviewInput, TestInput, TestResult},
    routes::RouteCounts,
};

use super::request::{Api, Id, Json, Patch, Query};
use crate::http::{AppState, error::Problem};

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/connections", get(list).post(create))
        .route("/connections/test", post(test))
        .route("/connections/preview", post(preview))
        .route("/connections/counts", get(counts))
        .route("/connections/{id}", get(one).patch(update).delete(remove))
}

async fn list(api: Api, query: Query) -> Result<Answer<Page<Connection>>, Problem> {
    Ok(Answer(api.gateway.connections(&api.access, query.page()?).await?))
}

async fn create(api: Api, Json(input): Json<ConnectionInput>) -> Result<(StatusCode, Answer<Connection>), Problem> {
    let made = api.gateway.create_connection(&api.access, input).await?;
    Ok((StatusCode::CREATED, Answer(made)))
}

async fn one(api: Api, Id(id): Id<ConnectionId>) -> Result<Answer<Connection>, Problem> {
    Ok(Answer(api.gateway.connection(&api.access, id).await?))
}

async fn update(api: Api, Id(id): Id<ConnectionId>, Patch(patch): Patch) -> Result<Answer<Connection>, Problem> {
    Ok(Answer(api.gateway.update_connection(&api.access, id, patch).await?))
}

async fn remove(api: Api, Id(id): Id<ConnectionId>) -> Result<StatusCode, Problem> {
    api.gateway.delete_connection(&api.access, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn test(api: Api, Json(input): Json<TestInput>) -> Result<Answer<TestResult>, Problem> {
    Ok(Answer(api.gateway.test_connection(&api.access, input).await?))
}

async fn preview(api: Api, Json(input): Json<PreviewInput>) -> Result<Answer<Preview>, Problem> {
    Ok(Answer(api.gateway.preview_connection(&api.access, input).await?))
}

async fn counts(api: Api) -> Result<Answer<RouteCounts>, Problem> {
    Ok(Answer(api.gateway.route_counts(&api.access).await?))
}
