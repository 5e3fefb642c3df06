//! Requests to the API that are sent again are carried out once.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(
            manager,
            &[
                // `request` is the hash of what makes a request the same, `owner` who carries it out and may do so until
                // `claimed_until`. `status` is set once it is answered; then `body` is absent where the answer is not to be kept.
                "CREATE TABLE idempotency_keys (
                    env_id UUID NOT NULL,
                    key TEXT NOT NULL,
                    request BYTEA NOT NULL,
                    owner BIGINT NOT NULL,
                    claimed_until BIGINT NOT NULL,
                    expires_at BIGINT NOT NULL,
                    status BIGINT,
                    content_type TEXT,
                    body BYTEA,
                    PRIMARY KEY (env_id, key)
                ) /*sqlite STRICT*/",
                "CREATE INDEX idempotency_keys_old ON idempotency_keys (expires_at)",
            ],
        )
        .await
    }
}
