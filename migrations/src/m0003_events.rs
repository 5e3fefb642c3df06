//! Events, their bodies, deliveries (which are also the queue), attempts, and the nodes that hold leases.
//!
//! Every key begins with the project, so that these tables can be partitioned by it; only the queue's own indexes
//! begin with what a worker asks for. Ids sort by time, so new rows append to their indexes.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(
            manager,
            &[
                "CREATE TABLE events (
                    env_id UUID NOT NULL,
                    id UUID NOT NULL,
                    source_id UUID NOT NULL,
                    status TEXT NOT NULL,
                    event_type TEXT,
                    provider_event_id TEXT,
                    method TEXT NOT NULL,
                    path TEXT NOT NULL,
                    query TEXT,
                    content_type TEXT,
                    content_length BIGINT NOT NULL,
                    source_ip TEXT,
                    received_at BIGINT NOT NULL,
                    verification_status TEXT NOT NULL,
                    dedup_status TEXT NOT NULL,
                    PRIMARY KEY (env_id, id)
                ) /*sqlite STRICT, WITHOUT ROWID*/ /*pg WITH (fillfactor = 85)*/",
                "CREATE INDEX events_source ON events (env_id, source_id, id)",
                // Most events end as delivered, and a list of those needs no index.
                "CREATE INDEX events_open ON events (env_id, status, id) WHERE status <> 'delivered'",
                // Apart from the rows that lists read. `headers` is a JSON list of [name, value].
                "CREATE TABLE event_bodies (
                    env_id UUID NOT NULL,
                    event_id UUID NOT NULL,
                    headers TEXT NOT NULL,
                    body BYTEA NOT NULL,
                    PRIMARY KEY (env_id, event_id)
                ) /*sqlite STRICT*/",
                // A delivery is queued while `due_at` is set: a worker may take it from then on. While one has it,
                // `lease_owner` is set instead. Never both.
                "CREATE TABLE deliveries (
                    env_id UUID NOT NULL,
                    id UUID NOT NULL,
                    event_id UUID NOT NULL,
                    connection_id UUID NOT NULL,
                    destination_id UUID NOT NULL,
                    status TEXT NOT NULL,
                    attempt_trigger TEXT NOT NULL,
                    attempt_count BIGINT NOT NULL,
                    due_at BIGINT,
                    lease_owner BIGINT,
                    is_dlq BOOLEAN NOT NULL,
                    last_error TEXT,
                    created_at BIGINT NOT NULL,
                    updated_at BIGINT NOT NULL,
                    PRIMARY KEY (env_id, id),
                    CHECK (due_at IS NULL OR lease_owner IS NULL)
                ) /*sqlite STRICT, WITHOUT ROWID*/ /*pg WITH (fillfactor = 80)*/",
                "CREATE INDEX deliveries_event ON deliveries (env_id, event_id)",
                "CREATE INDEX deliveries_destination ON deliveries (env_id, destination_id, id)",
                "CREATE INDEX deliveries_due ON deliveries (destination_id, due_at, id) WHERE due_at IS NOT NULL",
                "CREATE INDEX deliveries_leased ON deliveries (lease_owner) WHERE lease_owner IS NOT NULL",
                "CREATE INDEX deliveries_held ON deliveries (connection_id, id) WHERE status = 'held'",
                "CREATE INDEX deliveries_dlq ON deliveries (env_id, id) WHERE status = 'failed'",
                "CREATE TABLE attempts (
                    env_id UUID NOT NULL,
                    delivery_id UUID NOT NULL,
                    id UUID NOT NULL,
                    attempt_number BIGINT NOT NULL,
                    attempt_trigger TEXT NOT NULL,
                    status TEXT NOT NULL,
                    started_at BIGINT NOT NULL,
                    latency_ms BIGINT NOT NULL,
                    response_status BIGINT,
                    response_headers TEXT,
                    response_body TEXT,
                    error TEXT,
                    error_class TEXT,
                    request TEXT NOT NULL,
                    next_retry_at BIGINT,
                    PRIMARY KEY (env_id, delivery_id, id)
                ) /*sqlite STRICT*/",
                // Processes that are alive. The leases of one that is not listed are given to others.
                "CREATE TABLE nodes (
                    id BIGINT NOT NULL PRIMARY KEY,
                    started_at BIGINT NOT NULL,
                    expires_at BIGINT NOT NULL
                ) /*sqlite STRICT*/",
            ],
        )
        .await
    }
}
