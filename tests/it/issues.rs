//! Issues, the dead letter queue, and operations on many deliveries, as programs see them.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, Client, On, Reply, Server, Sink, World, eventually};

on_both_databases!(
    failures_open_an_issue_that_is_worked_off,
    an_issue_resolves_by_itself_when_all_is_quiet,
    a_failure_after_that_opens_it_again,
    an_issue_is_changed_within_reason,
    a_filter_says_what_is_retried,
    purged_deliveries_are_gone_from_the_queue,
    a_bulk_operation_survives_a_restart,
    a_bulk_operation_is_cancelled,
    what_is_wrong_with_a_bulk_operation_is_said,
    who_may_only_read_starts_nothing,
    what_is_foreign_holds_nothing,
);

on_postgres_too!(two_nodes_fail_into_one_issue, a_killed_node_leaves_its_operation_to_another);

/// Longer than the pause between two looks of a job, with the time that its work takes.
const JOB_LIMIT: Duration = Duration::from_secs(30);

async fn becomes(api: &Client, path: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    eventually(JOB_LIMIT, &format!("{path} becomes {what}"), async || {
        let found = api.get(path).await;
        if found.status != 200 {
            return None;
        }
        Some(found.json()).filter(&is_so)
    })
    .await
}

/// The only issue there is, once it has so many failures.
async fn the_issue(api: &Client, failures: u64) -> Value {
    eventually(JOB_LIMIT, "the issue has its failures", async || {
        let issues = api.get("/v1/issues").await.list();
        assert!(issues.len() < 2, "{issues:?}");
        issues.into_iter().next().filter(|issue| issue["failure_count"] == failures)
    })
    .await
}

/// A failing destination with so many dead letters.
async fn failing(server: &Server, sink: &Sink, name: &str, count: usize) -> (String, String, Vec<String>) {
    // So many failures would open the circuit.
    let more = json!({ "circuit_breaker": { "enabled": false } });
    let (source, destination) = server.api().route(name, &sink.url(), more).await;
    let mut events = Vec::new();
    for _ in 0..count {
        events.push(server.event(&source, "{}").await);
    }
    for event in &events {
        server.api().event_becomes(event, "failed").await;
    }
    (source, destination, events)
}

async fn dead(api: &Client) -> usize {
    api.get("/v1/deliveries?is_dlq=true&limit=250").await.list().len()
}

async fn failures_open_an_issue_that_is_worked_off(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::replying(Reply::Status(500)).await;
    let (_, destination, events) = failing(&server, &sink, "Billing", 3).await;
    let issue = the_issue(api, 3).await;
    let id = issue["id"].as_str().expect("an id").to_owned();
    assert!(id.starts_with("iss_"), "{id}");
    assert_eq!(issue["title"], "HTTP 500 from Billing");
    assert_eq!(issue["destination_id"], destination);
    for (field, value) in [
        ("status", json!("open")),
        ("error_class", json!("status")),
        ("response_status", json!(500)),
        ("dlq_count", json!(3)),
        ("regression_count", json!(0)),
        ("snoozed_until", Value::Null),
        ("resolved_by", Value::Null),
    ] {
        assert_eq!(issue[field], value, "{field} of {issue}");
    }
    let example = issue["example_delivery_id"].as_str().expect("an id");
    let attempts = api.attempts(example).await;
    assert_eq!(attempts.last().expect("one")["id"], issue["example_attempt_id"]);
    let held = api.get(&format!("/v1/deliveries?issue_id={id}")).await.list();
    assert_eq!(held.len(), 3);
    assert!(held.iter().all(|delivery| delivery["issue_id"] == id.as_str() && delivery["is_dlq"] == true));
    for (filter, count) in [
        ("status=open", 1),
        ("status=resolved", 0),
        ("snoozed=true", 0),
        ("snoozed=false", 1),
        (&format!("destination_id={destination}"), 1),
        (&format!("destination_id=dst_{}", "0".repeat(32)), 0),
    ] {
        assert_eq!(api.get(&format!("/v1/issues?{filter}")).await.list().len(), count, "{filter}");
    }
    api.get("/v1/issues?status=broken").await.field_error("status");
    api.get("/v1/issues?colour=red").await.field_error("colour");

    sink.now_replies(Reply::Status(200));
    let operation = api.post(&format!("/v1/issues/{id}/retry"), json!({})).await.expect(201);
    assert_eq!((&operation["kind"], &operation["total"]), (&json!("retry"), &json!(3)));
    // So few are done at once.
    assert_eq!((&operation["status"], &operation["done"]), (&json!("completed"), &json!(3)));
    for event in &events {
        api.event_becomes(event, "delivered").await;
    }
    assert_eq!(sink.count(), 6);
    let issue = api.get(&format!("/v1/issues/{id}")).await.expect(200);
    assert_eq!(
        (&issue["dlq_count"], &issue["failure_count"], &issue["status"]),
        (&json!(0), &json!(3), &json!("open"))
    );
    let left = api.get(&format!("/v1/deliveries?issue_id={id}&is_dlq=false")).await.list();
    assert_eq!(left.len(), 3);
    let path = format!("/v1/bulk-operations/{}", operation["id"].as_str().expect("an id"));
    assert_eq!(api.get(&path).await.expect(200), operation);
    assert_eq!(api.get(&format!("/v1/bulk-operations?issue_id={id}")).await.list(), [operation]);
    let retried = api.post(&format!("/v1/issues/{id}/retry"), json!({})).await.expect(201);
    assert_eq!((&retried["status"], &retried["done"]), (&json!("completed"), &json!(0)), "there is nothing left");
}

