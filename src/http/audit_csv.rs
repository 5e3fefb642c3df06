//! `GET /audit-log/{org_id}`: the audit log of an organization as a CSV file, with the filters of its page.

use std::convert::Infallible;

use app::api::audit::AuditQuery;
use axum::{
    body::{Body, Bytes},
    extract::{FromRequestParts, Path, Query, Request, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use domain::{
    audit::{AuditEntry, csv_cell},
    id::{OrgId, UserId},
    page::PageRequest,
};
use gateway::{
    clock,
    manage::{Caller, Error},
};
use tower_sessions::Session;

use super::{AppState, error::Problem};

const HEAD: &str = "time,actor,actor_id,address,action,target_type,target,target_id,project,before,after\r\n";

pub async fn export(State(state): State<AppState>, session: Session, request: Request) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    let address = state.proxies.client_behind(&parts);
    let Path(org) = Path::<String>::from_request_parts(&mut parts, &state).await.map_err(|_| Problem::not_found())?;
    let Query(query) = Query::<AuditQuery>::from_request_parts(&mut parts, &state)
        .await
        .map_err(|_| Problem::malformed("The query cannot be read."))?;
    let org: OrgId = org.parse().map_err(|_| Problem::not_found())?;
    let user = session.get::<UserId>(app::api::caller::SESSION_USER).await.ok().flatten();
    let caller = Caller::user(user.ok_or(Error::Unauthenticated)?, address);
    let access = state.gateway.org_access(&caller, org).await?;
    let filter = query.filter(clock::now())?;
    // The first page before anything is sent: who may not see it is told so.
    let gateway = state.gateway;
    let first = gateway.audit_log(&access, &filter, PageRequest::first(PageRequest::MAX_LIMIT)).await?;
    let begin = (HEAD.to_owned(), Some(first));
    let pages = futures::stream::unfold(begin, move |(head, page)| {
        let (gateway, access, filter) = (gateway.clone(), access.clone(), filter.clone());
        async move {
            let page = page?;
            let mut text = head;
            page.data.iter().for_each(|entry| text.push_str(&line(entry)));
            let after = page.next_cursor.as_deref().and_then(|cursor| cursor.parse().ok());
            let next = match after {
                None => None,
                Some(after) => {
                    let request = PageRequest { limit: PageRequest::MAX_LIMIT, after: Some(after) };
                    match gateway.audit_log(&access, &filter, request).await {
                        Ok(page) => Some(page),
                        Err(error) => {
                            tracing::warn!(%error, "the export of an audit log broke off");
                            text.push_str("\"The export broke off here: the rest could not be read.\"\r\n");
                            None
                        }
                    }
                }
            };
            Some((Ok::<_, Infallible>(Bytes::from(text)), (String::new(), next)))
        }
    });
    let mut response = Body::from_stream(pages).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    let name = HeaderValue::from_static("attachment; filename=\"audit-log.csv\"");
    headers.insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

fn line(entry: &AuditEntry) -> String {
    let json = |value: Option<&serde_json::Value>| value.map(ToString::to_string).unwrap_or_default();
    let cells = [
        entry.at.to_rfc3339(),
        entry.actor.name.clone(),
        entry.actor.id.clone().unwrap_or_default(),
        entry.address.map(|address| address.to_string()).unwrap_or_default(),
        entry.action.clone(),
        entry.target.kind.clone(),
        entry.target.name.clone(),
        entry.target.id.clone().unwrap_or_default(),
        entry.env_id.map(|env| env.to_string()).unwrap_or_default(),
        json(entry.before.as_ref()),
        json(entry.after.as_ref()),
    ];
    let cells: Vec<_> = cells.iter().map(|cell| csv_cell(cell)).collect();
    format!("{}\r\n", cells.join(","))
}
