//! Connections.

use domain::{connection::Connection, page::Page};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::{ApiError, Form};
#[cfg(feature = "ssr")]
use super::{
    caller::{form_in_project, id, in_project, page_after},
    form::read,
};
#[cfg(feature = "ssr")]
use crate::paths;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ConnectionForm {
    pub source_id: String,
    pub destination_id: String,
    pub name: String,
    pub status: String,
}

impl Form for ConnectionForm {}

#[server(endpoint = "connections/list")]
pub async fn connections(env: String, cursor: Option<String>) -> Result<Page<Connection>, ApiError> {
    in_project(&env, async |project| {
        Ok(project.gateway.connections(&project.access, page_after(cursor.as_deref())?).await?)
    })
    .await
}

/// The connections of one source or destination, among the newest of the project.
#[server(endpoint = "connections/of")]
pub async fn connections_of(env: String, end: String) -> Result<Vec<Connection>, ApiError> {
    in_project(&env, async |project| {
        let all = domain::page::PageRequest::first(domain::page::PageRequest::MAX_LIMIT);
        let page = project.gateway.connections(&project.access, all).await?;
        let at_end = |it: &Connection| it.source_id.to_string() == end || it.destination_id.to_string() == end;
        Ok(page.data.into_iter().filter(at_end).collect())
    })
    .await
}

#[server(endpoint = "connections/get")]
pub async fn find_connection(env: String, connection: String) -> Result<Connection, ApiError> {
    in_project(&env, async |project| Ok(project.gateway.connection(&project.access, id(&connection)?).await?)).await
}

#[server(endpoint = "connections/create")]
pub async fn create_connection(env: String, #[server(flatten)] form: ConnectionForm) -> Result<(), ApiError> {
    form_in_project(&env, &form, async |project| {
        let mut errors = domain::field::FieldErrors::default();
        let source = errors.check("source_id", form.source_id.parse().map_err(|_| "must be chosen"));
        let destination = errors.check("destination_id", form.destination_id.parse().map_err(|_| "must be chosen"));
        let (Some(source_id), Some(destination_id)) = (source, destination) else { return Err(errors.into()) };
        let mut input = domain::connection::ConnectionInput::new(source_id, destination_id);
        input.name = read::optional(&form.name);
        project.gateway.create_connection(&project.access, input).await?;
        project.reply.go_to(&paths::connections(&env));
        Ok(())
    })
    .await
}

#[server(endpoint = "connections/update")]
pub async fn update_connection(
    env: String,
    connection: String,
    #[server(flatten)] form: ConnectionForm,
) -> Result<(), ApiError> {
    form_in_project(&env, &form, async |project| {
        let mut errors = domain::field::FieldErrors::default();
        let status: Option<domain::connection::ConnectionStatus> = read::word(&mut errors, "status", &form.status);
        errors.into_result()?;
        let mut patch = serde_json::json!({ "name": read::optional(&form.name) });
        if let Some(status) = status {
            patch["status"] = serde_json::json!(status);
        }
        project.gateway.update_connection(&project.access, id(&connection)?, patch).await?;
        project.reply.go_to(&paths::connections(&env));
        Ok(())
    })
    .await
}

#[server(endpoint = "connections/delete")]
pub async fn delete_connection(env: String, connection: String) -> Result<(), ApiError> {
    in_project(&env, async |project| {
        project.gateway.delete_connection(&project.access, id(&connection)?).await?;
        project.reply.go_to(&paths::connections(&env));
        Ok(())
    })
    .await
}
