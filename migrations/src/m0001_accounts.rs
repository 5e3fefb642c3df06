//! Organizations, people, their sessions, projects and API keys.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(
            manager,
            &[
                "CREATE TABLE orgs (
                    id UUID NOT NULL PRIMARY KEY,
                    name TEXT NOT NULL,
                    created_at BIGINT NOT NULL
                ) /*sqlite STRICT*/",
                // E-mail addresses are kept in lower case.
                "CREATE TABLE users (
                    id UUID NOT NULL PRIMARY KEY,
                    email TEXT NOT NULL UNIQUE,
                    name TEXT NOT NULL,
                    password_hash TEXT NOT NULL,
                    created_at BIGINT NOT NULL,
                    updated_at BIGINT NOT NULL
                ) /*sqlite STRICT*/",
                "CREATE TABLE memberships (
                    org_id UUID NOT NULL REFERENCES orgs (id) ON DELETE CASCADE,
                    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                    role TEXT NOT NULL,
                    created_at BIGINT NOT NULL,
                    PRIMARY KEY (org_id, user_id)
                ) /*sqlite STRICT*/",
                "CREATE INDEX memberships_user ON memberships (user_id)",
                // The cookie holds the id; only its SHA-256 is kept. Times in this table are whole seconds.
                "CREATE TABLE sessions (
                    id_hash BYTEA NOT NULL PRIMARY KEY,
                    data TEXT NOT NULL,
                    expires_at BIGINT NOT NULL
                ) /*sqlite STRICT*/",
                "CREATE INDEX sessions_expiry ON sessions (expires_at)",
                "CREATE TABLE environments (
                    id UUID NOT NULL PRIMARY KEY,
                    org_id UUID NOT NULL REFERENCES orgs (id) ON DELETE CASCADE,
                    name TEXT NOT NULL,
                    slug TEXT NOT NULL,
                    mode TEXT NOT NULL,
                    created_at BIGINT NOT NULL,
                    updated_at BIGINT NOT NULL,
                    deleted_at BIGINT
                ) /*sqlite STRICT*/",
                "CREATE UNIQUE INDEX environments_slug ON environments (org_id, slug) WHERE deleted_at IS NULL",
                "CREATE TABLE api_keys (
                    id UUID NOT NULL PRIMARY KEY,
                    env_id UUID NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
                    name TEXT NOT NULL,
                    key_hash BYTEA NOT NULL UNIQUE,
                    key_prefix TEXT NOT NULL,
                    scopes TEXT NOT NULL,
                    created_at BIGINT NOT NULL,
                    last_used_at BIGINT,
                    expires_at BIGINT,
                    revoked_at BIGINT
                ) /*sqlite STRICT*/",
                "CREATE INDEX api_keys_list ON api_keys (env_id, id)",
            ],
        )
        .await
    }
}
