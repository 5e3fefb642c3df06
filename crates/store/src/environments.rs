//! Projects.

use domain::{
    audit::AuditEntry,
    id::{EnvId, OrgId},
    project::{Environment, EnvironmentSpec, Overview},
    time::Timestamp,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, prelude::Uuid,
};

use crate::{
    config::next_version,
    connection::Transaction,
    db::Store,
    entity::environment::{ActiveModel, Column, Entity, Model},
    error::{Result, StoreError},
    row::{at, get, number, parse, uuid},
    scope::Scope,
};

/// Queues are counted up to here: beyond it a person only needs to know that it is many.
const COUNT_LIMIT: i64 = 1000;

impl Store {
    pub async fn environment(&self, id: EnvId) -> Result<Option<Environment>> {
        let query = Entity::find_by_id(uuid(id.as_u128())).filter(Column::DeletedAt.is_null());
        query.one(self.reader()).await?.map(Environment::try_from).transpose()
    }

    /// Of several organizations, oldest first.
    pub async fn environments(&self, orgs: &[OrgId]) -> Result<Vec<Environment>> {
        let orgs = orgs.iter().map(|id| uuid(id.as_u128()));
        let query = Entity::find().filter(Column::OrgId.is_in(orgs)).filter(Column::DeletedAt.is_null());
        let rows = query.order_by_asc(Column::Id).all(self.reader()).await?;
        rows.into_iter().map(Environment::try_from).collect()
    }

    /// Returns whether there is such an organization.
    pub async fn insert_environment(
        &self,
        id: EnvId,
        org: OrgId,
        spec: &EnvironmentSpec,
        now: Timestamp,
        entry: &AuditEntry,
    ) -> Result<bool> {
        let transaction = self.begin().await?;
        if !self.lock_organization(&transaction, org).await? {
            return Ok(false);
        }
        new_row(id, org, spec, now).insert(&transaction).await?;
        self.write_audit_in(&transaction, entry).await?;
        self.commit(transaction).await?;
        Ok(true)
    }

    /// Returns whether there was such a project.
    pub async fn update_environment(
        &self,
        scope: &Scope,
        spec: &EnvironmentSpec,
        now: Timestamp,
        entry: Option<&AuditEntry>,
    ) -> Result<bool> {
        let transaction = self.begin().await?;
        let query = Entity::find_by_id(scope.env_uuid()).filter(Column::DeletedAt.is_null());
        let Some(row) = query.lock_exclusive().one(&transaction).await? else { return Ok(false) };
        scope.check_state(at(row.updated_at))?;
        let mut row = row.into_active_model();
        row.name = Set(spec.name.clone());
        row.slug = Set(spec.slug.clone());
        row.mode = Set(spec.mode.as_str().to_owned());
        row.retention_days = Set(spec.retention_days.days());
        row.updated_at = Set(now.as_micros());
        row.update(&transaction).await?;
        if let Some(entry) = entry {
            self.write_audit_in(&transaction, entry).await?;
        }
        self.commit(transaction).await?;
        Ok(true)
    }

    /// Closes a project: it, its configuration and its keys are gone at once for everybody. Returns false when it is the
    /// last of its organization, which stays.
    pub async fn delete_environment(
        &self,
        org: OrgId,
        scope: &Scope,
        now: Timestamp,
        entry: &AuditEntry,
    ) -> Result<bool> {
        let transaction = self.begin().await?;
        // So that of two that are deleted at one time the second one sees the first.
        self.lock_organization(&transaction, org).await?;
        let sql = "SELECT count(*) AS found FROM environments WHERE org_id = $1 AND deleted_at IS NULL AND id <> $2";
        let values = [uuid(org.as_u128()).into(), scope.env_uuid().into()];
        if self.count_in(&transaction, sql, values).await? == 0 {
            return Ok(false);
        }
        let version = next_version(self, &transaction).await?;
        if scope.has_states() {
            let row = Entity::find_by_id(scope.env_uuid()).lock_exclusive().one(&transaction).await?;
            row.map_or(Ok(()), |row| scope.check_state(at(row.updated_at)))?;
        }
        self.delete_environment_in(&transaction, scope.env_uuid(), version, now).await?;
        self.write_audit_in(&transaction, entry).await?;
        self.commit(transaction).await?;
        self.config_changed();
        Ok(true)
    }

