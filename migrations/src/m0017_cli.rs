//! What the command line needs: codes by which a machine signs in, what listeners did with events, and an index for those who
//! follow deliveries.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(
            manager,
            &[
                // Deliveries that changed more than a minute after they were made. One that ends at once has no entry.
                "CREATE INDEX deliveries_late ON deliveries (env_id, updated_at) WHERE updated_at > created_at + 60000000",
                // An event as a listener forwarded it to a server of its own machine.
                "CREATE TABLE forwards (
                    env_id UUID NOT NULL,
                    event_id UUID NOT NULL,
                    id UUID NOT NULL,
                    listener TEXT NOT NULL,
                    target TEXT NOT NULL,
                    started_at BIGINT NOT NULL,
                    latency_ms BIGINT NOT NULL,
                    response_status BIGINT,
                    response_headers TEXT,
                    response_body TEXT,
                    error TEXT,
                    PRIMARY KEY (env_id, event_id, id)
                ) /*sqlite STRICT*/",
                // What a machine that wants a key asks for. The codes are kept as hashes. `answered_by` is who said yes or no.
                "CREATE TABLE device_codes (
                    device_hash BYTEA NOT NULL PRIMARY KEY,
                    user_hash BYTEA NOT NULL UNIQUE,
                    device_name TEXT NOT NULL,
                    device_ip TEXT,
                    status TEXT NOT NULL,
                    answered_by UUID,
                    env_id UUID,
                    scopes TEXT,
                    created_at BIGINT NOT NULL,
                    expires_at BIGINT NOT NULL,
                    polled_at BIGINT NOT NULL
                ) /*sqlite STRICT*/",
                "CREATE INDEX device_codes_expire ON device_codes (expires_at)",
                // What SQLite's planner has to know of them.
                "/*sqlite INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES \
                    ('deliveries', 'deliveries_late', '10000 5000 1'), \
                    ('forwards', 'sqlite_autoindex_forwards_1', '10000 5000 5 1')*//*pg SELECT 1*/",
                "/*sqlite ANALYZE sqlite_schema*//*pg SELECT 1*/",
            ],
        )
        .await
    }
}
