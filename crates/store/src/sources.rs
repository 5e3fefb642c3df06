//! Sources of a project.

use domain::{
    id::{EnvId, SourceId},
    page::{Page, PageRequest},
    source::{Source, SourceSpec},
    time::Timestamp,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, Iterable,
    QueryFilter, QuerySelect, Select, SelectModel, Selector, sea_query::Expr,
};

use crate::{
    config::next_version,
    connection::Transaction,
    db::Store,
    entity::source::{ActiveModel, Column, Entity, Model},
    error::{Result, StoreError},
    row::{at, get, json, number, parse, to_json, uuid},
    scope::{Scope, page_query},
};

impl Store {
    /// Adds up what commits have counted, so that little is left to add when a source is read.
    pub async fn add_up_counts(&self) -> Result<()> {
        const ADD: &str = "UPDATE sources SET event_count = event_count + added.events, \
            last_event_at = CASE WHEN last_event_at > added.last THEN last_event_at ELSE added.last END \
            FROM (SELECT source_id, CAST(sum(events) AS BIGINT) AS events, max(last_event_at) AS last \
                  FROM {counts} GROUP BY source_id) AS added WHERE sources.id = added.source_id";
        let transaction = self.begin().await?;
        if self.is_shared() {
            // What others commit meanwhile must not be deleted without having been added.
            let sql = format!(
                "WITH counts AS (DELETE FROM source_counts RETURNING source_id, events, last_event_at) {}",
                ADD.replace("{counts}", "counts")
            );
            transaction.execute_unprepared(&sql).await?;
        } else {
            transaction.execute_unprepared(&ADD.replace("{counts}", "source_counts")).await?;
            transaction.execute_unprepared("DELETE FROM source_counts").await?;
        }
        // Not waited for: what is lost with the power is added again.
        Ok(transaction.commit().await?)
    }
}

impl Scope {
    fn find_sources(&self) -> Select<Entity> {
        Entity::find().filter(Column::EnvId.eq(self.env_uuid())).filter(Column::DeletedAt.is_null())
    }

    pub async fn sources(&self, page: PageRequest) -> Result<Page<Source>> {
        let query = page_query!(self.find_sources(), Column::Id, page);
        let rows = counted(query).all(self.store.reader()).await?;
        let sources = rows.into_iter().map(Source::try_from).collect::<Result<Vec<_>>>()?;
        Ok(Page::from_rows(sources, page.limit, |source| source.id.as_u128()))
    }

    /// Its secrets are sealed, and its `ingest_url` is empty: only the gateway knows the public address.
    pub async fn source(&self, id: SourceId) -> Result<Option<Source>> {
        let query = self.find_sources().filter(Column::Id.eq(uuid(id.as_u128())));
        let row = counted(query).one(self.store.reader()).await?;
        row.map(Source::try_from).transpose()
    }

    pub async fn insert_source(&self, id: SourceId, spec: &SourceSpec, now: Timestamp) -> Result<()> {
        let transaction = self.store.begin().await?;
        let version = next_version(&self.store, &transaction).await?;
        self.insert_source_in(&transaction, id, spec, version, now).await?;
        self.commit(transaction).await?;
        self.store.config_changed();
        Ok(())
    }

    pub(crate) async fn insert_source_in(
        &self,
        transaction: &Transaction,
        id: SourceId,
        spec: &SourceSpec,
        version: i64,
        now: Timestamp,
    ) -> Result<()> {
        let row = ActiveModel {
            id: Set(uuid(id.as_u128())),
            env_id: Set(self.env_uuid()),
            event_count: Set(0),
            last_event_at: Set(None),
            created_at: Set(now.as_micros()),
            deleted_at: Set(None),
            ..Default::default()
        };
        fill(row, spec, version, now)?.insert(transaction).await?;
        Ok(())
    }

    /// Returns whether there was such a source.
    pub async fn update_source(&self, id: SourceId, spec: &SourceSpec, now: Timestamp) -> Result<bool> {
        let transaction = self.store.begin().await?;
        let version = next_version(&self.store, &transaction).await?;
        if !self.update_source_in(&transaction, id, spec, version, now).await? {
            return Ok(false);
        }
        self.commit(transaction).await?;
        self.store.config_changed();
        Ok(true)
    }

    pub(crate) async fn update_source_in(
        &self,
        transaction: &Transaction,
        id: SourceId,
        spec: &SourceSpec,
        version: i64,
        now: Timestamp,
    ) -> Result<bool> {
        let query = self.find_sources().filter(Column::Id.eq(uuid(id.as_u128())));
        let Some(row) = query.one(transaction).await? else { return Ok(false) };
        self.check_state(at(row.updated_at))?;
        fill(row.into_active_model(), spec, version, now)?.update(transaction).await?;
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
        if self.has_states() {
            // Nobody changes it meanwhile: the version is taken.
            let sql = format!("SELECT updated_at FROM {table} WHERE env_id = $1 AND id = $2 AND deleted_at IS NULL");
            let values = [self.env_uuid().into(), uuid(id).into()];
            let row = transaction.query_one_raw(self.store.statement(sql, values)).await?;
            let Some(row) = row else { return Ok(false) };
            self.check_state(at(get(&row, "updated_at")?))?;
        }
        let set = "SET deleted_at = $1, updated_at = $1, version = $2 WHERE env_id = $3 AND deleted_at IS NULL";
        let values = || [now.as_micros().into(), version.into(), self.env_uuid().into(), uuid(id).into()];
        let sql = format!("UPDATE {table} {set} AND id = $4");
        let deleted = transaction.execute_raw(self.store.statement(sql, values())).await?.rows_affected() > 0;
        if deleted {
            let sql = format!("UPDATE connections {set} AND {end} = $4");
            transaction.execute_raw(self.store.statement(sql, values())).await?;
            self.commit(transaction).await?;
            self.store.config_changed();
        }
        Ok(deleted)
    }
}

/// The same rows, with what is not yet added up.
fn counted(query: Select<Entity>) -> Selector<SelectModel<Model>> {
    const EVENTS: &str = "event_count + (SELECT CAST(coalesce(sum(c.events), 0) AS BIGINT) FROM source_counts c \
        WHERE c.source_id = sources.id)";
    // The newest of both; a source without events has none.
    const LAST: &str = "(SELECT max(last) FROM (SELECT sources.last_event_at AS last UNION ALL \
        SELECT max(c.last_event_at) FROM source_counts c WHERE c.source_id = sources.id) AS both_lasts)";
    let plain = Column::iter().filter(|column| !matches!(column, Column::EventCount | Column::LastEventAt));
    query
        .select_only()
        .columns(plain)
        .column_as(Expr::cust(EVENTS), Column::EventCount)
        .column_as(Expr::cust(LAST), Column::LastEventAt)
        .into_model()
}

fn fill(mut row: ActiveModel, spec: &SourceSpec, version: i64, now: Timestamp) -> Result<ActiveModel> {
    row.name = Set(spec.name.clone());
    row.slug = Set(spec.slug.clone());
    row.description = Set(spec.description.clone());
    row.template = Set(spec.template.map(|template| template.as_str().to_owned()));
    row.verification = Set(to_json(&spec.verification)?);
    row.checks = Set(to_json(&spec.checks)?);
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
            checks: json("sources", "checks", &row.checks)?,
            status: parse("sources", "status", &row.status)?,
            ingest_url: String::new(),
            event_count: number("sources", "event_count", row.event_count)?,
            last_event_at: row.last_event_at.map(at),
            created_at: at(row.created_at),
            updated_at: at(row.updated_at),
        })
    }
}
