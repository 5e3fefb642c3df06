//! Gates of destinations: circuit breakers, rate limits and ordered delivery.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(
            manager,
            &[
                "ALTER TABLE destinations ADD COLUMN circuit_breaker TEXT NOT NULL DEFAULT '{}'",
                "ALTER TABLE destinations ADD COLUMN rate_limit TEXT",
                "ALTER TABLE destinations ADD COLUMN ordering TEXT NOT NULL DEFAULT '{\"mode\":\"parallel\",\"key\":null}'",
                // What all nodes must agree on before a destination is sent anything. A destination without a row has
                // a closed circuit and has used nothing of its rate.
                "CREATE TABLE gates (
                    destination_id UUID NOT NULL PRIMARY KEY,
                    env_id UUID NOT NULL,
                    state TEXT NOT NULL,
                    failure_count BIGINT NOT NULL,
                    changed_at BIGINT,
                    retry_at BIGINT,
                    probe_owner BIGINT,
                    probe_until BIGINT,
                    tat BIGINT NOT NULL
                ) /*sqlite STRICT*/ /*pg WITH (fillfactor = 50)*/",
                "CREATE INDEX gates_noted ON gates (destination_id) WHERE state <> 'closed' OR failure_count > 0",
                // Deliveries of an ordered destination have a key and a place among those of the same key.
                "ALTER TABLE deliveries ADD COLUMN order_key BIGINT",
                "ALTER TABLE deliveries ADD COLUMN order_seq BIGINT",
                // When it was last let through its destination's gate, or was put behind another of its key (`parked`):
                // then it is held, and nothing but the end of those before it brings it back.
                "ALTER TABLE deliveries ADD COLUMN gated_at BIGINT",
                "CREATE INDEX deliveries_order ON deliveries (destination_id, order_key, order_seq)
                    WHERE order_key IS NOT NULL AND status IN ('pending', 'in_flight', 'waiting', 'held')",
                "CREATE INDEX deliveries_gated ON deliveries (destination_id, order_key)
                    WHERE gated_at IS NOT NULL AND lease_owner IS NOT NULL",
                "CREATE INDEX deliveries_parked ON deliveries (destination_id, order_key, order_seq)
                    WHERE gated_at IS NOT NULL AND status = 'held'",
                // Those that a pause holds, without those that are parked.
                "DROP INDEX deliveries_held",
                "CREATE INDEX deliveries_held ON deliveries (connection_id, id) WHERE gated_at IS NULL AND status = 'held'",
                // What SQLite's planner has to know of them, as of the others.
                "/*sqlite INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES \
                    ('deliveries', 'deliveries_held', '1000 100 1'), \
                    ('deliveries', 'deliveries_order', '10000 1000 10 1'), \
                    ('deliveries', 'deliveries_gated', '1000 100 10'), \
                    ('deliveries', 'deliveries_parked', '10000 1000 10 1')*//*pg SELECT 1*/",
                "/*sqlite ANALYZE sqlite_schema*//*pg SELECT 1*/",
                // Places: numbers that grow in the order in which events are acknowledged.
                "/*pg CREATE SEQUENCE delivery_order*//*sqlite CREATE TABLE delivery_order (
                    id INTEGER NOT NULL PRIMARY KEY,
                    taken INTEGER NOT NULL
                ) STRICT*/",
                "/*pg SELECT 1*//*sqlite INSERT INTO delivery_order (id, taken) VALUES (1, 0)*/",
            ],
        )
        .await
    }
}
