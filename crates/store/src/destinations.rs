//! Destinations of a project.

use domain::{
    destination::{Config, Destination, DestinationSpec},
    id::{DestinationId, EnvId},
    page::{Page, PageRequest},
    time::Timestamp,
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, Select};

use crate::{
    config::next_version,
    connection::Transaction,
    entity::destination::{ActiveModel, Column, Entity, Model},
    error::{Result, StoreError},
    row::{at, json, number, parse, to_json, uuid},
    scope::{Scope, page_query},
};

impl Scope {
    fn find_destinations(&self) -> Select<Entity> {
        Entity::find().filter(Column::EnvId.eq(self.env_uuid())).filter(Column::DeletedAt.is_null())
    }

    pub async fn destinations(&self, page: PageRequest) -> Result<Page<Destination>> {
        let rows = page_query!(self.find_destinations(), Column::Id, page).all(self.store.reader()).await?;
        let destinations = rows.into_iter().map(Destination::try_from).collect::<Result<Vec<_>>>()?;
        Ok(Page::from_rows(destinations, page.limit, |destination| destination.id.as_u128()))
    }

    /// Its secrets are sealed.
    pub async fn destination(&self, id: DestinationId) -> Result<Option<Destination>> {
        let query = self.find_destinations().filter(Column::Id.eq(uuid(id.as_u128())));
        query.one(self.store.reader()).await?.map(Destination::try_from).transpose()
    }

    pub async fn insert_destination(&self, id: DestinationId, spec: &DestinationSpec, now: Timestamp) -> Result<()> {
        let transaction = self.store.begin().await?;
        let version = next_version(&self.store, &transaction).await?;
        self.insert_destination_in(&transaction, id, spec, version, now).await?;
        self.commit(transaction).await?;
        self.store.config_changed();
        Ok(())
    }

    pub(crate) async fn insert_destination_in(
        &self,
        transaction: &Transaction,
        id: DestinationId,
        spec: &DestinationSpec,
        version: i64,
        now: Timestamp,
    ) -> Result<()> {
        let row = ActiveModel {
            id: Set(uuid(id.as_u128())),
            env_id: Set(self.env_uuid()),
            created_at: Set(now.as_micros()),
            deleted_at: Set(None),
            ..Default::default()
        };
        fill(row, spec, version, now)?.insert(transaction).await?;
        Ok(())
    }

    /// Returns whether there was such a destination.
    pub async fn update_destination(&self, id: DestinationId, spec: &DestinationSpec, now: Timestamp) -> Result<bool> {
        let transaction = self.store.begin().await?;
        let version = next_version(&self.store, &transaction).await?;
        if !self.update_destination_in(&transaction, id, spec, version, now).await? {
            return Ok(false);
        }
        self.commit(transaction).await?;
        self.store.config_changed();
        Ok(true)
    }

    pub(crate) async fn update_destination_in(
        &self,
        transaction: &Transaction,
        id: DestinationId,
        spec: &DestinationSpec,
        version: i64,
        now: Timestamp,
    ) -> Result<bool> {
        let query = self.find_destinations().filter(Column::Id.eq(uuid(id.as_u128())));
        let Some(row) = query.one(transaction).await? else { return Ok(false) };
        self.check_state(at(row.updated_at))?;
        fill(row.into_active_model(), spec, version, now)?.update(transaction).await?;
        Ok(true)
    }

    /// Marks it and its connections as deleted; what was delivered stays. Returns whether there was such a one.
    pub async fn delete_destination(&self, id: DestinationId, now: Timestamp) -> Result<bool> {
        self.delete_end("destinations", "destination_id", id.as_u128(), now).await
    }
}

fn fill(mut row: ActiveModel, spec: &DestinationSpec, version: i64, now: Timestamp) -> Result<ActiveModel> {
    row.name = Set(spec.name.clone());
    row.slug = Set(spec.slug.clone());
    row.r#type = Set(spec.config.kind().as_str().to_owned());
    row.config = Set(to_json(&spec.config.settings())?);
    row.auth = Set(to_json(&spec.auth)?);
    row.headers = Set(to_json(&spec.headers)?);
    row.timeout_ms = Set(i64::from(spec.timeout_ms));
    row.retry = Set(to_json(&spec.retry)?);
    row.circuit_breaker = Set(to_json(&spec.circuit_breaker)?);
    row.rate_limit = Set(spec.rate_limit.as_ref().map(to_json).transpose()?);
    row.ordering = Set(to_json(&spec.ordering)?);
    row.signing = Set(to_json(&spec.signing)?);
    row.status = Set(spec.status.as_str().to_owned());
    row.version = Set(version);
    row.updated_at = Set(now.as_micros());
    Ok(row)
}

impl TryFrom<Model> for Destination {
    type Error = StoreError;
    fn try_from(row: Model) -> Result<Self> {
        let settings = json("destinations", "config", &row.config)?;
        let config = Config::from_parts(parse("destinations", "type", &row.r#type)?, settings);
        Ok(Self {
            id: DestinationId::from_u128(row.id.as_u128()),
            env_id: EnvId::from_u128(row.env_id.as_u128()),
            name: row.name,
            slug: row.slug,
            config: config.map_err(|error| StoreError::corrupt("destinations", "config", error))?,
            auth: json("destinations", "auth", &row.auth)?,
            headers: json("destinations", "headers", &row.headers)?,
            timeout_ms: number("destinations", "timeout_ms", row.timeout_ms)?,
            retry: json("destinations", "retry", &row.retry)?,
            circuit_breaker: json("destinations", "circuit_breaker", &row.circuit_breaker)?,
            rate_limit: row.rate_limit.map(|text| json("destinations", "rate_limit", &text)).transpose()?,
            ordering: json("destinations", "ordering", &row.ordering)?,
            signing: json("destinations", "signing", &row.signing)?,
            status: parse("destinations", "status", &row.status)?,
            created_at: at(row.created_at),
            updated_at: at(row.updated_at),
        })
    }
}
