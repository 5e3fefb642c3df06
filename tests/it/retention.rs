//! What a project no longer keeps goes, and nothing else does.

use std::time::Duration;

use serde_json::json;

use crate::world::{On, Sink, World, eventually};

on_both_databases!(
    a_project_keeps_events_for_as_long_as_it_says,
    who_may_not_manage_projects_changes_no_retention,
    old_events_are_removed_and_newer_ones_are_not,
    an_old_event_stays_until_its_delivery_has_ended,
    many_old_events_go_while_new_ones_come,
    a_deleted_project_leaves_nothing,
);

/// How long scheduled work may take to begin, when its time has come.
const SOON: Duration = Duration::from_secs(25);
const TABLES: [&str; 4] = ["events", "event_bodies", "deliveries", "attempts"];

/// An id as SQL says it.
fn id(on: On, typed: &str) -> String {
    literal(on, typed.split_once('_').expect("a typed id").1)
}

fn literal(on: On, hex: &str) -> String {
    match on {
        On::Sqlite => format!("x'{hex}'"),
        On::Postgres => format!("'{hex}'::uuid"),
    }
}

/// Lets an event have come so many days earlier. Returns its new id, which says when it came, as all ids do.
async fn make_older(world: &World, on: On, event: &str, days: u128) -> String {
    let hex = event.strip_prefix("evt_").expect("an event");
    let bits = u128::from_str_radix(hex, 16).expect("hexadecimal digits") - ((days * 24 * 3_600_000) << 80);
    let (now, old) = (literal(on, hex), literal(on, &format!("{bits:032x}")));
    let sql = format!(
        "UPDATE events SET id = {old} WHERE id = {now}; \
         UPDATE event_bodies SET event_id = {old} WHERE event_id = {now}; \
         UPDATE deliveries SET event_id = {old} WHERE event_id = {now}"
    );
    world.database().execute(&sql).await;
    format!("evt_{bits:032x}")
}

async fn is_due(world: &World, job: &str) {
    world.database().execute(&format!("UPDATE jobs SET next_run_at = 0 WHERE name = '{job}'")).await;
}

/// Lets a job run, from its beginning to its end.
async fn run(world: &World, job: &str) {
    let state = format!("SELECT last_run_at FROM jobs WHERE name = '{job}' AND next_run_at > last_run_at");
    let before = eventually(SOON, "the job has run", async || world.database().numbers(&state).await.pop()).await;
    is_due(world, job).await;
    eventually(SOON, "the job runs once more", async || {
        world.database().numbers(&state).await.pop().filter(|last| *last > before)
    })
    .await;
}

/// Whether anything in the table is of this project.
async fn rows(world: &World, on: On, table: &str, env: &str) -> i64 {
    world.database().numbers(&format!("SELECT count(*) FROM {table} WHERE env_id = {}", id(on, env))).await[0]
}

async fn a_project_keeps_events_for_as_long_as_it_says(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let own = format!("/v1/environments/{}", world.account.env_id);
    assert_eq!(api.get(&own).await.expect(200)["retention_days"], 30);
    for days in [1, 365, 7] {
        assert_eq!(api.patch(&own, json!({ "retention_days": days })).await.expect(200)["retention_days"], days);
    }
    assert_eq!(api.patch(&own, json!({ "name": "renamed" })).await.expect(200)["retention_days"], 7);
    assert_eq!(api.get("/v1/environments").await.list()[0]["retention_days"], 7);
    for wrong in [json!(0), json!(366), json!(-30), json!(65_537), json!(1.5), json!("a week"), json!([7]), json!(true)]
    {
        let patch = json!({ "retention_days": wrong });
        let message = api.patch(&own, patch).await.field_error("retention_days");
        if wrong.is_i64() {
            assert_eq!(message, "must be 1 to 365 days", "{wrong}");
        }
        let input = json!({ "name": "Staging", "mode": "test", "retention_days": wrong });
        api.post("/v1/environments", input).await.field_error("retention_days");
    }
    assert_eq!(api.get(&own).await.expect(200)["retention_days"], 7);
    assert_eq!(api.patch(&own, json!({ "retention_days": null })).await.expect(200)["retention_days"], 30);
    let short = json!({ "name": "Staging", "mode": "test", "retention_days": 2 });
    assert_eq!(api.post("/v1/environments", short).await.expect(201)["retention_days"], 2);
}

