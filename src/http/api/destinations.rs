//! `/v1/destinations`

use axum::{
    Json as Answer,
    response::{IntoResponse, Response},
};
use domain::{
    circuit::CircuitStatus,
    delivery::Trial,
    destination::{Destination, DestinationInput},
    health::{Health, HealthDay},
    id::DestinationId,
    page::Page,
    patch::is_masked,
    permission::Scope,
};
use serde_json::json;

use super::{
    answer::{Created, HoldsSecret, NoContent, Tagged},
    operation::{Operation, Outcome, Sketch, delete, get, patch, post},
    request::{Api, Id, IfMatch, Json, Patch, Query},
};
use crate::http::error::Problem;

pub fn operations() -> Vec<Operation> {
    vec![
        get("/destinations", list).named("listDestinations", "Lists the destinations of the project.").needs(Scope::Read).paged(),
        post("/destinations", create)
            .named("createDestination", "Makes a destination.")
            .says("Requests of the type `http` are signed; a secret that is generated for that stands in the answer, this once.")
            .example(json!({
                "name": "Billing",
                "type": "http",
                "config": { "url": "https://billing.example.com/hooks" },
                "auth": { "type": "bearer", "token": "a-token" },
                "retry": { "strategy": "exponential", "base_seconds": 30, "max_attempts": 8 },
            }))
            .needs(Scope::Write),
        get("/destinations/health", healths)
            .named("listDestinationHealth", "Tells how the destinations of the project do.")
            .needs(Scope::Read)
            .paged(),
        get("/destinations/{id}", one).named("getDestination", "Shows a destination.").needs(Scope::Read),
        patch("/destinations/{id}", update)
            .named("updateDestination", "Changes a destination.")
            .says("A masked secret that is sent back stands for the one that is kept.")
            .example(json!({ "timeout_ms": 10_000, "retry": { "max_attempts": 3 } }))
            .needs(Scope::Write),
        delete("/destinations/{id}", remove)
            .named("deleteDestination", "Deletes a destination with its connections; what was delivered stays.")
            .needs(Scope::Write),
        get("/destinations/{id}/health", health)
            .named("getDestinationHealth", "Tells how a destination did in the last 24 hours.")
            .needs(Scope::Read),
        post("/destinations/{id}/test", test)
            .named("testDestination", "Sends a test event now, and tells what the receiver answered.")
            .refuses(&[409])
            .needs(Scope::Write),
        post("/destinations/{id}/pause", pause)
            .named("pauseDestination", "Lets deliveries wait until the destination is resumed.")
            .needs(Scope::Write),
        post("/destinations/{id}/resume", resume)
            .named("resumeDestination", "Goes on after a pause.")
            .needs(Scope::Write),
        get("/destinations/{id}/circuit", circuit)
            .named("getCircuit", "Shows where the destination's circuit stands.")
            .needs(Scope::Read),
        post("/destinations/{id}/circuit/reset", reset_circuit)
            .named("resetCircuit", "Closes the destination's circuit now, on every node.")
            .needs(Scope::Write),
    ]
}

/// A destination as it was made or changed, with a secret in it where one was generated.
struct Fresh<T>(T);

trait AsDestination {
    fn destination(&self) -> &Destination;
}

impl AsDestination for Created<Destination> {
    fn destination(&self) -> &Destination {
        &self.0
    }
}

impl AsDestination for Tagged<Destination> {
    fn destination(&self) -> &Destination {
        &self.0
    }
}

impl<T: AsDestination + IntoResponse> IntoResponse for Fresh<T> {
    fn into_response(self) -> Response {
        let holds_secret = self.0.destination().signing.secrets.iter().any(|secret| !is_masked(secret));
        let mut response = self.0.into_response();
        if holds_secret {
            response.extensions_mut().insert(HoldsSecret);
        }
        response
    }
}

impl<T: Outcome> Outcome for Fresh<T> {
    fn sketch(sketch: &mut Sketch) {
        T::sketch(sketch);
    }
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

async fn create(api: Api, Json(input): Json<DestinationInput>) -> Result<Fresh<Created<Destination>>, Problem> {
    Ok(Fresh(Created(api.gateway.create_destination(&api.access, input).await?)))
}

async fn one(api: Api, Id(id): Id<DestinationId>) -> Result<Tagged<Destination>, Problem> {
    Ok(Tagged(api.gateway.destination(&api.access, id).await?))
}

async fn update(
    api: Api,
    only: IfMatch,
    Id(id): Id<DestinationId>,
    Patch(patch, _): Patch<DestinationInput>,
) -> Result<Fresh<Tagged<Destination>>, Problem> {
    Ok(Fresh(Tagged(api.gateway.update_destination(&only.on(api.access), id, patch).await?)))
}

async fn remove(api: Api, only: IfMatch, Id(id): Id<DestinationId>) -> Result<NoContent, Problem> {
    api.gateway.delete_destination(&only.on(api.access), id).await?;
    Ok(NoContent)
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
