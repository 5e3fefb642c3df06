//! What leads to the rows that lists and the queue ask for: an index of all deliveries that have not succeeded, and, for
//! SQLite, what its planner has to know of the hot tables.
//!
//! Without numbers SQLite takes the first column of every index to find ten rows, and prefers a primary key that begins with
//! the project to an index that names the source, the status or the event. The numbers are those of a full database and never
//! measured anew: plans stay as they were tested, however full a database is.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(
            manager,
            &[
                // Makes the table of the numbers.
                "/*sqlite ANALYZE config_version*//*pg SELECT 1*/",
                "/*sqlite DELETE FROM sqlite_stat1*//*pg SELECT 1*/",
                // How many entries, and how many of them share the first column, the first two, and so on.
                "/*sqlite INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES \
                    ('events', 'events', '1000000 1000000 1'), \
                    ('events', 'events_source', '1000000 1000000 100000 1'), \
                    ('events', 'events_open', '10000 10000 5000 1'), \
                    ('event_bodies', 'sqlite_autoindex_event_bodies_1', '1000000 1000000 1'), \
                    ('attempts', 'sqlite_autoindex_attempts_1', '1000000 1000000 1 1'), \
                    ('deliveries', 'deliveries', '1000000 1000000 1'), \
                    ('deliveries', 'deliveries_event', '1000000 1000000 1'), \
                    ('deliveries', 'deliveries_destination', '1000000 1000000 100000 1'), \
                    ('deliveries', 'deliveries_open', '10000 10000 5000 1'), \
                    ('deliveries', 'deliveries_due', '10000 1000 1 1'), \
                    ('deliveries', 'deliveries_leased', '1000 1000'), \
                    ('deliveries', 'deliveries_held', '1000 100 1')*//*pg SELECT 1*/",
                // Most deliveries end as succeeded, and a list of those needs no index. It changes the schema, by which the
                // other connections learn of the numbers.
                "CREATE INDEX deliveries_open ON deliveries (env_id, status, id) WHERE status <> 'succeeded'",
                "DROP INDEX deliveries_dlq",
                // This connection reads them now.
                "/*sqlite ANALYZE sqlite_schema*//*pg SELECT 1*/",
            ],
        )
        .await
    }
}
