//! Sources of a project.

use domain::{
    id::{EnvId, SourceId},
    page::{Page, PageRequest},
    source::{Source, SourceSpec},
    time::Timestamp,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, Select,
};

use crate::{
    config::next_version,
    entity::source::{ActiveModel, Column, Entity, Model},
    error::{Result, StoreError},
    row::{at, json, number, parse, to_json, uuid},
    scope::{Scope, page_query},
};

impl Scope {
    fn find_sources(&self) -> Select<Entity> {
        Entity::find().filter(Column::EnvId.eq(self.env_uuid())).filter(Column::DeletedAt.is_null())
    }

    pub async fn sources(&self, page: PageRequest) -> Result<Page<Source>> {
        let rows = page_query!(self.find_sources(), Column::Id, page).all(self.store.reader()).await?;
        let sources = rows.into_iter().map(Source::try_from).collect::<Result<Vec<_>>>()?;
        Ok(Page::from_rows(sources, page.limit, |source| source.id.as_u128()))
    }

    /// Its secrets are sealed, and its `ingest_url` is empty: only the gateway knows the public address.
    pub async fn source(&self, id: SourceId) -> Result<Option<Source>> {
        let row = self.find_sources().filter(Column::Id.eq(uuid(id.as_u128()))).one(self.store.reader()).await?;
        row.map(Source::try_from).transpose()
    }

    pub async fn insert_source(&self, id: SourceId, spec: &SourceSpec, now: Timestamp) -> Result<()> {
        let transaction = self.store.begin().await?;
        let row = ActiveModel {
            id: Set(uuid(id.as_u128())),
            env_id: Set(self.env_uuid()),
            event_count: Set(0),
            last_event_at: Set(None),
            created_at: Set(now.as_micros()),
            deleted_at: Set(None),
            ..Default::default()
        };
        let version = next_version(&self.store, &transaction).await?;
        fill(row, spec, version, now)?.insert(&transaction).await?;
        transaction.commit().await?;
        self.store.config_changed();
        Ok(())
    }

    /// Returns whether there was such a source.
    pub async fn update_source(&self, id: SourceId, spec: &SourceSpec, now: Timestamp) -> Result<bool> {
        let transaction = self.store.begin().await?;
        let version = next_version(&self.store, &transaction).await?;
        let Some(row) = self.find_sources().filter(Column::Id.eq(uuid(id.as_u128()))).one(&transaction).await? else {
            return Ok(false);
        };
        fill(row.into_active_model(), spec, version, now)?.update(&transaction).await?;
        transaction.commit().await?;
        self.store.config_changed();
        Ok(true)
    }

    /// Marks it and its connections as deleted; its events stay. Returns whether there was such a source.
    pub async fn delete_source(&self, id: SourceId, now: Timestamp) -> Result<bool> {
        self.delete_end("sources", "source_id", id.as_u128(), now).await
    }

    /// Deletes one end of connections together with them.
    pub(crate) async fn delete_end(
        &self,
        table: &'static str,
        end: &'static str,
        id: u128,
        now: Timestamp,
    ) -> Result<bool> {
        let transaction = self.store.begin().await?;
        let version = next_version(&self.store, &transaction).await?;
        let set = "SET deleted_at = $1, updated_at = $1, version = $2 WHERE env_id = $3 AND deleted_at IS NULL";
        let values = || [now.as_micros().into(), version.into(), self.env_uuid().into(), uuid(id).into()];
        let sql = format!("UPDATE {table} {set} AND id = $4");
        let deleted = transaction.execute_raw(self.store.statement(sql, values())).await?.rows_affected() > 0;
        if deleted {
            let sql = format!("UPDATE connections {set} AND {end} = $4");
            transaction.execute_raw(self.store.statement(sql, values())).await?;
            transaction.commit().await?;
            self.store.config_changed();
        }
        Ok(deleted)
    }
}

fn fill(mut row: ActiveModel, spec: &SourceSpec, version: i64, now: Timestamp) -> Result<ActiveModel> {
    row.name = Set(spec.name.clone());
    row.slug = Set(spec.slug.clone());
    row.description = Set(spec.description.clone());
    row.template = Set(spec.template.map(|template| template.as_str().to_owned()));
    row.verification = Set(to_json(&spec.verification)?);
    row.status = Set(spec.status.as_str().to_owned());
    row.version = Set(version);
    row.updated_at = Set(now.as_micros());
    Ok(row)
}

impl TryFrom<Model> for Source {
    type Error = StoreError;
    fn try_from(row: Model) -> Result<Self> {
        Ok(Self {
            id: SourceId::from_u128(row.id.as_u128()),
            env_id: EnvId::from_u128(row.env_id.as_u128()),
            name: row.name,
            slug: row.slug,
            description: row.description,
            template: row.template.map(|text| parse("sources", "template", &text)).transpose()?,
            verification: json("sources", "verification", &row.verification)?,
            status: parse("sources", "status", &row.status)?,
            ingest_url: String::new(),
            event_count: number("sources", "event_count", row.event_count)?,
            last_event_at: row.last_event_at.map(at),
            created_at: at(row.created_at),
            updated_at: at(row.updated_at),
        })
    }
}