/// Makes it look as if the latest failure and everything before it were an hour older.
async fn age(world: &World) {
    world.database().execute("UPDATE issues SET last_seen_at = last_seen_at - 3600000000").await;
}

async fn an_issue_resolves_by_itself_when_all_is_quiet(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let (sink, dead) = (Sink::replying(Reply::Status(500)).await, Sink::replying(Reply::Status(500)).await);
    let (source, destination, _) = failing(&server, &sink, "mended", 1).await;
    let (_, other, _) = failing(&server, &dead, "not mended", 1).await;
    sink.now_replies(Reply::Status(200));
    let event = server.event(&source, "{}").await;
    api.event_becomes(&event, "delivered").await;
    age(&world).await;
    let path = format!("/v1/issues?destination_id={destination}");
    let resolved = becomes(api, &path, "resolved", |list| list["data"][0]["status"] == "resolved").await;
    assert_eq!(resolved["data"][0]["resolved_by"], "quiet");
    let open = api.get(&format!("/v1/issues?destination_id={other}")).await.list();
    assert_eq!(open[0]["status"], "open", "nothing has succeeded there");
    // What nobody can send to any more is over as well.
    api.delete(&format!("/v1/destinations/{other}")).await.expect(204);
    let path = format!("/v1/issues?destination_id={other}");
    becomes(api, &path, "resolved", |list| list["data"][0]["status"] == "resolved").await;
}

async fn a_failure_after_that_opens_it_again(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::replying(Reply::Status(503)).await;
    let (source, ..) = failing(&server, &sink, "again", 1).await;
    let id = the_issue(api, 1).await["id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/issues/{id}");
    let resolved = api.patch(&path, json!({ "status": "resolved" })).await.expect(200);
    assert_eq!((&resolved["status"], &resolved["resolved_by"]), (&json!("resolved"), &json!("person")));
    let event = server.event(&source, "{}").await;
    api.event_becomes(&event, "failed").await;
    let issue = the_issue(api, 2).await;
    assert_eq!(issue["id"], id.as_str());
    assert_eq!((&issue["status"], &issue["regression_count"]), (&json!("open"), &json!(1)));
    assert_eq!(issue["resolved_by"], Value::Null);
    assert_eq!(issue["first_seen_at"], resolved["first_seen_at"]);
}

