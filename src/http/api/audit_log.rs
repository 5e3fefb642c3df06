//! `/v1/audit-log`: who changed what in the project.

use axum::Json as Answer;
use domain::{
    audit::{AuditEntry, AuditFilter},
    page::Page,
    permission::Scope,
    time::Timestamp,
};
use serde_json::json;

use super::{
    operation::{Operation, Sketch, get},
    request::{Api, Query},
};
use crate::http::error::Problem;

pub fn operations() -> Vec<Operation> {
    vec![
        get("/audit-log", list)
            .named("listAuditLog", "Lists who changed what in the project, newest first.")
            .query(filters)
            .needs(Scope::Admin)
            .paged(),
    ]
}

fn filters(sketch: &mut Sketch) {
    let text = |description: &str| json!({ "type": "string", "description": description });
    sketch.query(
        "action",
        text("What was done, such as `source.create`, or all that is done to a kind of thing: `source`."),
    );
    sketch.query("actor", text("The id of a person or a key, or `system`."));
    sketch.query("target", text("The id of what was changed."));
    sketch.query_of::<Timestamp>("after", "Entries of this time and later.");
    sketch.query_of::<Timestamp>("before", "Entries before this time.");
}

async fn list(api: Api, mut query: Query) -> Result<Answer<Page<AuditEntry>>, Problem> {
    let filter = AuditFilter {
        env_id: None,
        action: query.parsed("action"),
        actor: query.text("actor"),
        target: query.text("target"),
        after: query.with("after", Timestamp::parse_rfc3339),
        before: query.with("before", Timestamp::parse_rfc3339),
    };
    Ok(Answer(api.gateway.project_audit_log(&api.access, filter, query.page()?).await?))
}
