//! `/v1/api-keys`

use axum::{
    Json as Answer, Router,
    http::StatusCode,
    routing::{get, post},
};
use domain::{
    api_key::{ApiKey, ApiKeyInput, NewApiKey},
    id::ApiKeyId,
    page::Page,
};

use super::request::{Api, Id, Json, Query};
use crate::http::{AppState, error::Problem};

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/api-keys", get(list).post(create))
        .route("/api-keys/{id}", get(one).delete(remove))
        .route("/api-keys/{id}/rotate", post(rotate))
}

async fn list(api: Api, query: Query) -> Result<Answer<Page<ApiKey>>, Problem> {
    Ok(Answer(api.gateway.api_keys(&api.access, query.page()?).await?))
}

async fn create(api: Api, Json(input): Json<ApiKeyInput>) -> Result<(StatusCode, Answer<NewApiKey>), Problem> {
    let made = api.gateway.create_api_key(&api.access, input).await?;
    Ok((StatusCode::CREATED, Answer(made)))
}

async fn one(api: Api, Id(id): Id<ApiKeyId>) -> Result<Answer<ApiKey>, Problem> {
    Ok(Answer(api.gateway.api_key(&api.access, id).await?))
}

async fn rotate(api: Api, Id(id): Id<ApiKeyId>) -> Result<(StatusCode, Answer<NewApiKey>), Problem> {
    let made = api.gateway.rotate_api_key(&api.access, id).await?;
    Ok((StatusCode::CREATED, Answer(made)))
}

async fn remove(api: Api, Id(id): Id<ApiKeyId>) -> Result<StatusCode, Problem> {
    api.gateway.revoke_api_key(&api.access, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