async fn an_issue_is_changed_within_reason(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::replying(Reply::Close).await;
    failing(&server, &sink, "odd", 1).await;
    let issue = the_issue(api, 1).await;
    assert_eq!(issue["response_status"], Value::Null);
    let path = format!("/v1/issues/{}", issue["id"].as_str().expect("an id"));
    let acknowledged = api.patch(&path, json!({ "status": "acknowledged" })).await.expect(200);
    assert_eq!(acknowledged["status"], "acknowledged");
    let until = "2099-01-01T00:00:00.000Z";
    api.patch(&path, json!({ "snoozed_until": until })).await.field_error("snoozed_until");
    api.patch(&path, json!({ "snoozed_until": "2001-01-01T00:00:00.000Z" })).await.field_error("snoozed_until");
    api.patch(&path, json!({ "snoozed_until": "soon" })).await.field_error("snoozed_until");
    api.patch(&path, json!({ "status": "gone" })).await.field_error("status");
    api.patch(&path, json!({ "title": "x" })).await.field_error("title");
    api.patch(&path, json!([])).await.problem(422, "invalid");
    // An hour from the failure on.
    let soon = issue["last_seen_at"].as_str().expect("a time");
    let soon = domain::time::Timestamp::parse_rfc3339(soon).expect("a time").plus(Duration::from_hours(1));
    let snoozed = api.patch(&path, json!({ "snoozed_until": soon })).await.expect(200);
    assert_eq!((&snoozed["snoozed_until"], &snoozed["status"]), (&json!(soon), &json!("acknowledged")));
    assert_eq!(api.get("/v1/issues?snoozed=true").await.list().len(), 1);
    let awake = api.patch(&path, json!({ "snoozed_until": null })).await.expect(200);
    assert_eq!(awake["snoozed_until"], Value::Null);
    api.patch(&path, json!({ "status": "resolved" })).await.expect(200);
    api.patch(&path, json!({ "status": "acknowledged" })).await.field_error("status");
    api.patch(&path, json!({ "snoozed_until": soon })).await.field_error("snoozed_until");
    assert_eq!(api.patch(&path, json!({ "status": "open" })).await.expect(200)["status"], "open");
    api.get(&format!("/v1/issues/iss_{}", "0".repeat(32))).await.problem(404, "not_found");
}

async fn a_filter_says_what_is_retried(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::replying(Reply::Status(500)).await;
    let (_, first, events) = failing(&server, &sink, "first", 3).await;
    let (_, second, others) = failing(&server, &sink, "second", 2).await;
    sink.now_replies(Reply::Status(200));
    let retry = async |input: Value| api.post("/v1/deliveries/retry", input).await.expect(201);
    let past = json!({ "filter": { "destination_id": first, "before": "2001-01-01T00:00:00Z" } });
    assert_eq!(retry(past).await["done"], 0);
    let connection = api.all("/v1/connections").await;
    let of_second = connection.iter().find(|it| it["destination_id"] == second.as_str()).expect("one")["id"].clone();
    let done = retry(json!({ "filter": { "connection_id": of_second, "after": "2001-01-01T00:00:00Z" } })).await;
    assert_eq!((&done["done"], &done["selection"]["filter"]["is_dlq"]), (&json!(2), &json!(true)));
    for event in &others {
        api.event_becomes(event, "delivered").await;
    }
    assert_eq!(dead(api).await, 3);
    // One that is named.
    let id = api.deliveries(&events[0]).await[0]["id"].clone();
    let done = retry(json!({ "ids": [id] })).await;
    assert_eq!((&done["done"], &done["total"]), (&json!(1), &json!(1)));
    api.event_becomes(&events[0], "delivered").await;
    // And the rest.
    assert_eq!(retry(json!({ "filter": {} })).await["done"], 2);
    for event in &events {
        api.event_becomes(event, "delivered").await;
    }
    assert_eq!(dead(api).await, 0);
    assert_eq!(sink.count(), 10);
}

async fn purged_deliveries_are_gone_from_the_queue(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::replying(Reply::Status(500)).await;
    let (_, _, events) = failing(&server, &sink, "purged", 3).await;
    let id = api.deliveries(&events[0]).await[0]["id"].clone();
    let done = api.post("/v1/deliveries/purge", json!({ "ids": [id] })).await.expect(201);
    assert_eq!((&done["kind"], &done["done"]), (&json!("purge"), &json!(1)));
    assert_eq!(dead(api).await, 2);
    let again = api.post("/v1/deliveries/purge", json!({ "ids": [id] })).await.expect(201);
    assert_eq!((&again["done"], &again["skipped"]), (&json!(0), &json!(1)));
    assert_eq!(api.post("/v1/deliveries/purge", json!({ "filter": {} })).await.expect(201)["done"], 2);
    assert_eq!(dead(api).await, 0);
    for event in &events {
        let delivery = api.delivery_becomes(event, "failed").await;
        assert_eq!(delivery["is_dlq"], false);
        assert_eq!(api.event(event).await["status"], "failed");
    }
    assert_eq!(api.get("/v1/deliveries?status=failed").await.list().len(), 3);
    assert_eq!(sink.count(), 3, "nothing was sent again");
    // One that was purged can still be retried by itself.
    sink.now_replies(Reply::Status(200));
    api.post(&format!("/v1/deliveries/{}/retry", id.as_str().expect("an id")), json!({})).await.expect(200);
    api.event_becomes(&events[0], "delivered").await;
}

