//! What changed, told to the processes that a pooler keeps from LISTEN. Rows live for a minute, and losing them costs time
//! only: on PostgreSQL they are not written to its log.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(
            manager,
            &[
                "CREATE /*pg UNLOGGED*/ TABLE signals (
                    origin TEXT NOT NULL,
                    signal TEXT NOT NULL,
                    told_at BIGINT NOT NULL,
                    PRIMARY KEY (origin, signal)
                ) /*sqlite STRICT*/",
                "CREATE INDEX signals_told ON signals (told_at)",
            ],
        )
        .await
    }
}
