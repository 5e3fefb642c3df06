//! Many changes of a project's configuration as one.

use domain::{
    connection::ConnectionSpec,
    destination::DestinationSpec,
    id::{ConnectionId, DestinationId, SourceId},
    source::SourceSpec,
    time::Timestamp,
};
use sea_orm::ConnectionTrait;

use crate::{config::next_version, connection::Transaction, error::Result, row::uuid, scope::Scope};

/// One change. Secrets are sealed.
#[derive(Debug, Clone)]
pub enum ConfigChange {
    InsertSource(SourceId, SourceSpec),
    UpdateSource(SourceId, SourceSpec),
    DeleteSource(SourceId),
    InsertDestination(DestinationId, DestinationSpec),
    UpdateDestination(DestinationId, DestinationSpec),
    DeleteDestination(DestinationId),
    InsertConnection(ConnectionId, ConnectionSpec),
    UpdateConnection(ConnectionId, ConnectionSpec),
    DeleteConnection(ConnectionId),
}

impl Scope {
    /// The version that [`Self::apply_changes`] is to be told, read before everything else.
    pub async fn config_version(&self) -> Result<i64> {
        self.store.config_version().await
    }

    /// Makes all changes or none; none when the configuration is no longer at `version`. Returns whether they were made.
    pub async fn apply_changes(&self, changes: &[ConfigChange], version: i64, now: Timestamp) -> Result<bool> {
        let transaction = self.store.begin().await?;
        let next = next_version(&self.store, &transaction).await?;
        if next != version + 1 {
            return Ok(false);
        }
        for change in changes {
            let is_there = match change {
                ConfigChange::InsertSource(id, spec) => {
                    self.insert_source_in(&transaction, *id, spec, next, now).await?;
                    true
                }
                ConfigChange::UpdateSource(id, spec) => {
                    self.update_source_in(&transaction, *id, spec, next, now).await?
                }
                ConfigChange::InsertDestination(id, spec) => {
                    self.insert_destination_in(&transaction, *id, spec, next, now).await?;
                    true
                }
                ConfigChange::UpdateDestination(id, spec) => {
                    self.update_destination_in(&transaction, *id, spec, next, now).await?
                }
                ConfigChange::InsertConnection(id, spec) => {
                    self.insert_connection_in(&transaction, *id, spec, next, now).await?;
                    true
                }
                ConfigChange::UpdateConnection(id, spec) => {
                    self.update_connection_in(&transaction, *id, spec, next, now).await?
                }
                ConfigChange::DeleteSource(id) => {
                    self.mark_deleted(&transaction, "sources", id.as_u128(), next, now).await?
                }
                ConfigChange::DeleteDestination(id) => {
                    self.mark_deleted(&transaction, "destinations", id.as_u128(), next, now).await?
                }
                ConfigChange::DeleteConnection(id) => {
                    self.mark_deleted(&transaction, "connections", id.as_u128(), next, now).await?
                }
            };
            if !is_there {
                return Ok(false);
            }
        }
        self.commit(transaction).await?;
        self.store.config_changed();
        Ok(true)
    }

    /// Connections of what is deleted are among the changes themselves.
    async fn mark_deleted(
        &self,
        transaction: &Transaction,
        table: &'static str,
        id: u128,
        version: i64,
        now: Timestamp,
    ) -> Result<bool> {
        let sql = format!(
            "UPDATE {table} SET deleted_at = $1, updated_at = $1, version = $2 \
             WHERE env_id = $3 AND id = $4 AND deleted_at IS NULL"
        );
        let values = [now.as_micros().into(), version.into(), self.env_uuid().into(), uuid(id).into()];
        Ok(transaction.execute_raw(self.store.statement(sql, values)).await?.rows_affected() > 0)
    }
}
