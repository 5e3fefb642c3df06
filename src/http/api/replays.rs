//! `/v1/replays`

use axum::{
    Json as Answer,
    response::{IntoResponse, Response},
};
use domain::{
    id::ReplayId,
    page::Page,
    permission::Scope,
    replay::{DryRun, Replay, ReplayInput},
};
use serde_json::json;

use super::{
    answer::Created,
    operation::{Operation, Outcome, Sketch, get, post},
    request::{Api, Id, Json, Query},
};
use crate::http::error::Problem;

pub fn operations() -> Vec<Operation> {
    vec![
        get("/replays", list).named("listReplays", "Lists replays.").needs(Scope::Read).paged(),
        post("/replays", create)
            .named("createReplay", "Sends stored events again, or with `dry_run` says what that would do.")
            .example(json!({
                "source_id": "src_0198c0de5e1f7d3a9b2c4d5e6f708192",
                "from": "2026-01-31T12:00:00Z",
                "to": "2026-01-31T13:00:00Z",
                "rate_per_second": 50,
            }))
            .refuses(&[404, 409])
            .needs(Scope::Write),
        get("/replays/{id}", one).named("getReplay", "Shows how far a replay has come.").needs(Scope::Read),
        post("/replays/{id}/cancel", cancel)
            .named("cancelReplay", "Ends a replay; what was sent stays sent.")
            .refuses(&[409])
            .needs(Scope::Write),
        post("/replays/{id}/pause", pause)
            .named("pauseReplay", "Lets a replay wait until it is resumed.")
            .refuses(&[409])
            .needs(Scope::Write),
        post("/replays/{id}/resume", resume)
            .named("resumeReplay", "Goes on with a replay.")
            .refuses(&[409])
            .needs(Scope::Write),
    ]
}

/// A replay, or what it would do.
enum MadeOrCounted {
    Made(Box<Replay>),
    Counted(DryRun),
}

impl IntoResponse for MadeOrCounted {
    fn into_response(self) -> Response {
        match self {
            Self::Made(replay) => Created(replay).into_response(),
            Self::Counted(counted) => Answer(counted).into_response(),
        }
    }
}

impl Outcome for MadeOrCounted {
    fn sketch(sketch: &mut Sketch) {
        Answer::<DryRun>::sketch(sketch);
        Created::<Replay>::sketch(sketch);
    }
}

async fn list(api: Api, query: Query) -> Result<Answer<Page<Replay>>, Problem> {
    Ok(Answer(api.gateway.replays(&api.access, query.page()?).await?))
}

async fn create(api: Api, Json(input): Json<ReplayInput>) -> Result<MadeOrCounted, Problem> {
    if input.dry_run == Some(true) {
        return Ok(MadeOrCounted::Counted(api.gateway.dry_run_replay(&api.access, input).await?));
    }
    Ok(MadeOrCounted::Made(Box::new(api.gateway.create_replay(&api.access, input).await?)))
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
