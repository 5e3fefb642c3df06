//! How SQLite goes about the statements that lists and the queue are made of: by the index that is made for them, and never
//! through all rows of a project. What it chooses follows from the numbers that the schema brings along, so this is tried
//! on an empty database.

use sqlx::{Connection, Row, SqliteConnection};
use store::{Options, Store};

/// A statement in the form that the store gives it, and what its plan must name.
const STATEMENTS: &[(&str, &[&str])] = &[
    (
        "SELECT d.id, (SELECT count(*) FROM (SELECT 1 FROM deliveries w WHERE w.destination_id = d.id AND w.due_at IS NOT NULL \
         LIMIT 10001) AS s) + (SELECT count(*) FROM (SELECT 1 FROM deliveries w WHERE w.destination_id = d.id \
         AND w.gated_at IS NOT NULL AND w.status = 'held' LIMIT 10001) AS s) + (SELECT count(*) FROM (SELECT 1 FROM deliveries w \
         WHERE w.connection_id IN (SELECT c.id FROM connections c WHERE c.env_id = d.env_id AND c.destination_id = d.id) \
         AND w.gated_at IS NULL AND w.status = 'held' LIMIT 10001) AS s) FROM destinations d WHERE d.env_id = ? AND d.id IN (?, ?)",
        &[
            "deliveries_due (destination_id=?",
            "deliveries_parked (destination_id=?",
            "deliveries_held (connection_id=?",
        ],
    ),
    ("SELECT * FROM events e WHERE e.env_id = ? ORDER BY e.id DESC LIMIT 51", &["e USING PRIMARY KEY (env_id=?)"]),
    (
        "SELECT * FROM events e WHERE e.env_id = ? AND e.id < ? ORDER BY e.id DESC LIMIT 51",
        &["e USING PRIMARY KEY (env_id=? AND id<?)"],
    ),
    (
        "SELECT * FROM events e WHERE e.env_id = ? AND e.status = 'failed' AND e.status <> 'delivered' \
         ORDER BY e.id DESC LIMIT 51",
        &["events_open (env_id=? AND status=?)"],
    ),
    (
        "SELECT * FROM events e WHERE e.env_id = ? AND e.source_id = ? AND e.id < ? ORDER BY e.id DESC LIMIT 51",
        &["events_source (env_id=? AND source_id=? AND id<?)"],
    ),
    (
        "SELECT * FROM events e JOIN event_bodies b ON b.env_id = e.env_id AND b.event_id = e.id \
         WHERE e.env_id = ? AND e.id = ?",
        &[
            "e USING PRIMARY KEY (env_id=? AND id=?)",
            "b USING INDEX sqlite_autoindex_event_bodies_1 (env_id=? AND event_id=?)",
        ],
    ),
    (
        "SELECT * FROM events e JOIN event_bodies b ON b.env_id = e.env_id AND b.event_id = e.id \
         WHERE e.env_id = ? AND e.id IN (?, ?, ?) AND length(b.body) <= ?",
        &["e USING PRIMARY KEY (env_id=? AND id=?)", "sqlite_autoindex_event_bodies_1 (env_id=? AND event_id=?)"],
    ),
    (
        "SELECT * FROM events e JOIN event_bodies b ON b.env_id = e.env_id AND b.event_id = e.id \
         WHERE e.env_id = ? AND e.source_id = ? AND e.id < ? AND e.duplicate_of IS NULL AND e.content_length <= ? \
         ORDER BY e.id DESC LIMIT 100",
        &[
            "events_source (env_id=? AND source_id=? AND id<?)",
            "sqlite_autoindex_event_bodies_1 (env_id=? AND event_id=?)",
        ],
    ),
    (
        "SELECT connection_id, destination_id FROM deliveries WHERE env_id = ? \
         AND status = 'waiting' AND status <> 'succeeded' ORDER BY id LIMIT 2500",
        &["deliveries_open (env_id=? AND status=?)"],
    ),
    (
        "SELECT id, sum(passed) FROM route_counts WHERE env_id = ? AND since >= ? GROUP BY id",
        &["route_counts USING PRIMARY KEY (env_id=?)"],
    ),
    (
        "SELECT * FROM deliveries e WHERE e.env_id = ? AND e.event_id = ? ORDER BY e.id DESC LIMIT 1000",
        &["deliveries_event (env_id=? AND event_id=?)"],
    ),
    (
        "SELECT * FROM deliveries e WHERE e.env_id = ? AND e.id < ? ORDER BY e.id DESC LIMIT 51",
        &["e USING PRIMARY KEY (env_id=? AND id<?)"],
    ),
    (
        "SELECT * FROM deliveries e WHERE e.env_id = ? AND e.status = 'failed' AND e.status <> 'succeeded' \
         AND e.is_dlq = ? ORDER BY e.id DESC LIMIT 51",
        &["deliveries_open (env_id=? AND status=?)"],
    ),
    (
        "SELECT * FROM deliveries e WHERE e.env_id = ? AND e.destination_id = ? ORDER BY e.id DESC LIMIT 51",
        &["deliveries_destination (env_id=? AND destination_id=?)"],
    ),
    (
        "SELECT * FROM attempts WHERE env_id = ? AND delivery_id = ? ORDER BY id DESC LIMIT 500",
        &["sqlite_autoindex_attempts_1 (env_id=? AND delivery_id=?)"],
    ),
    (
        "UPDATE deliveries SET lease_owner = ? WHERE (env_id, id) IN (SELECT env_id, id FROM deliveries \
         WHERE destination_id = ? AND due_at IS NOT NULL AND due_at <= ? ORDER BY due_at, id LIMIT ?)",
        &[
            "deliveries USING PRIMARY KEY (env_id=? AND id=?)",
            "deliveries_due (destination_id=? AND due_at>? AND due_at<?)",
        ],
    ),
    (
        "SELECT due_at FROM deliveries WHERE destination_id = ? AND due_at IS NOT NULL ORDER BY due_at LIMIT 1",
        &["deliveries_due (destination_id=?"],
    ),
    ("SELECT env_id, id FROM deliveries WHERE lease_owner = ? LIMIT 10000", &["deliveries_leased (lease_owner=?)"]),
    (
        "UPDATE deliveries SET due_at = ? WHERE (env_id, id) IN (SELECT env_id, id FROM deliveries \
         WHERE gated_at IS NULL AND status = 'held' AND connection_id = ? ORDER BY id LIMIT ?)",
        &["deliveries USING PRIMARY KEY (env_id=? AND id=?)", "deliveries_held (connection_id=?)"],
    ),
    (
        "UPDATE deliveries SET status = ? WHERE env_id = ? AND id = ? AND attempt_count = ? AND lease_owner = ?",
        &["deliveries USING PRIMARY KEY (env_id=? AND id=?)"],
    ),
    (
        "UPDATE events SET open_count = open_count - 1 WHERE env_id = ? AND id = ? AND EXISTS (SELECT 1 FROM deliveries d \
         WHERE d.env_id = ? AND d.id = ? AND d.attempt_count = ? AND d.lease_owner = ?)",
        &["events USING PRIMARY KEY (env_id=? AND id=?)", "d USING PRIMARY KEY (env_id=? AND id=?)"],
    ),
    (
        "UPDATE events SET open_count = t.open FROM (SELECT count(*) AS open FROM deliveries d \
         WHERE d.env_id = ? AND d.event_id = ?) AS t WHERE events.env_id = ? AND events.id = ?",
        &["deliveries_event (env_id=? AND event_id=?)", "events USING PRIMARY KEY (env_id=? AND id=?)"],
    ),
    (
        "SELECT id FROM events WHERE env_id = ? AND id >= ? AND id < ? ORDER BY id LIMIT ?",
        &["events USING PRIMARY KEY (env_id=? AND id>? AND id<?)"],
    ),
    (
        "SELECT * FROM deliveries e WHERE e.env_id = ? AND e.is_dlq AND e.id < ? ORDER BY e.id DESC LIMIT 51",
        &["deliveries_dlq (env_id=? AND id<?)"],
    ),
    (
        "SELECT * FROM deliveries e WHERE e.env_id = ? AND e.destination_id = ? AND e.is_dlq AND e.id >= ? \
         ORDER BY e.id DESC LIMIT 51",
        &["deliveries_dlq_destination (env_id=? AND destination_id=? AND id>?)"],
    ),
    (
        "SELECT * FROM deliveries e WHERE e.env_id = ? AND e.destination_id = ? AND e.connection_id = ? \
         AND e.destination_id = (SELECT destination_id FROM connections WHERE id = ?) AND e.is_dlq ORDER BY e.id DESC LIMIT 51",
        &["deliveries_dlq_destination (env_id=? AND destination_id=?)"],
    ),
    (
        "SELECT * FROM deliveries e WHERE e.env_id = ? AND e.issue_id = ? AND e.is_dlq = TRUE ORDER BY e.id DESC LIMIT 51",
        &["deliveries_issue (env_id=? AND issue_id=? AND is_dlq=?)"],
    ),
    (
        "SELECT count(*) FROM (SELECT 1 FROM deliveries e WHERE e.env_id = ? AND e.issue_id = ? AND e.is_dlq = TRUE LIMIT 1000)",
        &["e USING COVERING INDEX deliveries_issue (env_id=? AND issue_id=? AND is_dlq=?)"],
    ),
    // What is new, for those who follow it.
    (
        "SELECT e.id, b.rowid AS place FROM event_bodies b CROSS JOIN events e WHERE b.rowid > ? AND b.rowid <= ? \
         AND +b.env_id = ? AND e.env_id = b.env_id AND e.id = b.event_id ORDER BY b.rowid LIMIT 501",
        &["b USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)", "e USING PRIMARY KEY (env_id=? AND id=?)"],
    ),
    // The two halves of what has changed: what was made lately is read whole and sorted, of the rest what changed late.
    (
        "SELECT e.id, e.updated_at FROM deliveries e WHERE e.env_id = ? AND (e.updated_at, e.id) > (?, ?) \
         AND e.updated_at >= ? AND e.id >= ?",
        &["e USING PRIMARY KEY (env_id=? AND id>?)"],
    ),
    (
        "SELECT e.id, e.updated_at FROM deliveries e WHERE e.env_id = ? AND (e.updated_at, e.id) > (?, ?) \
         AND e.updated_at >= ? AND e.updated_at > e.created_at + 60000000 AND e.id < ?",
        &["deliveries_late (env_id=? AND (updated_at,id)>(?,?))"],
    ),
    // A step of a bulk operation.
    (
        "SELECT e.id, e.event_id FROM deliveries e WHERE e.env_id = ? AND e.issue_id = ? AND e.is_dlq = TRUE \
         AND e.id > ? AND e.id <= ? ORDER BY e.id LIMIT 128",
        &["deliveries_issue (env_id=? AND issue_id=? AND is_dlq=? AND id>? AND id<?)"],
    ),
    (
        "SELECT e.id, e.event_id FROM deliveries e WHERE e.env_id = ? AND e.is_dlq AND e.id > ? AND e.id <= ? \
         ORDER BY e.id LIMIT 128",
        &["deliveries_dlq (env_id=? AND id>? AND id<?)"],
    ),
    // Issues.
    (
        "SELECT * FROM issues e WHERE e.env_id = ? AND e.status <> 'resolved' AND e.seen < ? ORDER BY e.seen DESC LIMIT 51",
        &["issues_seen (env_id=? AND seen<?)"],
    ),
    (
        "SELECT * FROM issues e WHERE e.env_id = ? AND e.status = ? ORDER BY e.seen DESC LIMIT 51",
        &["issues_status (env_id=? AND status=?)"],
    ),
    (
        "SELECT * FROM issues e WHERE e.env_id = ? AND e.destination_id = ? AND e.status <> 'resolved' \
         ORDER BY e.seen DESC LIMIT 51",
        &["issues_destination (env_id=? AND destination_id=?)"],
    ),
    (
        "SELECT i.id FROM issues i WHERE i.status <> 'resolved' AND i.last_seen_at < ? AND (i.last_seen_at, i.id) > (?, ?) \
         ORDER BY i.last_seen_at, i.id LIMIT 200",
        &["issues_unresolved ("],
    ),
    // A step of a replay.
    (
        "SELECT * FROM events e WHERE e.env_id = ? AND e.source_id = ? AND e.id >= ? AND e.id < ? ORDER BY e.id LIMIT ?",
        &["events_source (env_id=? AND source_id=? AND id>? AND id<?)"],
    ),
    (
        "SELECT id, status FROM deliveries WHERE env_id = ? AND event_id IN (SELECT unhex(value) FROM json_each(?)) \
         AND status IN ('pending', 'in_flight', 'waiting', 'held', 'failed')",
        &["deliveries_event (env_id=? AND event_id=?)"],
    ),
    (
        "SELECT id FROM events WHERE env_id = ? AND id IN (SELECT unhex(value) FROM json_each(?))",
        &["events USING PRIMARY KEY (env_id=? AND id=?)"],
    ),
    (
        "UPDATE deliveries SET due_at = r.value ->> 'due' FROM json_each(?) AS r WHERE deliveries.env_id = ? \
         AND deliveries.id = unhex(r.value ->> 'id') AND deliveries.status = 'failed'",
        &["deliveries USING PRIMARY KEY (env_id=? AND id=?)"],
    ),
    (
        "UPDATE events SET open_count = open_count + (r.value ->> 'made') FROM json_each(?) AS r \
         WHERE events.env_id = ? AND events.id = unhex(r.value ->> 'id')",
        &["events USING PRIMARY KEY (env_id=? AND id=?)"],
    ),
    (
        "SELECT * FROM deliveries e WHERE e.env_id = ? AND e.replay_id = ? AND e.id < ? ORDER BY e.id DESC LIMIT 51",
        &["deliveries_replay (env_id=? AND replay_id=? AND id<?)"],
    ),
    (
        "SELECT * FROM deliveries e WHERE e.env_id = ? AND e.replay_id = ? AND e.status = 'failed' \
         AND e.status <> 'succeeded' ORDER BY e.id DESC LIMIT 51",
        &["deliveries_replay_status (env_id=? AND replay_id=? AND status=?)"],
    ),
    (
        "SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE env_id = ? AND replay_id = ? \
         AND status IN ('pending', 'in_flight', 'waiting', 'held') LIMIT ?) AS f",
        &["deliveries_replay_status (env_id=? AND replay_id=? AND status=?)"],
    ),
    ("SELECT 1 AS one FROM replays WHERE is_active LIMIT 1", &["replays_active"]),
    ("SELECT * FROM replays e WHERE e.env_id = ? ORDER BY e.id DESC LIMIT 51", &["e USING PRIMARY KEY (env_id=?)"]),
];

#[tokio::test]
async fn hot_statements_are_led_by_their_indexes() {
    let folder = std::env::temp_dir().join(format!("hookstream-plans-{}", std::process::id()));
    let file = folder.join("plans.db");
    let url = format!("sqlite:{}", file.display());
    let store = Store::connect(&Options { url, max_connections: 1, ..Options::default() }).await.expect("opens");
    store.migrate().await.expect("migrates");
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.expect("opens");
    let mut wrong = Vec::new();
    for (statement, wanted) in STATEMENTS {
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let rows = sqlx::query(explain).fetch_all(&mut connection).await.expect("SQLite explains it");
        let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        let is_led = wanted.iter().all(|part| plan.iter().any(|step| step.contains(part)));
        // A sorted result would be read whole before its first row.
        if !is_led || plan.iter().any(|step| step.contains("TEMP B-TREE")) {
            wrong.push(format!("{statement}\n    {}", plan.join("\n    ")));
        }
    }
    store.close().await;
    let _ = std::fs::remove_dir_all(&folder);
    assert!(wrong.is_empty(), "not led by the index that is made for it:\n{}", wrong.join("\n"));
}
