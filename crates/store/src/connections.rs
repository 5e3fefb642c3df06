//! Connections of a project.

use domain::{
    connection::{Connection, ConnectionSpec, Rules},
    id::{ConnectionId, DestinationId, EnvId, SourceId},
    page::{Page, PageRequest},
    time::Timestamp,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, Select,
};

use crate::{
    config::next_version,
    connection::Transaction,
    entity::connection::{ActiveModel, Column, Entity, Model},
    error::{Result, StoreError},
    row::{at, json, number, parse, to_json, uuid},
    scope::{Scope, page_query},
};

/// Connections of a source that are read at once.
const SOURCE_LIMIT: u64 = 1000;

impl Scope {
    fn find_connections(&self) -> Select<Entity> {
        Entity::find().filter(Column::EnvId.eq(self.env_uuid())).filter(Column::DeletedAt.is_null())
    }

    pub async fn connections(&self, page: PageRequest) -> Result<Page<Connection>> {
        let rows = page_query!(self.find_connections(), Column::Id, page).all(self.store.reader()).await?;
        let connections = rows.into_iter().map(Connection::try_from).collect::<Result<Vec<_>>>()?;
        Ok(Page::from_rows(connections, page.limit, |connection| connection.id.as_u128()))
    }

    pub async fn connection(&self, id: ConnectionId) -> Result<Option<Connection>> {
        let query = self.find_connections().filter(Column::Id.eq(uuid(id.as_u128())));
        query.one(self.store.reader()).await?.map(Connection::try_from).transpose()
    }

    /// All of a source, the oldest first, those that were deleted since `kept_since` included; with whether they are.
    pub async fn connections_of_source(
        &self,
        source: SourceId,
        kept_since: Timestamp,
    ) -> Result<Vec<(Connection, bool)>> {
        let still_there = Column::DeletedAt.is_null().or(Column::DeletedAt.gte(kept_since.as_micros()));
        let query = Entity::find()
            .filter(Column::EnvId.eq(self.env_uuid()))
            .filter(Column::SourceId.eq(uuid(source.as_u128())))
            .filter(still_there)
            .order_by_asc(Column::Id)
            .limit(SOURCE_LIMIT);
        let rows = query.all(self.store.reader()).await?;
        let read = |row: Model| {
            let is_deleted = row.deleted_at.is_some();
            Connection::try_from(row).map(|connection| (connection, is_deleted))
        };
        rows.into_iter().map(read).collect()
    }

    pub async fn insert_connection(&self, id: ConnectionId, spec: &ConnectionSpec, now: Timestamp) -> Result<()> {
        let transaction = self.store.begin().await?;
        let version = next_version(&self.store, &transaction).await?;
        self.insert_connection_in(&transaction, id, spec, version, now).await?;
        self.commit(transaction).await?;
        self.store.config_changed();
        Ok(())
    }

    pub(crate) async fn insert_connection_in(
        &self,
        transaction: &Transaction,
        id: ConnectionId,
        spec: &ConnectionSpec,
        version: i64,
        now: Timestamp,
    ) -> Result<()> {
        let row = ActiveModel {
            id: Set(uuid(id.as_u128())),
            env_id: Set(self.env_uuid()),
            source_id: Set(uuid(spec.source_id.as_u128())),
            destination_id: Set(uuid(spec.destination_id.as_u128())),
            created_at: Set(now.as_micros()),
            deleted_at: Set(None),
            ..Default::default()
        };
        fill(row, spec, version, now)?.insert(transaction).await?;
        Ok(())
    }

    /// Returns whether there was such a connection. Its two ends stay.
    pub async fn update_connection(&self, id: ConnectionId, spec: &ConnectionSpec, now: Timestamp) -> Result<bool> {
        let transaction = self.store.begin().await?;
        let version = next_version(&self.store, &transaction).await?;
        if !self.update_connection_in(&transaction, id, spec, version, now).await? {
            return Ok(false);
        }
        self.commit(transaction).await?;
        self.store.config_changed();
        Ok(true)
    }

    pub(crate) async fn update_connection_in(
        &self,
        transaction: &Transaction,
        id: ConnectionId,
        spec: &ConnectionSpec,
        version: i64,
        now: Timestamp,
    ) -> Result<bool> {
        let query = self.find_connections().filter(Column::Id.eq(uuid(id.as_u128())));
        let Some(row) = query.one(transaction).await? else { return Ok(false) };
        self.check_state(at(row.updated_at))?;
        fill(row.into_active_model(), spec, version, now)?.update(transaction).await?;
        Ok(true)
    }

    /// Returns whether there was such a connection. What it delivered stays.
    pub async fn delete_connection(&self, id: ConnectionId, now: Timestamp) -> Result<bool> {
        let transaction = self.store.begin().await?;
        let version = next_version(&self.store, &transaction).await?;
        let query = self.find_connections().filter(Column::Id.eq(uuid(id.as_u128())));
        let Some(row) = query.one(&transaction).await? else { return Ok(false) };
        self.check_state(at(row.updated_at))?;
        let mut row = row.into_active_model();
        row.version = Set(version);
        row.updated_at = Set(now.as_micros());
        row.deleted_at = Set(Some(now.as_micros()));
        row.update(&transaction).await?;
        self.commit(transaction).await?;
        self.store.config_changed();
        Ok(true)
    }
}

fn fill(mut row: ActiveModel, spec: &ConnectionSpec, version: i64, now: Timestamp) -> Result<ActiveModel> {
    row.name = Set(spec.name.clone());
    row.filter = Set(spec.rules.filter.as_ref().map(to_json).transpose()?);
    row.transform = Set(spec.rules.transform.clone());
    row.payload_schema = Set(spec.rules.schema.as_ref().map(to_json).transpose()?);
    row.schema_action = Set(spec.rules.schema_action.as_str().to_owned());
    row.delay_seconds = Set(spec.delay_seconds.into());
    row.status = Set(spec.status.as_str().to_owned());
    row.version = Set(version);
    row.updated_at = Set(now.as_micros());
    Ok(row)
}

impl TryFrom<Model> for Connection {
    type Error = StoreError;
    fn try_from(row: Model) -> Result<Self> {
        Ok(Self {
            id: ConnectionId::from_u128(row.id.as_u128()),
            env_id: EnvId::from_u128(row.env_id.as_u128()),
            source_id: SourceId::from_u128(row.source_id.as_u128()),
            destination_id: DestinationId::from_u128(row.destination_id.as_u128()),
            name: row.name,
            rules: Rules {
                filter: row.filter.map(|text| json("connections", "filter", &text)).transpose()?,
                transform: row.transform,
                schema: row.payload_schema.map(|text| json("connections", "payload_schema", &text)).transpose()?,
                schema_action: parse("connections", "schema_action", &row.schema_action)?,
            },
            delay_seconds: number("connections", "delay_seconds", row.delay_seconds)?,
            status: parse("connections", "status", &row.status)?,
            created_at: at(row.created_at),
            updated_at: at(row.updated_at),
        })
    }
}