/// Makes so many copies of a dead letter, with an event for each, behind the server's back.
async fn multiply(world: &World, copies: u32) {
    let database = world.database();
    let is_sqlite = matches!(database, crate::world::Database::Sqlite(_));
    let (numbers, id) = if is_sqlite {
        (
            format!("WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {copies})"),
            "CAST(substr(ID, 1, 8) AS BLOB) || unhex(printf('%016x', n.n))",
        )
    } else {
        (
            format!("WITH n AS (SELECT generate_series(1, {copies}) AS n)"),
            "(substr(replace(ID::text, '-', ''), 1, 16) || lpad(to_hex(n.n), 16, '0'))::uuid",
        )
    };
    let id = |column: &str| {
        let made = id.replace("ID", column);
        if is_sqlite { format!("CAST({made} AS BLOB)") } else { made }
    };
    let copy = |table: &str, columns: &str, made: &[(&str, String)], one: &str| {
        let values: Vec<String> = columns
            .split(", ")
            .map(|column| {
                let own = made.iter().find(|(name, _)| *name == column);
                own.map_or_else(|| format!("t.{column}"), |(_, value)| value.clone())
            })
            .collect();
        format!("{numbers} INSERT INTO {table} ({columns}) SELECT {} FROM {table} t, n WHERE {one}", values.join(", "))
    };
    let events = "env_id, id, source_id, status, method, path, content_length, received_at, verification_status, \
        dedup_status, open_count, succeeded_count, failed_count";
    let (event, delivery) = (id("t.id"), id("t.id"));
    let of_event = id("t.event_id");
    let sql = copy("events", events, &[("id", event)], "t.status = 'failed'");
    database.execute(&sql).await;
    let bodies = "env_id, event_id, headers, body, encoding";
    database.execute(&copy("event_bodies", bodies, &[("event_id", of_event.clone())], "1 = 1")).await;
    let deliveries = "env_id, id, event_id, connection_id, destination_id, status, attempt_trigger, attempt_count, is_dlq, \
        last_error, created_at, updated_at, issue_id";
    let made = [("id", delivery), ("event_id", of_event)];
    database.execute(&copy("deliveries", deliveries, &made, "t.status = 'failed'")).await;
}

async fn a_bulk_operation_survives_a_restart(on: On) {
    const COPIES: u32 = 6_000;
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::replying(Reply::Status(500)).await;
    let (_, destination, _) = failing(&server, &sink, "many", 1).await;
    multiply(&world, COPIES).await;
    // What is queued stays where it can be counted.
    let api = server.api();
    api.post(&format!("/v1/destinations/{destination}/pause"), json!({})).await.expect(200);
    let started = api.post("/v1/deliveries/retry", json!({ "filter": {} })).await.expect(201);
    assert_eq!(started["total"], COPIES + 1);
    let path = format!("/v1/bulk-operations/{}", started["id"].as_str().expect("an id"));
    server.kill();
    let server = world.serve().await;
    let ended = becomes(server.api(), &path, "completed", |it| it["status"] == "completed").await;
    assert_eq!((&ended["done"], &ended["skipped"]), (&json!(COPIES + 1), &json!(0)), "{ended}");
    assert_eq!(dead(server.api()).await, 0);
    let counts =
        world.database().numbers("SELECT count(*) FROM events WHERE open_count = 1 AND failed_count = 0").await;
    assert_eq!(counts, [i64::from(COPIES) + 1]);
}

