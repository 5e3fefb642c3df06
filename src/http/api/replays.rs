//! `/v1/replays`

use axum::{
    Json as Answer, Router,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use domain::{
    id::ReplayId,
    page::Page,
    replay::{Replay, ReplayInput},
};

use super::request::{Api, Id, Json, Query};
use crate::http::{AppState, error::Problem};

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/replays", get(list).post(create))
        .route("/replays/{id}", get(one))
        .route("/replays/{id}/cancel", post(cancel))
        .route("/replays/{id}/pause", post(pause))
        .route("/replays/{id}/resume", post(resume))
}

async fn list(api: Api, query: Query) -> Result<Answer<Page<Replay>>, Problem> {
    Ok(Answer(api.gateway.replays(&api.access, query.page()?).await?))
}

/// A replay, or what it would do.
async fn create(api: Api, Json(input): Json<ReplayInput>) -> Result<Response, Problem> {
    if input.dry_run == Some(true) {
        let counted = api.gateway.dry_run_replay(&api.access, input).await?;
        return Ok(Answer(counted).into_response());
    }
    let made = api.gateway.create_replay(&api.access, input).await?;
    Ok((StatusCode::CREATED, Answer(made)).into_response())
}

async fn one(api: Api, Id(id): Id<ReplayId>) -> Result<Answer<Replay>, Problem> {
    Ok(Answer(api.gateway.replay(&api.access, id).await?))
}

async fn cancel(api: Api, Id(id): Id<ReplayId>) -> Result<Answer<Replay>, Problem> {
    Ok(Answer(api.gateway.cancel_replay(&api.access, id).await?))
}

async fn pause(api: Api, Id(id): Id<ReplayId>) -> Result<Answer<Replay>, Problem> {
    Ok(Answer(api.gateway.pause_replay(&api.access, id).await?))
}

async fn resume(api: Api, Id(id): Id<ReplayId>) -> Result<Answer<Replay>, Problem> {
    Ok(Answer(api.gateway.resume_replay(&api.access, id).await?))
}