    pub(crate) async fn delete_environment_in(
        &self,
        transaction: &Transaction,
        env: Uuid,
        version: i64,
        now: Timestamp,
    ) -> Result<()> {
        for table in ["sources", "destinations", "connections"] {
            let sql =
                format!("UPDATE {table} SET deleted_at = $1, version = $2 WHERE env_id = $3 AND deleted_at IS NULL");
            let values = [now.as_micros().into(), version.into(), env.into()];
            transaction.execute_raw(self.statement(sql, values)).await?;
        }
        for sql in [
            "UPDATE api_keys SET revoked_at = $1 WHERE env_id = $2 AND (revoked_at IS NULL OR revoked_at > $1)",
            "UPDATE environments SET deleted_at = $1 WHERE id = $2",
        ] {
            transaction.execute_raw(self.statement(sql, [now.as_micros().into(), env.into()])).await?;
        }
        Ok(())
    }
}

impl Scope {
    /// The project at a glance, without its recent events.
    pub async fn overview(&self) -> Result<Overview> {
        let sql = format!(
            "SELECT (SELECT count(*) FROM sources WHERE env_id = $1 AND deleted_at IS NULL) AS sources, \
             (SELECT count(*) FROM destinations WHERE env_id = $1 AND deleted_at IS NULL) AS destinations, \
             (SELECT count(*) FROM connections WHERE env_id = $1 AND deleted_at IS NULL) AS connections, \
             (SELECT CAST(COALESCE(sum(event_count), 0) AS bigint) FROM sources WHERE env_id = $1 AND deleted_at IS NULL) AS events, \
             (SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE env_id = $1 AND status = 'failed' LIMIT {COUNT_LIMIT}) AS f) AS failed, \
             (SELECT count(*) FROM (SELECT 1 FROM deliveries q WHERE q.due_at IS NOT NULL AND q.destination_id IN \
               (SELECT id FROM destinations WHERE env_id = $1) LIMIT {COUNT_LIMIT}) AS w) AS queued"
        );
        let row = self.store.reader().query_one_raw(self.store.statement(sql, [self.env_uuid().into()])).await?;
        let Some(row) = row else { return Ok(Overview::default()) };
        let count = |column| get::<i64>(&row, column).map(i64::unsigned_abs);
        Ok(Overview {
            source_count: count("sources")?,
            destination_count: count("destinations")?,
            connection_count: count("connections")?,
            event_count: count("events")?,
            failed_count: count("failed")?,
            queued_count: count("queued")?,
            recent: Vec::new(),
        })
    }
}

pub(crate) fn new_row(id: EnvId, org: OrgId, spec: &EnvironmentSpec, now: Timestamp) -> ActiveModel {
    ActiveModel {
        id: Set(uuid(id.as_u128())),
        org_id: Set(uuid(org.as_u128())),
        name: Set(spec.name.clone()),
        slug: Set(spec.slug.clone()),
        mode: Set(spec.mode.as_str().to_owned()),
        retention_days: Set(spec.retention_days.days()),
        created_at: Set(now.as_micros()),
        updated_at: Set(now.as_micros()),
        deleted_at: Set(None),
    }
}

impl TryFrom<Model> for Environment {
    type Error = StoreError;
    fn try_from(row: Model) -> Result<Self> {
        Ok(Self {
            id: EnvId::from_u128(row.id.as_u128()),
            org_id: OrgId::from_u128(row.org_id.as_u128()),
            name: row.name,
            slug: row.slug,
            mode: parse("environments", "mode", &row.mode)?,
            retention_days: number("environments", "retention_days", row.retention_days)?,
            created_at: at(row.created_at),
            updated_at: at(row.updated_at),
        })
    }
}
