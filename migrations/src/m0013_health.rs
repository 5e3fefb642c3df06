//! The health of destinations, counted by the hour, and which secret keys a node has.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(
            manager,
            &[
                // Attempts of a span of time by how long they took: `span` is its length in seconds, `begins_at` its beginning in
                // seconds since the epoch, `bucket` a class of latencies, or -1 for attempts that got no answer to wait for.
                "CREATE TABLE destination_health (
                    env_id UUID NOT NULL,
                    destination_id UUID NOT NULL,
                    span BIGINT NOT NULL,
                    begins_at BIGINT NOT NULL,
                    bucket BIGINT NOT NULL,
                    succeeded BIGINT NOT NULL,
                    failed BIGINT NOT NULL,
                    PRIMARY KEY (env_id, destination_id, span, begins_at, bucket)
                ) /*sqlite STRICT, WITHOUT ROWID*/ /*pg WITH (fillfactor = 70)*/",
                "CREATE INDEX destination_health_old ON destination_health (span, begins_at)",
                // What came of the newest attempts: times of a success and of a failure, 0 for never, and what failed.
                "CREATE TABLE destination_last (
                    env_id UUID NOT NULL,
                    destination_id UUID NOT NULL,
                    succeeded_at BIGINT NOT NULL,
                    failed_at BIGINT NOT NULL,
                    error TEXT NOT NULL,
                    error_class TEXT NOT NULL,
                    PRIMARY KEY (env_id, destination_id)
                ) /*sqlite STRICT, WITHOUT ROWID*/ /*pg WITH (fillfactor = 70)*/",
                // With spaces between them; empty when a node has not said so.
                "ALTER TABLE nodes ADD COLUMN secret_keys TEXT NOT NULL DEFAULT ''",
            ],
        )
        .await
    }
}
