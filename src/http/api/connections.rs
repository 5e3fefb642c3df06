//! `/v1/connections`

use axum::Json as Answer;
use domain::{
    connection::{Connection, ConnectionInput},
    id::ConnectionId,
    page::Page,
    permission::Scope,
    rehearsal::{Preview, PreviewInput, TestInput, TestResult},
    routes::RouteCounts,
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
        get("/connections", list)
            .named("listConnections", "Lists the connections of the project.")
            .needs(Scope::Read)
            .paged(),
        post("/connections", create)
            .named("createConnection", "Leads a source to a destination.")
            .example(json!({
                "source_id": "src_0198c0de5e1f7d3a9b2c4d5e6f708192",
                "destination_id": "dst_0198c0de5e1f7d3a9b2c4d5e6f708192",
                "filter": { "all": [{ "field": "payload.amount", "op": "gte", "value": 100 }] },
            }))
            .refuses(&[409])
            .needs(Scope::Write),
        post("/connections/test", test)
            .named("testConnection", "Tries rules on one event, which changes nothing.")
            .example(json!({
                "event": { "payload": { "amount": 120 } },
                "filter": { "field": "payload.amount", "op": "gte", "value": 100 },
            }))
            .refuses(&[404])
            .needs(Scope::Read),
        post("/connections/preview", preview)
            .named("previewConnection", "Tries rules on the last events of a source, which changes nothing.")
            .example(json!({ "source_id": "src_0198c0de5e1f7d3a9b2c4d5e6f708192", "limit": 100 }))
            .refuses(&[404])
            .needs(Scope::Read),
        get("/connections/counts", counts)
            .named("getRouteCounts", "Tells what went over the routes of the project lately.")
            .needs(Scope::Read),
        get("/connections/{id}", one).named("getConnection", "Shows a connection.").needs(Scope::Read),
        patch("/connections/{id}", update)
            .named("updateConnection", "Changes a connection.")
            .says("A filter and a schema are replaced whole. Its two ends stay.")
            .example(json!({ "status": "paused" }))
            .needs(Scope::Write),
        delete("/connections/{id}", remove)
            .named("deleteConnection", "Deletes a connection; what it delivered stays.")
            .needs(Scope::Write),
    ]
}

async fn list(api: Api, query: Query) -> Result<Answer<Page<Connection>>, Problem> {
    Ok(Answer(api.gateway.connections(&api.access, query.page()?).await?))
}

async fn create(api: Api, Json(input): Json<ConnectionInput>) -> Result<Created<Connection>, Problem> {
    Ok(Created(api.gateway.create_connection(&api.access, input).await?))
}

async fn one(api: Api, Id(id): Id<ConnectionId>) -> Result<Tagged<Connection>, Problem> {
    Ok(Tagged(api.gateway.connection(&api.access, id).await?))
}

async fn update(
    api: Api,
    only: IfMatch,
    Id(id): Id<ConnectionId>,
    Patch(patch, _): Patch<ConnectionInput>,
) -> Result<Tagged<Connection>, Problem> {
    Ok(Tagged(api.gateway.update_connection(&only.on(api.access), id, patch).await?))
}

async fn remove(api: Api, only: IfMatch, Id(id): Id<ConnectionId>) -> Result<NoContent, Problem> {
    api.gateway.delete_connection(&only.on(api.access), id).await?;
    Ok(NoContent)
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