async fn a_bulk_operation_is_cancelled(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::replying(Reply::Status(500)).await;
    let (_, destination, _) = failing(&server, &sink, "many", 1).await;
    multiply(&world, 30_000).await;
    api.post(&format!("/v1/destinations/{destination}/pause"), json!({})).await.expect(200);
    let started =
        api.post("/v1/deliveries/purge", json!({ "filter": { "destination_id": destination } })).await.expect(201);
    assert_eq!(started["status"], "running", "{started}");
    let path = format!("/v1/bulk-operations/{}", started["id"].as_str().expect("an id"));
    let cancelled = api.post(&format!("{path}/cancel"), json!({})).await.expect(200);
    assert_eq!(cancelled["status"], "cancelled");
    assert_ne!(cancelled["finished_at"], Value::Null);
    api.post(&format!("{path}/cancel"), json!({})).await.problem(409, "conflict");
    let left = world.database().numbers("SELECT count(*) FROM deliveries WHERE is_dlq").await;
    let done = cancelled["done"].as_i64().expect("a number");
    assert_eq!(left[0] + done, 30_001);
    assert!(done < 30_001);
}

async fn what_is_wrong_with_a_bulk_operation_is_said(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let many: Vec<String> = (0..1001).map(|number| format!("dlv_{number:032x}")).collect();
    for action in ["retry", "purge"] {
        let path = format!("/v1/deliveries/{action}");
        for (input, field) in [
            (json!({}), "filter"),
            (json!({ "filter": {}, "ids": [many[0]] }), "ids"),
            (json!({ "ids": [] }), "ids"),
            (json!({ "ids": many }), "ids"),
            (json!({ "ids": ["evt_1"] }), "ids[0]"),
            (json!({ "filter": { "colour": "red" } }), "filter.colour"),
            (json!({ "filter": { "destination_id": "src_1" } }), "filter.destination_id"),
            (json!({ "filter": { "status": "in_flight" } }), "filter.status"),
            (json!({ "filter": { "status": "succeeded" } }), "filter.status"),
            (
                json!({ "filter": { "after": "2027-01-01T00:00:00Z", "before": "2026-01-01T00:00:00Z" } }),
                "filter.before",
            ),
            (json!({ "filter": { "after": "yesterday" } }), "filter.after"),
        ] {
            api.post(&path, input.clone()).await.field_error(field);
        }
    }
    api.post("/v1/deliveries/purge", json!({ "filter": { "is_dlq": false } })).await.field_error("filter.is_dlq");
    assert!(api.get("/v1/bulk-operations").await.list().is_empty());
    api.get(&format!("/v1/bulk-operations/blk_{}", "0".repeat(32))).await.problem(404, "not_found");
}

async fn who_may_only_read_starts_nothing(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::replying(Reply::Status(500)).await;
    failing(&server, &sink, "read", 1).await;
    let id = the_issue(api, 1).await["id"].as_str().expect("an id").to_owned();
    let key = api.post("/v1/api-keys", json!({ "name": "reader", "scopes": ["read"] })).await.expect(201);
    let reader = api.with_key(key["key"].as_str().expect("a key"));
    reader.get(&format!("/v1/issues/{id}")).await.expect(200);
    reader.get("/v1/bulk-operations").await.expect(200);
    reader.patch(&format!("/v1/issues/{id}"), json!({ "status": "resolved" })).await.problem(403, "forbidden");
    for path in [format!("/v1/issues/{id}/retry"), "/v1/deliveries/retry".into(), "/v1/deliveries/purge".into()] {
        reader.post(&path, json!({ "filter": {} })).await.problem(403, "forbidden");
    }
    let nobody = api.with_key("");
    nobody.get("/v1/issues").await.problem(401, "unauthenticated");
    nobody.post("/v1/deliveries/purge", json!({ "filter": {} })).await.problem(401, "unauthenticated");
    assert_eq!(dead(api).await, 1);
    assert_eq!(sink.count(), 1);
}