async fn who_may_not_manage_projects_changes_no_retention(on: On) {
    let world = World::new(on).await;
    let stranger = world.add_account("stranger@example.com", "Strangers");
    let server = world.serve().await;
    let api = server.api();
    let own = format!("/v1/environments/{}", world.account.env_id);
    let patch = json!({ "retention_days": 1 });
    server.client_with(&stranger.api_key).patch(&own, patch.clone()).await.problem(404, "not_found");
    server.client_with("").patch(&own, patch.clone()).await.problem(401, "unauthenticated");
    for scope in ["read", "write"] {
        let key = api.post("/v1/api-keys", json!({ "name": scope, "scopes": [scope] })).await.expect(201);
        let client = server.client_with(key["key"].as_str().expect("a key"));
        client.patch(&own, patch.clone()).await.problem(403, "forbidden");
        assert_eq!(client.get(&own).await.expect(200)["retention_days"], 30, "it may look");
    }
    assert_eq!(api.get(&own).await.expect(200)["retention_days"], 30);
}

async fn old_events_are_removed_and_newer_ones_are_not(on: On) {
    let world = World::new(on).await;
    let stranger = world.add_account("stranger@example.com", "Strangers");
    let server = world.serve().await;
    let (api, theirs) = (server.api(), server.client_with(&stranger.api_key));
    let sink = Sink::start().await;
    let (source, _) = api.route("kept", &sink.url(), json!({})).await;
    let (their_source, _) = theirs.route("kept", &sink.url(), json!({})).await;
    let year = json!({ "retention_days": 365 });
    theirs.patch(&format!("/v1/environments/{}", stranger.env_id), year).await.expect(200);
    let mut events = Vec::new();
    for _ in 0..3 {
        events.push(server.event(&source, "x").await);
    }
    for event in &events {
        api.event_becomes(event, "delivered").await;
    }
    let theirs_is = server.event(&their_source, "x").await;
    theirs.event_becomes(&theirs_is, "delivered").await;
    let delivery = api.deliveries(&events[0]).await[0]["id"].as_str().expect("an id").to_owned();
    let gone = make_older(&world, on, &events[0], 31).await;
    let gone_too = make_older(&world, on, &events[1], 300).await;
    let kept = make_older(&world, on, &events[2], 29).await;
    let kept_by_them = make_older(&world, on, &theirs_is, 300).await;
    api.event(&gone).await;
    run(&world, "retention").await;
    for event in [gone, gone_too] {
        api.get(&format!("/v1/events/{event}")).await.problem(404, "not_found");
    }
    api.get(&format!("/v1/deliveries/{delivery}")).await.problem(404, "not_found");
    assert_eq!(api.event(&kept).await["status"], "delivered");
    assert_eq!(theirs.event(&kept_by_them).await["status"], "delivered");
    for table in TABLES {
        assert_eq!(rows(&world, on, table, &world.account.env_id).await, 1, "{table}");
        assert_eq!(rows(&world, on, table, &stranger.env_id).await, 1, "{table}");
    }
    let received = &api.get(&format!("/v1/sources/{source}")).await.expect(200)["event_count"];
    assert_eq!(received, 3, "what was received stays counted");
}

async fn an_old_event_stays_until_its_delivery_has_ended(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::start().await;
    let (source, _) = api.route("held", &sink.url(), json!({})).await;
    let connection = api.all("/v1/connections").await[0]["id"].as_str().expect("an id").to_owned();
    let connection = format!("/v1/connections/{connection}");
    api.patch(&connection, json!({ "status": "paused" })).await.expect(200);
    let event = server.event(&source, "still to be delivered").await;
    api.delivery_becomes(&event, "held").await;
    let event = make_older(&world, on, &event, 40).await;
    run(&world, "retention").await;
    run(&world, "retention").await;
    assert_eq!(api.event(&event).await["status"], "processing");
    api.patch(&connection, json!({ "status": "active" })).await.expect(200);
    sink.receives(1).await;
    assert_eq!(sink.received()[0].body, b"still to be delivered");
    api.event_becomes(&event, "delivered").await;
    run(&world, "retention").await;
    api.get(&format!("/v1/events/{event}")).await.problem(404, "not_found");
    for table in TABLES {
        assert_eq!(rows(&world, on, table, &world.account.env_id).await, 0, "{table}");
    }
}

