//! Sources, destinations and connections, and the version by which every node's cache of them is kept true.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(
            manager,
            &[
                // One row. A change locks it, takes the next number, and writes that into the rows it changes, so
                // that versions become visible in their order.
                "CREATE TABLE config_version (
                    id BIGINT NOT NULL PRIMARY KEY,
                    version BIGINT NOT NULL
                ) /*sqlite STRICT*/",
                "INSERT INTO config_version (id, version) VALUES (1, 0)",
                "CREATE TABLE sources (
                    id UUID NOT NULL PRIMARY KEY,
                    env_id UUID NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
                    name TEXT NOT NULL,
                    slug TEXT NOT NULL,
                    description TEXT,
                    template TEXT,
                    verification TEXT NOT NULL,
                    status TEXT NOT NULL,
                    event_count BIGINT NOT NULL,
                    last_event_at BIGINT,
                    version BIGINT NOT NULL,
                    created_at BIGINT NOT NULL,
                    updated_at BIGINT NOT NULL,
                    deleted_at BIGINT
                ) /*sqlite STRICT*/ /*pg WITH (fillfactor = 50)*/",
                "CREATE INDEX sources_list ON sources (env_id, id) WHERE deleted_at IS NULL",
                "CREATE UNIQUE INDEX sources_slug ON sources (env_id, slug) WHERE deleted_at IS NULL",
                "CREATE INDEX sources_version ON sources (version)",
                // What commits have added and is not yet added up in `sources`.
                "CREATE TABLE source_counts (
                    source_id UUID NOT NULL,
                    events BIGINT NOT NULL,
                    last_event_at BIGINT NOT NULL
                ) /*sqlite STRICT*/",
                "CREATE INDEX source_counts_source ON source_counts (source_id)",
                "CREATE TABLE destinations (
                    id UUID NOT NULL PRIMARY KEY,
                    env_id UUID NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
                    name TEXT NOT NULL,
                    slug TEXT NOT NULL,
                    type TEXT NOT NULL,
                    config TEXT NOT NULL,
                    auth TEXT NOT NULL,
                    headers TEXT NOT NULL,
                    timeout_ms BIGINT NOT NULL,
                    retry TEXT NOT NULL,
                    signing TEXT NOT NULL,
                    status TEXT NOT NULL,
                    version BIGINT NOT NULL,
                    created_at BIGINT NOT NULL,
                    updated_at BIGINT NOT NULL,
                    deleted_at BIGINT
                ) /*sqlite STRICT*/",
                "CREATE INDEX destinations_list ON destinations (env_id, id) WHERE deleted_at IS NULL",
                "CREATE UNIQUE INDEX destinations_slug ON destinations (env_id, slug) WHERE deleted_at IS NULL",
                "CREATE INDEX destinations_version ON destinations (version)",
                "CREATE TABLE connections (
                    id UUID NOT NULL PRIMARY KEY,
                    env_id UUID NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
                    source_id UUID NOT NULL REFERENCES sources (id),
                    destination_id UUID NOT NULL REFERENCES destinations (id),
                    name TEXT,
                    status TEXT NOT NULL,
                    version BIGINT NOT NULL,
                    created_at BIGINT NOT NULL,
                    updated_at BIGINT NOT NULL,
                    deleted_at BIGINT
                ) /*sqlite STRICT*/",
                "CREATE INDEX connections_list ON connections (env_id, id) WHERE deleted_at IS NULL",
                "CREATE UNIQUE INDEX connections_pair ON connections (source_id, destination_id) WHERE deleted_at IS NULL",
                "CREATE INDEX connections_destination ON connections (destination_id) WHERE deleted_at IS NULL",
                "CREATE INDEX connections_version ON connections (version)",
            ],
        )
        .await
    }
}