async fn what_is_foreign_holds_nothing(on: On) {
    let world = World::new(on).await;
    let stranger = world.add_account("stranger@example.com", "Strangers");
    let server = world.serve().await;
    let api = server.api();
    let stranger = server.client_with(&stranger.api_key);
    let sink = Sink::replying(Reply::Status(500)).await;
    let (_, destination, events) = failing(&server, &sink, "ours", 2).await;
    let issue = the_issue(api, 2).await;
    let id = issue["id"].as_str().expect("an id").to_owned();
    let delivery = api.deliveries(&events[0]).await[0]["id"].clone();
    let operation = api.post("/v1/deliveries/purge", json!({ "ids": [delivery] })).await.expect(201);
    let operation = operation["id"].as_str().expect("an id");
    for (method, path) in [
        (Method::GET, format!("/v1/issues/{id}")),
        (Method::PATCH, format!("/v1/issues/{id}")),
        (Method::POST, format!("/v1/issues/{id}/retry")),
        (Method::GET, format!("/v1/bulk-operations/{operation}")),
        (Method::POST, format!("/v1/bulk-operations/{operation}/cancel")),
    ] {
        let answer = Answer::of(stranger.request(method.clone(), &path).json(&json!({ "status": "resolved" }))).await;
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
    }
    assert!(stranger.get("/v1/issues").await.list().is_empty());
    assert!(stranger.get("/v1/bulk-operations").await.list().is_empty());
    for input in [
        json!({ "filter": {} }),
        json!({ "filter": { "issue_id": id } }),
        json!({ "filter": { "destination_id": destination } }),
        json!({ "ids": [api.deliveries(&events[1]).await[0]["id"]] }),
    ] {
        for action in ["retry", "purge"] {
            let done = stranger.post(&format!("/v1/deliveries/{action}"), input.clone()).await.expect(201);
            assert_eq!((&done["status"], &done["done"]), (&json!("completed"), &json!(0)), "{input}");
        }
    }
    assert_eq!(dead(api).await, 1);
    assert_eq!(api.get(&format!("/v1/issues/{id}")).await.expect(200)["status"], "open");
    assert_eq!(sink.count(), 2);
}

async fn two_nodes_fail_into_one_issue(on: On) {
    const EACH: usize = 20;
    let world = World::new(on).await;
    let (a, b) = (world.serve().await, world.serve().await);
    let sink = Sink::replying(Reply::Status(500)).await;
    let more = json!({ "circuit_breaker": { "enabled": false } });
    let (source, _) = a.api().route("shared", &sink.url(), more).await;
    b.knows_the_way(&source, "first").await;
    let posts = (0..2 * EACH).map(|number| if number % 2 == 0 { a.event(&source, "x") } else { b.event(&source, "x") });
    futures::future::join_all(posts).await;
    let sql = "SELECT count(*) FROM deliveries WHERE is_dlq";
    let all = u64::try_from(world.database().numbers("SELECT count(*) FROM deliveries").await[0]).expect("a count");
    eventually(JOB_LIMIT, "all are given up", async || {
        (world.database().numbers(sql).await[0].unsigned_abs() == all).then_some(())
    })
    .await;
    let issue = the_issue(b.api(), all).await;
    assert_eq!(issue["dlq_count"], all);
    sink.now_replies(Reply::Status(200));
    let path = format!("/v1/issues/{}/retry", issue["id"].as_str().expect("an id"));
    assert_eq!(b.api().post(&path, json!({})).await.expect(201)["total"], all);
    eventually(JOB_LIMIT, "all are delivered", async || {
        a.api().get("/v1/events?status=failed").await.list().is_empty().then_some(())
    })
    .await;
}

async fn a_killed_node_leaves_its_operation_to_another(on: On) {
    const COPIES: u32 = 20_000;
    let world = World::new(on).await;
    let (a, b) = (world.serve().await, world.serve().await);
    let sink = Sink::replying(Reply::Status(500)).await;
    let (_, destination, _) = failing(&a, &sink, "many", 1).await;
    multiply(&world, COPIES).await;
    a.api().post(&format!("/v1/destinations/{destination}/pause"), json!({})).await.expect(200);
    let started = a.api().post("/v1/deliveries/purge", json!({ "filter": {} })).await.expect(201);
    a.kill();
    let path = format!("/v1/bulk-operations/{}", started["id"].as_str().expect("an id"));
    // Where the killed node had the job, its lease has to run out first.
    let ended = eventually(Duration::from_secs(90), "the operation is done", async || {
        Some(b.api().get(&path).await.expect(200)).filter(|it| it["status"] == "completed")
    })
    .await;
    assert_eq!(ended["done"], COPIES + 1);
    assert_eq!(dead(b.api()).await, 0);
}
