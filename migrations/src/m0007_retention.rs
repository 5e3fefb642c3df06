//! How long projects keep their events, and which node does the scheduled work that keeps it so.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(
            manager,
            &[
                "ALTER TABLE environments ADD COLUMN retention_days BIGINT NOT NULL DEFAULT 30",
                "CREATE INDEX environments_deleted ON environments (deleted_at) WHERE deleted_at IS NOT NULL",
                // The version at which rows of deleted projects were last removed for good: whoever knows an older one
                // cannot learn from what is left what was deleted, and reads everything anew.
                "ALTER TABLE config_version ADD COLUMN purged BIGINT NOT NULL DEFAULT 0",
                // Scheduled work. Its owner runs it again from `next_run_at` on; others may take it once `expires_at`
                // has passed. Times are the database's own.
                "CREATE TABLE jobs (
                    name TEXT NOT NULL PRIMARY KEY,
                    owner BIGINT,
                    expires_at BIGINT NOT NULL,
                    last_run_at BIGINT,
                    next_run_at BIGINT NOT NULL
                ) /*sqlite STRICT*/",
            ],
        )
        .await
    }
}
