//! Replays, and which of them a delivery belongs to.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(
            manager,
            &[
                // `reached` is the last event that was looked at, and `paced_until` the time up to which deliveries of one
                // with a rate are spread. A step changes them with what it makes.
                "CREATE TABLE replays (
                    env_id UUID NOT NULL,
                    id UUID NOT NULL,
                    source_id UUID,
                    connection_id UUID,
                    from_at BIGINT NOT NULL,
                    to_at BIGINT NOT NULL,
                    filter TEXT,
                    rate_per_second BIGINT,
                    event_limit BIGINT,
                    include_duplicates BOOLEAN NOT NULL,
                    status TEXT NOT NULL,
                    is_active BOOLEAN NOT NULL,
                    error TEXT,
                    reached UUID,
                    paced_until BIGINT,
                    total_events BIGINT,
                    events BIGINT NOT NULL,
                    matched BIGINT NOT NULL,
                    deliveries BIGINT NOT NULL,
                    duplicates BIGINT NOT NULL,
                    filtered BIGINT NOT NULL,
                    still_open BIGINT NOT NULL,
                    no_route BIGINT NOT NULL,
                    created_at BIGINT NOT NULL,
                    started_at BIGINT,
                    finished_at BIGINT,
                    updated_at BIGINT NOT NULL,
                    PRIMARY KEY (env_id, id)
                ) /*sqlite STRICT, WITHOUT ROWID*/ /*pg WITH (fillfactor = 50)*/",
                // What there is to do: those that go through their range, and cancelled ones with deliveries to withdraw.
                "CREATE INDEX replays_active ON replays (id) WHERE is_active",
                "CREATE INDEX replays_ended ON replays (finished_at) WHERE finished_at IS NOT NULL",
                "ALTER TABLE deliveries ADD COLUMN replay_id UUID",
                // Deliveries that no replay made are in neither.
                "CREATE INDEX deliveries_replay ON deliveries (env_id, replay_id, id) WHERE replay_id IS NOT NULL",
                "CREATE INDEX deliveries_replay_status ON deliveries (env_id, replay_id, status, id) WHERE replay_id IS NOT NULL",
                "/*sqlite INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES \
                    ('replays', 'replays', '1000 100 1'), \
                    ('replays', 'replays_active', '10 1'), \
                    ('replays', 'replays_ended', '1000 1'), \
                    ('deliveries', 'deliveries_replay', '100000 100000 10000 1'), \
                    ('deliveries', 'deliveries_replay_status', '100000 100000 10000 2000 1')*//*pg SELECT 1*/",
                "/*sqlite ANALYZE sqlite_schema*//*pg SELECT 1*/",
            ],
        )
        .await
    }
}
