//! What sources check beside the signature: duplicates, schemas, refused requests, and the types of events they have seen.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(
            manager,
            &[
                "ALTER TABLE sources ADD COLUMN checks TEXT NOT NULL DEFAULT '{}'",
                // The event that a duplicate repeats, and what a schema found wrong with a body that was taken all the same.
                "ALTER TABLE events ADD COLUMN duplicate_of UUID",
                "ALTER TABLE events ADD COLUMN schema_errors TEXT",
                // What requests to a source are known by for a while. An expired one counts for nothing.
                "CREATE TABLE once_keys (
                    env_id UUID NOT NULL,
                    source_id UUID NOT NULL,
                    key BYTEA NOT NULL,
                    event_id UUID NOT NULL,
                    claimed_at BIGINT NOT NULL,
                    expires_at BIGINT NOT NULL,
                    PRIMARY KEY (env_id, source_id, key)
                ) /*sqlite STRICT, WITHOUT ROWID*/",
                "CREATE INDEX once_keys_expired ON once_keys (expires_at)",
                "CREATE TABLE rejected_requests (
                    env_id UUID NOT NULL,
                    source_id UUID NOT NULL,
                    id UUID NOT NULL,
                    reason TEXT NOT NULL,
                    status BIGINT NOT NULL,
                    detail TEXT NOT NULL,
                    method TEXT NOT NULL,
                    path TEXT NOT NULL,
                    query TEXT,
                    source_ip TEXT,
                    received_at BIGINT NOT NULL,
                    headers TEXT NOT NULL,
                    content_length BIGINT,
                    body BYTEA,
                    PRIMARY KEY (env_id, source_id, id)
                ) /*sqlite STRICT*/",
                "CREATE INDEX rejected_requests_old ON rejected_requests (received_at)",
                "CREATE TABLE event_types (
                    env_id UUID NOT NULL,
                    source_id UUID NOT NULL,
                    event_type TEXT NOT NULL,
                    count BIGINT NOT NULL,
                    first_seen_at BIGINT NOT NULL,
                    last_seen_at BIGINT NOT NULL,
                    shape TEXT NOT NULL,
                    PRIMARY KEY (env_id, source_id, event_type)
                ) /*sqlite STRICT, WITHOUT ROWID*/",
            ],
        )
        .await
    }
}
