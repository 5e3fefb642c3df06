//! What keeps accounts safe: sessions by person, tries that are counted, second factors, and links that are sent by mail.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(
            manager,
            &[
                // Those there are do not say whose they are in a way that both databases can read: everybody signs in again.
                "DELETE FROM sessions",
                "ALTER TABLE sessions ADD COLUMN user_id UUID REFERENCES users (id) ON DELETE CASCADE",
                "CREATE INDEX sessions_user ON sessions (user_id)",
                "ALTER TABLE users ADD COLUMN email_verified_at BIGINT",
                // Tries of what can be guessed. The key is the SHA-256 of what is tried, for whom and from where.
                "CREATE TABLE counted_tries (
                    key_hash BYTEA NOT NULL PRIMARY KEY,
                    tries BIGINT NOT NULL,
                    last_at BIGINT NOT NULL
                ) /*sqlite STRICT, WITHOUT ROWID*/",
                "CREATE INDEX counted_tries_old ON counted_tries (last_at)",
                // The networks that somebody has signed in from: 203.0.113.0/24.
                "CREATE TABLE familiar_networks (
                    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                    network TEXT NOT NULL,
                    last_at BIGINT NOT NULL,
                    PRIMARY KEY (user_id, network)
                ) /*sqlite STRICT, WITHOUT ROWID*/",
                "CREATE INDEX familiar_networks_old ON familiar_networks (last_at)",
                // Links that are sent by mail; of each only the SHA-256 of its token. A sign-up has no person yet.
                "CREATE TABLE account_tokens (
                    token_hash BYTEA NOT NULL PRIMARY KEY,
                    purpose TEXT NOT NULL,
                    user_id UUID REFERENCES users (id) ON DELETE CASCADE,
                    data TEXT NOT NULL,
                    expires_at BIGINT NOT NULL
                ) /*sqlite STRICT*/",
                "CREATE INDEX account_tokens_user ON account_tokens (user_id)",
                "CREATE INDEX account_tokens_expiry ON account_tokens (expires_at)",
                // The secret is sealed. `last_step` is the time step of the last code that was taken.
                "CREATE TABLE second_factors (
                    user_id UUID NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
                    secret TEXT NOT NULL,
                    enabled_at BIGINT,
                    last_step BIGINT NOT NULL
                ) /*sqlite STRICT*/",
                "CREATE TABLE recovery_codes (
                    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                    code_hash BYTEA NOT NULL,
                    PRIMARY KEY (user_id, code_hash)
                ) /*sqlite STRICT, WITHOUT ROWID*/",
            ],
        )
        .await
    }
}
