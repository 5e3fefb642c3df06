//! Lists of deliveries by status: one index for all that have not succeeded, in place of one for the failed ones.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(
            manager,
            &[
                // Most deliveries end as succeeded, and a list of those needs no index.
                "CREATE INDEX deliveries_open ON deliveries (env_id, status, id) WHERE status <> 'succeeded'",
                "DROP INDEX deliveries_dlq",
            ],
        )
        .await
    }
}
