//! Connections.

use domain::{connection::Connection, page::Page};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::{ApiError, Form};
#[cfg(feature = "ssr")]
use super::{
    caller::{form_in_project, id, in_project, page_after},
    form::read,
    rehearsal::{json_field, transform_field},
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
    pub delay_seconds: String,
    /// JSON, as is the schema.
    pub filter: String,
    pub transform: String,
    pub schema: String,
    pub schema_action: String,
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

#[cfg(feature = "ssr")]
impl ConnectionForm {
    /// What lies between the ends, as far as it can be read.
    fn read(&self, errors: &mut domain::field::FieldErrors) -> Between {
        let schema = json_field(errors, "schema", &self.schema);
        Between {
            name: read::optional(&self.name),
            status: read::word(errors, "status", &self.status),
            delay_seconds: read::number(errors, "delay_seconds", &self.delay_seconds),
            filter: json_field(errors, "filter", &self.filter),
            transform: transform_field(&self.transform),
            // Without a schema nothing is done by it.
            schema_action: read::word(errors, "schema_action", &self.schema_action).filter(|_| schema.is_some()),
            schema,
        }
    }
}

/// What a connection has between its ends. What is not there is none: as a change it takes away what was.
#[cfg(feature = "ssr")]
#[derive(Serialize)]
struct Between {
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<domain::connection::ConnectionStatus>,
    delay_seconds: Option<u32>,
    filter: Option<serde_json::Value>,
    transform: Option<String>,
    schema: Option<serde_json::Value>,
    schema_action: Option<domain::checks::SchemaAction>,
}

#[server(endpoint = "connections/create")]
pub async fn create_connection(env: String, #[server(flatten)] form: ConnectionForm) -> Result<(), ApiError> {
    form_in_project(&env, &form, async |project| {
        let mut errors = domain::field::FieldErrors::default();
        let source = errors.check("source_id", form.source_id.parse().map_err(|_| "must be chosen"));
        let destination = errors.check("destination_id", form.destination_id.parse().map_err(|_| "must be chosen"));
        let between = form.read(&mut errors);
        let ends = source.zip(destination).filter(|_| errors.is_empty());
        let Some((source_id, destination_id)) = ends else { return Err(errors.into()) };
        let input = domain::connection::ConnectionInput {
            name: between.name,
            status: between.status,
            delay_seconds: between.delay_seconds,
            filter: between.filter,
            transform: between.transform,
            schema: between.schema,
            schema_action: between.schema_action,
            ..domain::connection::ConnectionInput::new(source_id, destination_id)
        };
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
        let between = form.read(&mut errors);
        errors.into_result()?;
        let patch = serde_json::to_value(between).map_err(|_| ApiError::Internal)?;
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
