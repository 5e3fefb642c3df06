//! `/v1/api-keys`

use axum::Json as Answer;
use domain::{
    api_key::{ApiKey, ApiKeyInput, ApiKeyNameInput, NewApiKey, RotateInput},
    id::ApiKeyId,
    page::Page,
    permission::Scope,
};
use serde_json::json;

use super::{
    answer::{CreatedSecret, NoContent},
    operation::{Operation, delete, get, patch, post},
    request::{Api, Id, Json, OptionalJson, Patch, Query},
};
use crate::http::error::Problem;

pub fn operations() -> Vec<Operation> {
    vec![
        get("/api-keys", list).named("listApiKeys", "Lists the keys of the project.").needs(Scope::Admin).paged(),
        post("/api-keys", create)
            .named("createApiKey", "Makes a key; its text stands in the answer, this once.")
            .says("A key cannot grant what it has not itself.")
            .example(
                json!({ "name": "deploy-pipeline", "scopes": ["read", "write"], "expires_at": "2027-01-31T12:00:00Z" }),
            )
            .needs(Scope::Admin),
        get("/api-keys/{id}", one).named("getApiKey", "Shows a key, without its text.").needs(Scope::Admin),
        patch("/api-keys/{id}", rename)
            .named("updateApiKey", "Renames a key.")
            .example(json!({ "name": "deploy-pipeline" }))
            .needs(Scope::Admin),
        delete("/api-keys/{id}", remove).named("revokeApiKey", "Ends a key at once.").needs(Scope::Admin),
        post("/api-keys/{id}/rotate", rotate)
            .named("rotateApiKey", "Makes a key that can do the same, and lets the old one end.")
            .says("The old key works beside the new one for `overlap_hours`.")
            .example(json!({ "overlap_hours": 24 }))
            .refuses(&[409])
            .needs(Scope::Admin),
    ]
}

async fn list(api: Api, query: Query) -> Result<Answer<Page<ApiKey>>, Problem> {
    Ok(Answer(api.gateway.api_keys(&api.access, query.page()?).await?))
}

async fn create(api: Api, Json(input): Json<ApiKeyInput>) -> Result<CreatedSecret<NewApiKey>, Problem> {
    Ok(CreatedSecret(api.gateway.create_api_key(&api.access, input).await?))
}

async fn one(api: Api, Id(id): Id<ApiKeyId>) -> Result<Answer<ApiKey>, Problem> {
    Ok(Answer(api.gateway.api_key(&api.access, id).await?))
}

async fn rename(
    api: Api,
    Id(id): Id<ApiKeyId>,
    Patch(patch, _): Patch<ApiKeyNameInput>,
) -> Result<Answer<ApiKey>, Problem> {
    Ok(Answer(api.gateway.update_api_key(&api.access, id, patch).await?))
}

async fn rotate(
    api: Api,
    Id(id): Id<ApiKeyId>,
    OptionalJson(input): OptionalJson<RotateInput>,
) -> Result<CreatedSecret<NewApiKey>, Problem> {
    Ok(CreatedSecret(api.gateway.rotate_api_key(&api.access, id, input).await?))
}

async fn remove(api: Api, Id(id): Id<ApiKeyId>) -> Result<NoContent, Problem> {
    api.gateway.revoke_api_key(&api.access, id).await?;
    Ok(NoContent)
}