async fn many_old_events_go_while_new_ones_come(on: On) {
    const OLD: i64 = 3000;
    // Of the year 2020.
    const MILLIS: u64 = 1_600_000_000_000;
    let world = World::new(on).await;
    let env = &world.account.env_id;
    let own = id(on, env);
    // Before there is a server.
    let (numbers, event) = match on {
        On::Sqlite => (
            format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {OLD})"),
            format!("unhex(printf('{MILLIS:012x}7000%016x', i))"),
        ),
        On::Postgres => (
            format!("WITH n(i) AS (SELECT generate_series(1, {OLD}))"),
            format!("('{MILLIS:012x}7000' || lpad(to_hex(i), 16, '0'))::uuid"),
        ),
    };
    let body = match on {
        On::Sqlite => "CAST(printf('%01024d', i) AS BLOB)",
        On::Postgres => "convert_to(lpad(i::text, 1024, '0'), 'UTF8')",
    };
    let insert = |table: &str, columns: &str, values: &str| {
        format!("{numbers} INSERT INTO {table} ({columns}) SELECT {values} FROM n;")
    };
    let mut sql = insert(
        "events",
        "env_id, id, source_id, status, method, path, content_length, received_at, verification_status, dedup_status",
        &format!("{own}, {event}, {own}, 'delivered', 'POST', '/', 1024, 0, 'not_required', 'unique'"),
    );
    sql += &insert("event_bodies", "env_id, event_id, headers, body", &format!("{own}, {event}, '[]', {body}"));
    sql += &insert(
        "deliveries",
        "env_id, id, event_id, connection_id, destination_id, status, attempt_trigger, attempt_count, is_dlq, \
         created_at, updated_at",
        &format!(
            "{own}, {event}, {event}, {own}, {own}, 'succeeded', 'initial', 1, {}, 0, 0",
            match on {
                On::Sqlite => "0",
                On::Postgres => "false",
            }
        ),
    );
    sql += &insert(
        "attempts",
        "env_id, delivery_id, id, attempt_number, attempt_trigger, status, started_at, latency_ms, request",
        &format!("{own}, {event}, {event}, 1, 'initial', 'succeeded', 0, 1, '{{}}'"),
    );
    world.database().execute(&sql).await;
    for table in TABLES {
        assert_eq!(rows(&world, on, table, env).await, OLD, "{table}");
    }

    let server = world.serve().await;
    let source = server.api().source("new").await;
    is_due(&world, "retention").await;
    let (mut events, mut count) = (Vec::new(), 0);
    eventually(Duration::from_mins(1), "all old ones are gone", async || {
        events.push(server.event(&source, "x").await);
        count += 1;
        (rows(&world, on, "events", env).await == count).then_some(())
    })
    .await;
    assert_eq!(rows(&world, on, "event_bodies", env).await, count);
    assert_eq!(rows(&world, on, "deliveries", env).await, 0);
    assert_eq!(rows(&world, on, "attempts", env).await, 0);
    for event in &events {
        server.api().event(event).await;
    }
}

async fn a_deleted_project_leaves_nothing(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::start().await;
    let env = &world.account.env_id;
    let (source, _) = api.route("gone", &sink.url(), json!({})).await;
    let event = server.event(&source, "x").await;
    api.event_becomes(&event, "delivered").await;
    let second = api.make("environments", json!({ "name": "second", "mode": "test" })).await;
    api.delete(&format!("/v1/environments/{env}")).await.expect(204);
    server.post(&source, "y").await.problem(410, "gone");
    run(&world, "deleted_projects").await;
    assert_eq!(rows(&world, on, "events", env).await, 1, "what is just being sent may still be recorded");

    world.database().execute("UPDATE environments SET deleted_at = deleted_at - 3600000000").await;
    run(&world, "deleted_projects").await;
    for table in TABLES.into_iter().chain(["sources", "destinations", "connections", "api_keys"]) {
        assert_eq!(rows(&world, on, table, env).await, 0, "{table}");
    }
    let left = format!("SELECT count(*) FROM environments WHERE id = {}", id(on, env));
    assert_eq!(world.database().numbers(&left).await, [0]);
    let kept = format!("SELECT count(*) FROM environments WHERE id = {}", id(on, &second));
    assert_eq!(world.database().numbers(&kept).await, [1]);
    eventually(Duration::from_secs(1), "its address means nothing any more", async || {
        (server.post(&source, "z").await.status == 404).then_some(())
    })
    .await;
}
