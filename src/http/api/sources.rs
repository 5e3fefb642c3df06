//! `/v1/sources`

use axum::Json as Answer;
use domain::{
    event_type::EventType,
    id::{EventId, RequestId, SourceId},
    page::Page,
    permission::Scope,
    rehearsal::{InferredSchema, SeenFields},
    rejection::RejectedRequest,
    source::{Source, SourceInput},
};
use schemars::JsonSchema;
use serde_json::json;

use super::{
    answer::{All, Created, NoContent, Tagged},
    operation::{Operation, Sketch, delete, get, patch, post},
    request::{Api, Id, Ids, IfMatch, Json, Patch, Query},
};
use crate::http::error::Problem;

pub fn operations() -> Vec<Operation> {
    vec![
        get("/sources", list).named("listSources", "Lists the sources of the project.").needs(Scope::Read).paged(),
        post("/sources", create)
            .named("createSource", "Makes a source: a URL that a provider posts to.")
            .example(json!({ "name": "Stripe", "template": "stripe", "verification": { "secrets": ["whsec_0123456789abcdef"] } }))
            .needs(Scope::Write),
        get("/sources/{id}", one).named("getSource", "Shows a source.").needs(Scope::Read),
        patch("/sources/{id}", update)
            .named("updateSource", "Changes a source.")
            .says("A schema is replaced whole. A masked secret that is sent back stands for the one that is kept.")
            .example(json!({ "description": "Payments of the shop", "rate_limit": { "limit": 100, "per": "second" } }))
            .needs(Scope::Write),
        delete("/sources/{id}", remove)
            .named("deleteSource", "Deletes a source with its connections; its events stay.")
            .needs(Scope::Write),
        post("/sources/{id}/test", test)
            .named("testSource", "Sends the template's sample to the source, signed as the provider would.")
            .refuses(&[409])
            .needs(Scope::Write),
        get("/sources/{id}/event-types", event_types)
            .named("listEventTypes", "Lists the types of events that the source has seen, the most frequent first.")
            .needs(Scope::Read),
        get("/sources/{id}/fields", fields)
            .named("listSeenFields", "Lists places in the last events of the source.")
            .query(of_type)
            .needs(Scope::Read),
        get("/sources/{id}/inferred-schema", inferred_schema)
            .named("inferSchema", "Makes a schema that the last events of the source fit.")
            .query(of_type)
            .query(|sketch| {
                sketch.query(
                    "limit",
                    json!({ "type": "integer", "minimum": 1, "description": "How many events are looked at; more than can be is less." }),
                );
            })
            .needs(Scope::Read),
        get("/sources/{id}/rejected", rejected)
            .named("listRejectedRequests", "Lists the last requests that the source refused, newest first.")
            .needs(Scope::Read),
        post("/sources/{id}/rejected/{request}/replay", replay_rejected)
            .named("replayRejectedRequest", "Takes a refused request in after all, if it now passes every check.")
            .refuses(&[409])
            .needs(Scope::Write),
    ]
}

fn of_type(sketch: &mut Sketch) {
    sketch.query("type", json!({ "type": "string", "description": "Of the events of this type alone." }));
}

async fn list(api: Api, query: Query) -> Result<Answer<Page<Source>>, Problem> {
    Ok(Answer(api.gateway.sources(&api.access, query.page()?).await?))
}

async fn create(api: Api, Json(input): Json<SourceInput>) -> Result<Created<Source>, Problem> {
    Ok(Created(api.gateway.create_source(&api.access, input).await?))
}

async fn one(api: Api, Id(id): Id<SourceId>) -> Result<Tagged<Source>, Problem> {
    Ok(Tagged(api.gateway.source(&api.access, id).await?))
}

async fn update(
    api: Api,
    only: IfMatch,
    Id(id): Id<SourceId>,
    Patch(patch, _): Patch<SourceInput>,
) -> Result<Tagged<Source>, Problem> {
    Ok(Tagged(api.gateway.update_source(&only.on(api.access), id, patch).await?))
}

async fn remove(api: Api, only: IfMatch, Id(id): Id<SourceId>) -> Result<NoContent, Problem> {
    api.gateway.delete_source(&only.on(api.access), id).await?;
    Ok(NoContent)
}

#[derive(serde::Serialize, JsonSchema)]
#[schemars(rename = "SentEvent")]
struct Sent {
    event_id: EventId,
}

async fn test(api: Api, Id(id): Id<SourceId>) -> Result<Created<Sent>, Problem> {
    let event_id = api.gateway.send_test_event(&api.access, id).await?;
    Ok(Created(Sent { event_id }))
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

async fn replay_rejected(api: Api, Ids(source, request): Ids<SourceId, RequestId>) -> Result<Created<Sent>, Problem> {
    let event_id = api.gateway.replay_rejected(&api.access, source, request).await?;
    Ok(Created(Sent { event_id }))
}
