//! `/v1/destinations`

use axum::{
    Json as Answer, Router,
    http::StatusCode,
    routing::{get, post},
};
use domain::{
    circuit::CircuitStatus,
    delivery::Trial,
    destination::{Destination, DestinationInput},
    health::{Health, HealthDay},
    id::DestinationId,
    page::Page,
};

use super::request::{Api, Id, Json, Patch, Query};
use crate::http::{AppState, error::Problem};

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/destinations", get(list).post(create))
        .route("/destinations/health", get(healths))
        .route("/destinations/{id}/health", get(health))
        .route("/destinations/{id}", get(one).patch(update).delete(remove))
        .route("/destinations/{id}/test", post(test))
        .route("/destinations/{id}/pause", post(pause))
        .route("/destinations/{id}/resume", post(resume))
        .route("/destinations/{id}/circuit", get(circuit))
        .route("/destinations/{id}/circuit/reset", post(reset_circuit))
}

async fn list(api: Api, query: Query) -> Result<Answer<Page<Destination>>, Problem> {
    Ok(Answer(api.gateway.destinations(&api.access, query.page()?).await?))
}

async fn healths(api: Api, query: Query) -> Result<Answer<Page<Health>>, Problem> {
    Ok(Answer(api.gateway.healths(&api.access, query.page()?).await?))
}

async fn health(api: Api, Id(id): Id<DestinationId>) -> Result<Answer<HealthDay>, Problem> {
    Ok(Answer(api.gateway.health(&api.access, id).await?))
}

async fn create(api: Api, Json(input): Json<DestinationInput>) -> Result<(StatusCode, Answer<Destination>), Problem> {
    let made = api.gateway.create_destination(&api.access, input).await?;
    Ok((StatusCode::CREATED, Answer(made)))
}

async fn one(api: Api, Id(id): Id<DestinationId>) -> Result<Answer<Destination>, Problem> {
    Ok(Answer(api.gateway.destination(&api.access, id).await?))
}

async fn update(api: Api, Id(id): Id<DestinationId>, Patch(patch): Patch) -> Result<Answer<Destination>, Problem> {
    Ok(Answer(api.gateway.update_destination(&api.access, id, patch).await?))
}

async fn remove(api: Api, Id(id): Id<DestinationId>) -> Result<StatusCode, Problem> {
    api.gateway.delete_destination(&api.access, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn pause(api: Api, Id(id): Id<DestinationId>) -> Result<Answer<Destination>, Problem> {
    Ok(Answer(api.gateway.pause_destination(&api.access, id).await?))
}

async fn resume(api: Api, Id(id): Id<DestinationId>) -> Result<Answer<Destination>, Problem> {
    Ok(Answer(api.gateway.resume_destination(&api.access, id).await?))
}

async fn circuit(api: Api, Id(id): Id<DestinationId>) -> Result<Answer<CircuitStatus>, Problem> {
    Ok(Answer(api.gateway.circuit(&api.access, id).await?))
}

async fn reset_circuit(api: Api, Id(id): Id<DestinationId>) -> Result<Answer<CircuitStatus>, Problem> {
    Ok(Answer(api.gateway.reset_circuit(&api.access, id).await?))
}

async fn test(api: Api, Id(id): Id<DestinationId>) -> Result<Answer<Trial>, Problem> {
    Ok(Answer(api.gateway.test_destination(&api.access, id).await?))
}
