//! `/v1/audit-log`: who changed what in the project.

use axum::{Json as Answer, Router, routing::get};
use domain::{
    audit::{AuditEntry, AuditFilter},
    page::Page,
};

use super::request::{Api, Query};
use crate::http::{AppState, error::Problem};

pub fn router() -> Router<AppState> {
    Router::new().route("/audit-log", get(list))
}

async fn list(api: Api, mut query: Query) -> Result<Answer<Page<AuditEntry>>, Problem> {
    let filter = AuditFilter {
        env_id: None,
        action: query.parsed("action"),
        actor: query.text("actor"),
        target: query.text("target"),
        after: query.with("after", domain::time::Timestamp::parse_rfc3339),
        before: query.with("before", domain::time::Timestamp::parse_rfc3339),
    };
    Ok(Answer(api.gateway.project_audit_log(&api.access, filter, query.page()?).await?))
}
