//! Who people are at the OpenID provider that they sign in with.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(
            manager,
            &[
                "CREATE TABLE identities (
                    issuer TEXT NOT NULL,
                    subject TEXT NOT NULL,
                    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                    created_at BIGINT NOT NULL,
                    PRIMARY KEY (issuer, subject)
                ) /*sqlite STRICT, WITHOUT ROWID*/",
                // A person is one there at most.
                "CREATE UNIQUE INDEX identities_user ON identities (user_id, issuer)",
            ],
        )
        .await
    }
}
