//! Connections of a project.

use domain::{
    connection::{Connection, ConnectionInput},
    field::FieldErrors,
    id::ConnectionId,
    page::{Page, PageRequest},
    patch,
    permission::Permission,
};
use serde_json::Value;
use store::StoreError;

use super::{Access, Error, Result, input::parse_input};
use crate::{Gateway, clock};

impl Gateway {
    pub async fn connections(&self, access: &Access, page: PageRequest) -> Result<Page<Connection>> {
        access.require(Permission::Read)?;
        Ok(access.rows.connections(page).await?)
    }

    pub async fn connection(&self, access: &Access, id: ConnectionId) -> Result<Connection> {
        access.require(Permission::Read)?;
        access.rows.connection(id).await?.ok_or(Error::NotFound)
    }

    pub async fn create_connection(&self, access: &Access, input: ConnectionInput) -> Result<Connection> {
        access.require(Permission::Write)?;
        let spec = input.parse()?;
        let mut errors = FieldErrors::default();
        if access.rows.source(spec.source_id).await?.is_none() {
            errors.push("source_id", "must be a source of this project");
        }
        if access.rows.destination(spec.destination_id).await?.is_none() {
            errors.push("destination_id", "must be a destination of this project");
        }
        errors.into_result()?;
        let now = clock::now();
        let id = ConnectionId::new(now, clock::id_bits());
        match access.rows.insert_connection(id, &spec, now).await {
            Ok(()) => {}
            Err(StoreError::Conflict(_)) => {
                return Err(Error::Conflict("a connection from this source to this destination exists already".into()));
            }
            Err(error) => return Err(error.into()),
        }
        self.inner.registry.refresh().await?;
        self.connection(access, id).await
    }

    pub async fn update_connection(&self, access: &Access, id: ConnectionId, patch: Value) -> Result<Connection> {
        access.require(Permission::Write)?;
        let current = access.rows.connection(id).await?.ok_or(Error::NotFound)?;
        let mut input = serde_json::to_value(ConnectionInput::from(&current)).unwrap_or_default();
        patch::merge(&mut input, patch);
        let spec = parse_input::<ConnectionInput>(input)?.parse()?;
        let mut errors = FieldErrors::default();
        if spec.source_id != current.source_id {
            errors.push("source_id", "cannot be changed; make another connection");
        }
        if spec.destination_id != current.destination_id {
            errors.push("destination_id", "cannot be changed; make another connection");
        }
        errors.into_result()?;
        if !access.rows.update_connection(id, &spec, clock::now()).await? {
            return Err(Error::NotFound);
        }
        self.inner.registry.refresh().await?;
        self.connection(access, id).await
    }

    pub async fn delete_connection(&self, access: &Access, id: ConnectionId) -> Result<()> {
        access.require(Permission::Write)?;
        if !access.rows.delete_connection(id, clock::now()).await? {
            return Err(Error::NotFound);
        }
        self.inner.registry.refresh().await?;
        Ok(())
    }
}
