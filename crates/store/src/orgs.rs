//! Organizations: their making, their names and their end.

use domain::{
    audit::AuditEntry,
    id::{EnvId, OrgId, UserId},
    permission::Role,
    project::EnvironmentSpec,
    team::Organization,
    time::Timestamp,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, prelude::Uuid,
};

use crate::{
    config::next_version,
    connection::Transaction,
    db::Store,
    entity::{membership, org},
    environments,
    error::{Result, StoreError},
    row::{at, get, uuid},
};

/// Deleted organizations that are told of at once.
const DELETED_LIMIT: u32 = 100;

impl Store {
    pub async fn organization(&self, id: OrgId) -> Result<Option<Organization>> {
        let query = org::Entity::find_by_id(uuid(id.as_u128())).filter(org::Column::DeletedAt.is_null());
        let row = query.one(self.reader()).await?;
        Ok(row.map(|row| Organization {
            id: OrgId::from_u128(row.id.as_u128()),
            name: row.name,
            created_at: at(row.created_at),
        }))
    }

    /// Makes an organization with its owner and its first project.
    pub async fn insert_organization(
        &self,
        organization: &Organization,
        owner: UserId,
        (env, project): (EnvId, &EnvironmentSpec),
        entry: &AuditEntry,
    ) -> Result<()> {
        let transaction = self.begin().await?;
        self.insert_organization_in(&transaction, organization, owner, (env, project)).await?;
        self.write_audit_in(&transaction, entry).await?;
        self.commit(transaction).await
    }

    pub(crate) async fn insert_organization_in(
        &self,
        transaction: &Transaction,
        organization: &Organization,
        owner: UserId,
        (env, project): (EnvId, &EnvironmentSpec),
    ) -> Result<()> {
        let (id, now) = (organization.id, organization.created_at);
        org::ActiveModel {
            id: Set(uuid(id.as_u128())),
            name: Set(organization.name.clone()),
            created_at: Set(now.as_micros()),
            deleted_at: Set(None),
        }
        .insert(transaction)
        .await?;
        membership::ActiveModel {
            org_id: Set(uuid(id.as_u128())),
            user_id: Set(uuid(owner.as_u128())),
            role: Set(Role::Owner.as_str().to_owned()),
            created_at: Set(now.as_micros()),
        }
        .insert(transaction)
        .await?;
        environments::new_row(env, id, project, now).insert(transaction).await?;
        Ok(())
    }

    /// Returns whether there was such an organization.
    pub async fn rename_organization(&self, id: OrgId, name: &str, entry: &AuditEntry) -> Result<bool> {
        let transaction = self.begin().await?;
        let sql = "UPDATE orgs SET name = $1 WHERE id = $2 AND deleted_at IS NULL";
        let values = [name.into(), uuid(id.as_u128()).into()];
        if transaction.execute_raw(self.statement(sql, values)).await?.rows_affected() == 0 {
            return Ok(false);
        }
        self.write_audit_in(&transaction, entry).await?;
        self.commit(transaction).await?;
        Ok(true)
    }

    /// Closes an organization: its projects end at once, and nobody belongs to it any more. What it has left is removed by
    /// [`Self::remove_organization`]. Returns whether there was such an organization.
    pub async fn delete_organization(&self, id: OrgId, now: Timestamp, entry: &AuditEntry) -> Result<bool> {
        let transaction = self.begin().await?;
        // First of all, as everybody does who changes members.
        if !self.lock_organization(&transaction, id).await? {
            return Ok(false);
        }
        let org = uuid(id.as_u128());
        let version = next_version(self, &transaction).await?;
        let sql = "SELECT id FROM environments WHERE org_id = $1 AND deleted_at IS NULL";
        for row in transaction.query_all_raw(self.statement(sql, [org.into()])).await? {
            self.delete_environment_in(&transaction, get::<Uuid>(&row, "id")?, version, now).await?;
        }
        for sql in [
            "UPDATE orgs SET deleted_at = $1 WHERE id = $2",
            "UPDATE invitations SET revoked_at = $1 WHERE org_id = $2 AND accepted_at IS NULL AND revoked_at IS NULL",
        ] {
            transaction.execute_raw(self.statement(sql, [now.as_micros().into(), org.into()])).await?;
        }
        let sql = "DELETE FROM memberships WHERE org_id = $1";
        transaction.execute_raw(self.statement(sql, [org.into()])).await?;
        self.write_audit_in(&transaction, entry).await?;
        self.commit(transaction).await?;
        self.config_changed();
        Ok(true)
    }

    /// Deleted organizations whose projects are gone, 100 at most.
    pub async fn deleted_organizations(&self) -> Result<Vec<OrgId>> {
        let sql = format!(
            "SELECT o.id FROM orgs o WHERE o.deleted_at IS NOT NULL AND NOT EXISTS \
             (SELECT 1 FROM environments e WHERE e.org_id = o.id) ORDER BY o.deleted_at LIMIT {DELETED_LIMIT}"
        );
        let rows = self.reader().query_all_raw(self.statement(sql, [])).await?;
        rows.iter().map(|row| Ok(OrgId::from_u128(get::<Uuid>(row, "id")?.as_u128()))).collect()
    }

    /// Removes some of what a deleted organization without projects has left, and at last itself. Returns whether it is gone.
    pub async fn remove_organization(&self, id: OrgId) -> Result<bool> {
        if self.remove_audit_of(id).await? > 0 {
            return Ok(false);
        }
        // Invitations go with it.
        let sql = "DELETE FROM orgs WHERE id = $1 AND deleted_at IS NOT NULL";
        self.writer().execute_raw(self.statement(sql, [uuid(id.as_u128()).into()])).await?;
        Ok(true)
    }

    /// Lets nobody else change who belongs to an organization, nor end it, until the transaction ends. Returns whether there is
    /// such an organization.
    pub(crate) async fn lock_organization(&self, transaction: &Transaction, id: OrgId) -> Result<bool> {
        // On SQLite a transaction that may write is alone from its beginning.
        let lock = if self.is_shared() { " FOR UPDATE" } else { "" };
        let sql = format!("SELECT id FROM orgs WHERE id = $1 AND deleted_at IS NULL{lock}");
        let row = transaction.query_one_raw(self.statement(sql, [uuid(id.as_u128()).into()])).await?;
        Ok(row.is_some())
    }

    /// Counts rows within a transaction.
    pub(crate) async fn count_in(
        &self,
        transaction: &Transaction,
        sql: &str,
        values: impl IntoIterator<Item = sea_orm::Value>,
    ) -> Result<i64> {
        let row = transaction.query_one_raw(self.statement(sql, values)).await?;
        let row = row.ok_or_else(|| StoreError::Database("a count has no row".into()))?;
        get(&row, "found")
    }
}
