//! Connections of a project.

use domain::{
    audit::{Action, Changes, Target},
    connection::{Connection, ConnectionInput, ConnectionSpec},
    id::ConnectionId,
    page::{Page, PageRequest},
    patch,
    permission::Permission,
};
use serde_json::Value;
use store::StoreError;

use super::{Access, Error, Result, audit::Note, configuration::Told, input::parse_input};
use crate::{Gateway, clock, rules::Rules};

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
        let mut errors = Rules::compile(&spec.rules).err().unwrap_or_default();
        if access.rows.source(spec.source_id).await?.is_none() {
            errors.push("source_id", "must be a source of this project");
        }
        if access.rows.destination(spec.destination_id).await?.is_none() {
            errors.push("destination_id", "must be a destination of this project");
        }
        errors.into_result()?;
        let now = clock::now();
        let id = ConnectionId::new(now, clock::id_bits());
        let target = self.connection_target(access, id, &spec).await?;
        let changes = Told::differences(None, Some(&Told::connection_spec(id, spec.clone())));
        let note = Note::new(Action::ConnectionCreate, target, Changes::of(changes));
        let rows = self.noting(access, note, true).await?;
        match rows.insert_connection(id, &spec, now).await {
            Ok(()) => {}
            Err(StoreError::Conflict(_)) => {
                return Err(Error::Conflict("a connection from this source to this destination exists already".into()));
            }
            Err(error) => return Err(error.into()),
        }
        self.inner.registry.refresh().await?;
        self.connection(access, id).await
    }

    pub async fn update_connection(&self, access: &Access, id: ConnectionId, mut patch: Value) -> Result<Connection> {
        access.require(Permission::Write)?;
        let current = access.rows.connection(id).await?.ok_or(Error::NotFound)?;
        let mut input = serde_json::to_value(ConnectionInput::from(&current)).unwrap_or_default();
        let whole = take_whole(&mut patch, &mut input);
        patch::merge(&mut input, patch);
        for (name, value) in whole {
            input[name] = value;
        }
        let spec = parse_input::<ConnectionInput>(input)?.parse()?;
        // Rules that could be read once and no longer can do not keep anybody from pausing the connection.
        let refused = if spec.rules == current.rules { None } else { Rules::compile(&spec.rules).err() };
        let mut errors = refused.unwrap_or_default();
        if spec.source_id != current.source_id {
            errors.push("source_id", "cannot be changed; make another connection");
        }
        if spec.destination_id != current.destination_id {
            errors.push("destination_id", "cannot be changed; make another connection");
        }
        errors.into_result()?;
        let target = self.connection_target(access, id, &spec).await?;
        let next = Told::connection_spec(id, spec.clone());
        let changes = Told::differences(Some(&Told::connection(current)), Some(&next));
        let is_change = !changes.is_empty();
        let note = Note::new(Action::ConnectionUpdate, target, Changes::of(changes));
        let rows = self.noting(access, note, is_change).await?;
        if !rows.update_connection(id, &spec, clock::now()).await? {
            return Err(Error::NotFound);
        }
        self.inner.registry.refresh().await?;
        self.connection(access, id).await
    }

    pub async fn delete_connection(&self, access: &Access, id: ConnectionId) -> Result<()> {
        access.require(Permission::Write)?;
        let current = access.rows.connection(id).await?.ok_or(Error::NotFound)?;
        let spec = ConnectionSpec {
            source_id: current.source_id,
            destination_id: current.destination_id,
            name: current.name.clone(),
            rules: current.rules.clone(),
            delay_seconds: current.delay_seconds,
            status: current.status,
        };
        let target = self.connection_target(access, id, &spec).await?;
        let changes = Told::differences(Some(&Told::connection(current)), None);
        let note = Note::new(Action::ConnectionDelete, target, Changes::of(changes));
        let rows = self.noting(access, note, true).await?;
        if !rows.delete_connection(id, clock::now()).await? {
            return Err(Error::NotFound);
        }
        self.inner.registry.refresh().await?;
        Ok(())
    }

    /// A connection by its name, or by those of its ends.
    async fn connection_target(&self, access: &Access, id: ConnectionId, spec: &ConnectionSpec) -> Result<Target> {
        if let Some(name) = &spec.name {
            return Ok(Target::new("connection", id, name));
        }
        let source = access.rows.source(spec.source_id).await?.map(|source| source.name).unwrap_or_default();
        let destination = access.rows.destination(spec.destination_id).await?.map(|it| it.name).unwrap_or_default();
        Ok(Target::new("connection", id, &format!("{source} → {destination}")))
    }
}

/// Takes out of a patch what it replaces and does not merge: a filter and a schema, whose nulls and objects are their own.
fn take_whole(patch: &mut Value, input: &mut Value) -> Vec<(&'static str, Value)> {
    let (Some(patch), Some(input)) = (patch.as_object_mut(), input.as_object_mut()) else { return Vec::new() };
    if patch.get("schema").is_some_and(Value::is_null) {
        // It goes with what it belongs to.
        input.shift_remove("schema_action");
    }
    ["filter", "schema"].into_iter().filter_map(|name| Some((name, patch.shift_remove(name)?))).collect()
}
