//! `/v1/environments`: projects. A key sees its own.

use axum::{Json as Answer, Router, http::StatusCode, routing::get};
use domain::{
    id::EnvId,
    page::Page,
    project::{Environment, EnvironmentInput},
};

use super::request::{Api, Id, Json, Patch, Query};
use crate::http::{AppState, error::Problem};

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/environments", get(list).post(create))
        .route("/environments/{id}", get(one).patch(update).delete(remove))
}

async fn list(api: Api, query: Query) -> Result<Answer<Page<Environment>>, Problem> {
    query.page()?;
    let data = api.gateway.environments_of(&api.caller).await?;
    Ok(Answer(Page { data, next_cursor: None, has_more: false }))
}

async fn create(api: Api, Json(input): Json<EnvironmentInput>) -> Result<(StatusCode, Answer<Environment>), Problem> {
    let made = api.gateway.create_environment(&api.caller, None, input).await?;
    Ok((StatusCode::CREATED, Answer(made)))
}

async fn one(api: Api, Id(id): Id<EnvId>) -> Result<Answer<Environment>, Problem> {
    let access = api.gateway.access(&api.caller, id).await?;
    Ok(Answer(access.environment().clone()))
}

async fn update(api: Api, Id(id): Id<EnvId>, Patch(patch): Patch) -> Result<Answer<Environment>, Problem> {
    let access = api.gateway.access(&api.caller, id).await?;
    Ok(Answer(api.gateway.update_environment(&access, patch).await?))
}

async fn remove(api: Api, Id(id): Id<EnvId>) -> Result<StatusCode, Problem> {
    let access = api.gateway.access(&api.caller, id).await?;
    api.gateway.delete_environment(&access).await?;
    Ok(StatusCode::NO_CONTENT)
}
