//! `/v1/export` and `/v1/apply`

use axum::{
    Json as Answer,
    response::{IntoResponse, Response},
};
use domain::{
    configuration::{ApplyInput, ApplyPlan, Configuration},
    permission::Scope,
};
use serde_json::json;

use super::{
    answer::HoldsSecret,
    operation::{Operation, Outcome, Sketch, get, post},
    request::{Api, Json},
};
use crate::http::error::Problem;

pub fn operations() -> Vec<Operation> {
    vec![
        get("/export", export)
            .named("exportConfiguration", "Gives the project's sources, destinations and connections as one document.")
            .says("Secrets are references such as `${BILLING_TOKEN}`.")
            .needs(Scope::Read),
        post("/apply", apply)
            .named("applyConfiguration", "Makes the project match a document.")
            .says("With `dry_run` it only says what would change; with the `plan_id` of that, exactly this is done.")
            .example(json!({ "version": 1, "sources": [{ "name": "Stripe", "slug": "stripe" }], "dry_run": true }))
            .refuses(&[409])
            .needs(Scope::Write),
    ]
}

/// What was changed, or would be. A signing secret that was generated is shown this once.
struct Applied(ApplyPlan);

impl IntoResponse for Applied {
    fn into_response(self) -> Response {
        let holds_secret = self.0.changes.iter().any(|change| change.generated_secret.is_some());
        let mut response = Answer(self.0).into_response();
        if holds_secret {
            response.extensions_mut().insert(HoldsSecret);
        }
        response
    }
}

impl Outcome for Applied {
    fn sketch(sketch: &mut Sketch) {
        Answer::<ApplyPlan>::sketch(sketch);
    }
}

async fn export(api: Api) -> Result<Answer<Configuration>, Problem> {
    Ok(Answer(api.gateway.export(&api.access).await?))
}

async fn apply(api: Api, Json(input): Json<ApplyInput>) -> Result<Applied, Problem> {
    Ok(Applied(api.gateway.apply(&api.access, input).await?))
}
