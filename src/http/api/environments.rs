//! `/v1/environments`: projects. A key sees its own.

use axum::Json as Answer;
use domain::{
    id::EnvId,
    page::Page,
    permission::Scope,
    project::{Environment, EnvironmentInput},
};
use serde_json::json;

use super::{
    answer::{Created, NoContent, Tagged},
    operation::{Operation, delete, get, patch, post},
    request::{Api, Id, IfMatch, Json, Patch, Query},
};
use crate::http::error::Problem;

pub fn operations() -> Vec<Operation> {
    vec![
        get("/environments", list)
            .named("listEnvironments", "Lists the projects that the key sees: its own.")
            .needs(Scope::Read)
            .paged(),
        post("/environments", create)
            .named("createEnvironment", "Makes a project in the organization of the key's.")
            .example(json!({ "name": "Staging", "mode": "test", "retention_days": 7 }))
            .needs(Scope::Admin),
        get("/environments/{id}", one).named("getEnvironment", "Shows a project.").needs(Scope::Read),
        patch("/environments/{id}", update)
            .named("updateEnvironment", "Changes a project.")
            .example(json!({ "retention_days": 90 }))
            .needs(Scope::Admin),
        delete("/environments/{id}", remove)
            .named("deleteEnvironment", "Deletes a project with everything in it.")
            .refuses(&[409])
            .needs(Scope::Admin),
    ]
}

async fn list(api: Api, query: Query) -> Result<Answer<Page<Environment>>, Problem> {
    query.page()?;
    let data = api.gateway.environments_of(&api.caller).await?;
    Ok(Answer(Page { data, next_cursor: None, has_more: false }))
}

async fn create(api: Api, Json(input): Json<EnvironmentInput>) -> Result<Created<Environment>, Problem> {
    Ok(Created(api.gateway.create_environment(&api.caller, None, input).await?))
}

async fn one(api: Api, Id(id): Id<EnvId>) -> Result<Tagged<Environment>, Problem> {
    let access = api.gateway.access(&api.caller, id).await?;
    Ok(Tagged(access.environment().clone()))
}

async fn update(
    api: Api,
    only: IfMatch,
    Id(id): Id<EnvId>,
    Patch(patch, _): Patch<EnvironmentInput>,
) -> Result<Tagged<Environment>, Problem> {
    let access = only.on(api.gateway.access(&api.caller, id).await?);
    Ok(Tagged(api.gateway.update_environment(&access, patch).await?))
}

async fn remove(api: Api, only: IfMatch, Id(id): Id<EnvId>) -> Result<NoContent, Problem> {
    let access = only.on(api.gateway.access(&api.caller, id).await?);
    api.gateway.delete_environment(&access).await?;
    Ok(NoContent)
}
