//! `/v1/export` and `/v1/apply`

use axum::{
    Json as Answer, Router,
    routing::{get, post},
};
use domain::configuration::{ApplyInput, ApplyPlan, Configuration};

use super::request::{Api, Json};
use crate::http::{AppState, error::Problem};

pub fn router() -> Router<AppState> {
    Router::new().route("/export", get(export)).route("/apply", post(apply))
}

async fn export(api: Api) -> Result<Answer<Configuration>, Problem> {
    Ok(Answer(api.gateway.export(&api.access).await?))
}

async fn apply(api: Api, Json(input): Json<ApplyInput>) -> Result<Answer<ApplyPlan>, Problem> {
    Ok(Answer(api.gateway.apply(&api.access, input).await?))
}
