//! What lies between the two ends of a connection, what events remember of those that they did not match, and what went over
//! them lately.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(
            manager,
            &[
                // JSON, an expression, and JSON.
                "ALTER TABLE connections ADD COLUMN filter TEXT",
                "ALTER TABLE connections ADD COLUMN transform TEXT",
                "ALTER TABLE connections ADD COLUMN payload_schema TEXT",
                "ALTER TABLE connections ADD COLUMN schema_action TEXT NOT NULL DEFAULT 'reject'",
                "ALTER TABLE connections ADD COLUMN delay_seconds BIGINT NOT NULL DEFAULT 0",
                // Which connections did not match and why, as JSON. It stands with the body, since lists do not read it.
                "ALTER TABLE event_bodies ADD COLUMN unmatched TEXT",
                // What the connection's schema found wrong with the payload, as JSON.
                "ALTER TABLE deliveries ADD COLUMN schema_errors TEXT",
                // What went over sources, connections and destinations in each few minutes.
                "CREATE TABLE route_counts (
                    env_id UUID NOT NULL,
                    id UUID NOT NULL,
                    since BIGINT NOT NULL,
                    passed BIGINT NOT NULL,
                    unmatched BIGINT NOT NULL,
                    skipped BIGINT NOT NULL,
                    failed BIGINT NOT NULL,
                    PRIMARY KEY (env_id, id, since)
                ) /*sqlite STRICT, WITHOUT ROWID*/",
                "CREATE INDEX route_counts_since ON route_counts (since)",
            ],
        )
        .await
    }
}
