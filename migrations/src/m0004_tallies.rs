//! How many deliveries of an event stand where, so that its status follows from a change without looking at the others;
//! and how a body is written.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(
            manager,
            &[
                // Pending, in flight, waiting or held.
                "ALTER TABLE events ADD COLUMN open_count INTEGER NOT NULL DEFAULT 0",
                "ALTER TABLE events ADD COLUMN succeeded_count INTEGER NOT NULL DEFAULT 0",
                "ALTER TABLE events ADD COLUMN failed_count INTEGER NOT NULL DEFAULT 0",
                "UPDATE events SET open_count = t.open, succeeded_count = t.succeeded, failed_count = t.failed FROM (\
                   SELECT env_id, event_id, \
                     sum(CASE WHEN status IN ('pending', 'in_flight', 'waiting', 'held') THEN 1 ELSE 0 END) AS open, \
                     sum(CASE WHEN status = 'succeeded' THEN 1 ELSE 0 END) AS succeeded, \
                     sum(CASE WHEN status = 'failed' THEN 1 ELSE 0 END) AS failed \
                   FROM deliveries GROUP BY env_id, event_id) AS t \
                 WHERE events.env_id = t.env_id AND events.id = t.event_id",
                // NULL: as it was received. `zstd`: compressed.
                "ALTER TABLE event_bodies ADD COLUMN encoding TEXT",
                // What is worth it was compressed already.
                "/*pg ALTER TABLE event_bodies ALTER COLUMN body SET STORAGE EXTERNAL*//*sqlite SELECT 1*/",
            ],
        )
        .await
    }
}
