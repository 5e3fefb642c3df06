//! On PostgreSQL only the key of an event or a delivery begins with its project.
//!
//! An index of project, source and id has the project and the id as well. While the tables are small it costs as little as the
//! key by the planner's numbers, and a statement that looks for one event by its key may take it: through all events of the
//! project, for as long as the plan is kept, which is until the table is analysed again. SQLite has numbers of its own (see
//! `m0005_plans`).

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(
            manager,
            &[
                "/*pg DROP INDEX events_source*//*sqlite SELECT 1*/",
                "/*pg CREATE INDEX events_source ON events (source_id, env_id, id)*//*sqlite SELECT 1*/",
                "/*pg DROP INDEX deliveries_event*//*sqlite SELECT 1*/",
                "/*pg CREATE INDEX deliveries_event ON deliveries (event_id)*//*sqlite SELECT 1*/",
                "/*pg DROP INDEX deliveries_destination*//*sqlite SELECT 1*/",
                "/*pg CREATE INDEX deliveries_destination ON deliveries (destination_id, env_id, id)*//*sqlite SELECT 1*/",
            ],
        )
        .await
    }
}
