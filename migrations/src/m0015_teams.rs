//! Invitations, the end of organizations, and the audit log.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(
            manager,
            &[
                "ALTER TABLE orgs ADD COLUMN deleted_at BIGINT",
                // How many invitations were sent since when, of the hour that is counted.
                "ALTER TABLE orgs ADD COLUMN invites_from BIGINT NOT NULL DEFAULT 0",
                "ALTER TABLE orgs ADD COLUMN invites_sent BIGINT NOT NULL DEFAULT 0",
                // The link holds the token; only its SHA-256 is kept.
                "CREATE TABLE invitations (
                    id UUID NOT NULL PRIMARY KEY,
                    org_id UUID NOT NULL REFERENCES orgs (id) ON DELETE CASCADE,
                    email TEXT NOT NULL,
                    role TEXT NOT NULL,
                    token_hash BYTEA NOT NULL UNIQUE,
                    invited_by TEXT NOT NULL,
                    sent_at BIGINT NOT NULL,
                    expires_at BIGINT NOT NULL,
                    accepted_at BIGINT,
                    revoked_at BIGINT
                ) /*sqlite STRICT*/",
                "CREATE UNIQUE INDEX invitations_open ON invitations (org_id, email) \
                    WHERE accepted_at IS NULL AND revoked_at IS NULL",
                // Ids are the time. Nothing refers to rows elsewhere: an entry stays when what it tells of is gone.
                "CREATE TABLE audit_log (
                    org_id UUID NOT NULL,
                    id UUID NOT NULL,
                    env_id UUID,
                    actor_kind TEXT NOT NULL,
                    actor_id TEXT,
                    actor_name TEXT NOT NULL,
                    address TEXT,
                    action TEXT NOT NULL,
                    target_kind TEXT NOT NULL,
                    target_id TEXT,
                    target_name TEXT NOT NULL,
                    value_before TEXT,
                    value_after TEXT,
                    PRIMARY KEY (org_id, id)
                ) /*sqlite STRICT, WITHOUT ROWID*/",
                "CREATE INDEX audit_log_project ON audit_log (org_id, env_id, id)",
                "CREATE INDEX audit_log_actor ON audit_log (org_id, actor_id, id)",
                "CREATE INDEX audit_log_target ON audit_log (org_id, target_id, id)",
                "CREATE INDEX audit_log_age ON audit_log (id)",
            ],
        )
        .await
    }
}
