//! Issues, which fold failed deliveries by destination and cause, and operations on many deliveries at once.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(
            manager,
            &[
                // An id follows from the destination and the cause. `seen` has the time of the latest failure in front, as ids
                // have that of their making: lists are in its order. `response_status` is 0 where there is none.
                "CREATE TABLE issues (
                    env_id UUID NOT NULL,
                    id UUID NOT NULL,
                    destination_id UUID NOT NULL,
                    error_class TEXT NOT NULL,
                    response_status BIGINT NOT NULL,
                    status TEXT NOT NULL,
                    snoozed_until BIGINT,
                    resolved_by TEXT,
                    status_changed_at BIGINT NOT NULL,
                    failure_count BIGINT NOT NULL,
                    regression_count BIGINT NOT NULL,
                    first_seen_at BIGINT NOT NULL,
                    last_seen_at BIGINT NOT NULL,
                    seen UUID NOT NULL,
                    last_error TEXT,
                    example_event_id UUID NOT NULL,
                    example_delivery_id UUID NOT NULL,
                    example_attempt_id UUID NOT NULL,
                    PRIMARY KEY (env_id, id)
                ) /*sqlite STRICT, WITHOUT ROWID*/ /*pg WITH (fillfactor = 70)*/",
                "CREATE INDEX issues_seen ON issues (env_id, seen)",
                "CREATE INDEX issues_status ON issues (env_id, status, seen)",
                "CREATE INDEX issues_destination ON issues (env_id, destination_id, seen)",
                // Those that may be resolved by themselves, in the order in which they became quiet.
                "CREATE INDEX issues_unresolved ON issues (last_seen_at, id) WHERE status <> 'resolved'",
                // The issue of a delivery's last failure. No delivery that never failed for good has an entry in any of these.
                "ALTER TABLE deliveries ADD COLUMN issue_id UUID",
                "CREATE INDEX deliveries_issue ON deliveries (env_id, issue_id, is_dlq, id) WHERE issue_id IS NOT NULL",
                "CREATE INDEX deliveries_dlq ON deliveries (env_id, id) WHERE is_dlq",
                "CREATE INDEX deliveries_dlq_destination ON deliveries (env_id, destination_id, id) WHERE is_dlq",
                // An operation on all deliveries that match. What has an id up to `position`
                // is behind it; `last` is what stood last when it began.
                "CREATE TABLE bulk_operations (
                    env_id UUID NOT NULL,
                    id UUID NOT NULL,
                    kind TEXT NOT NULL,
                    status TEXT NOT NULL,
                    selection TEXT NOT NULL,
                    issue_id UUID,
                    position UUID NOT NULL,
                    last UUID NOT NULL,
                    total BIGINT,
                    done BIGINT NOT NULL,
                    skipped BIGINT NOT NULL,
                    created_at BIGINT NOT NULL,
                    updated_at BIGINT NOT NULL,
                    finished_at BIGINT,
                    PRIMARY KEY (env_id, id)
                ) /*sqlite STRICT, WITHOUT ROWID*/ /*pg WITH (fillfactor = 70)*/",
                "CREATE INDEX bulk_operations_running ON bulk_operations (env_id, id) WHERE status = 'running'",
                "CREATE INDEX bulk_operations_finished ON bulk_operations (finished_at) WHERE finished_at IS NOT NULL",
                // What SQLite's planner has to know of them.
                "/*sqlite INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES \
                    ('issues', 'issues', '1000 100 1'), \
                    ('issues', 'issues_seen', '1000 100 1'), \
                    ('issues', 'issues_status', '1000 100 30 1'), \
                    ('issues', 'issues_destination', '1000 100 5 1'), \
                    ('issues', 'issues_unresolved', '100 1 1'), \
                    ('deliveries', 'deliveries_issue', '100000 50000 10000 5000 1'), \
                    ('deliveries', 'deliveries_dlq', '100000 50000 1'), \
                    ('deliveries', 'deliveries_dlq_destination', '100000 50000 10000 1'), \
                    ('bulk_operations', 'bulk_operations', '1000 100 1'), \
                    ('bulk_operations', 'bulk_operations_running', '10 5 1')*//*pg SELECT 1*/",
                "/*sqlite ANALYZE sqlite_schema*//*pg SELECT 1*/",
            ],
        )
        .await
    }
}
