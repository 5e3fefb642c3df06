//! How destinations do: counted beside the way of deliveries, on every node, and shown in lists and on their own.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{Client, On, Reply, Sink, World, eventually};

on_both_databases!(
    attempts_are_counted_by_outcome_and_latency,
    a_backlog_is_what_waits,
    what_failed_last_leads_to_its_setting,
    what_is_old_or_of_a_deleted_project_goes,
);
on_postgres_too!(nodes_count_together);

/// Longer than it takes until what was seen is written down.
const LIMIT: Duration = Duration::from_secs(20);

async fn health(api: &Client, destination: &str) -> Value {
    api.get(&format!("/v1/destinations/{destination}/health")).await.expect(200)
}

/// Waits until so many attempts of the last hour are counted.
async fn counted(api: &Client, destination: &str, attempts: u64) -> Value {
    eventually(LIMIT, &format!("{attempts} attempts are counted"), async || {
        Some(health(api, destination).await).filter(|health| health["hour"]["attempts"] == attempts)
    })
    .await
}

async fn attempts_are_counted_by_outcome_and_latency(on: On) {
    let world = World::new(on).await;
    let stranger = world.add_account("stranger@example.com", "Strangers");
    let server = world.serve().await;
    let api = server.api();
    let late = || Reply::After(Duration::from_millis(700), Box::new(Reply::Status(200)));
    let sink = Sink::in_turn([late(), late(), Reply::Status(500), Reply::Status(200)]).await;
    let (source, destination) = api.route("seen", &sink.url(), json!({})).await;
    let unseen = api.destination("unseen", &sink.url(), json!({})).await;
    let empty = health(api, &destination).await;
    let nothing = json!({ "attempts": 0, "succeeded": 0, "success_rate": null, "p95_ms": null });
    assert_eq!((&empty["hour"], &empty["day"], &empty["failing"]), (&nothing, &nothing, &Value::Null), "{empty}");
    assert_eq!(empty["backlog"], json!({ "deliveries": 0, "is_more": false }));
    for n in 0..5 {
        let event = server.event(&source, n.to_string()).await;
        api.deliveries_end(&event).await;
    }
    let health = counted(api, &destination, 5).await;
    for span in ["hour", "day"] {
        assert_eq!((&health[span]["succeeded"], &health[span]["success_rate"]), (&json!(4), &json!(0.8)), "{health}");
        let p95 = health[span]["p95_ms"].as_u64().expect("a latency");
        assert!((600..5_000).contains(&p95), "{health}");
    }
    assert_eq!(health["circuit"], "closed");
    assert_eq!(health["failing"], Value::Null, "something has succeeded since");
    let hours = health["hours"].as_array().expect("hours");
    assert_eq!(hours.len(), 24);
    assert_eq!(hours[23]["attempts"].as_u64().unwrap_or(0) + hours[22]["attempts"].as_u64().unwrap_or(0), 5);
    // The list has the same, in the order of the destinations.
    let listed = api.get("/v1/destinations/health").await.list();
    let ids: Vec<&str> = listed.iter().map(|it| it["destination_id"].as_str().expect("an id")).collect();
    assert_eq!(ids, [unseen.as_str(), destination.as_str()]);
    assert_eq!((&listed[1]["hour"], &listed[1]["day"]), (&health["hour"], &health["day"]));
    let page = api.get("/v1/destinations/health?limit=1").await.expect(200);
    assert_eq!((&page["data"][0]["destination_id"], &page["has_more"]), (&json!(unseen), &json!(true)));
    let next = page["next_cursor"].as_str().expect("there is more");
    let page = api.get(&format!("/v1/destinations/health?limit=1&cursor={next}")).await.expect(200);
    assert_eq!((&page["data"][0]["destination_id"], &page["has_more"]), (&json!(destination), &json!(false)));
    // What was counted is there after a restart, and what had not been written down when it stopped.
    server.event(&source, "last").await;
    sink.receives(6).await;
    assert!(server.terminate(Duration::from_secs(30)).await.success());
    let server = world.serve().await;
    counted(server.api(), &destination, 6).await;
    // Nobody else sees it.
    let stranger = server.client_with(&stranger.api_key);
    stranger.get(&format!("/v1/destinations/{destination}/health")).await.problem(404, "not_found");
    assert_eq!(stranger.get("/v1/destinations/health").await.list().len(), 0);
}

async fn a_backlog_is_what_waits(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::replying(Reply::Status(500)).await;
    let retry = json!({ "strategy": "schedule", "intervals_seconds": [3600], "max_attempts": 3 });
    let more = json!({ "retry": retry, "circuit_breaker": { "enabled": false } });
    let (source, destination) = api.route("waits", &sink.url(), more).await;
    for n in 0..7 {
        server.event(&source, n.to_string()).await;
    }
    let waits = async |count: u64| {
        eventually(LIMIT, &format!("{count} wait"), async || {
            let backlog = health(api, &destination).await["backlog"].clone();
            (backlog == json!({ "deliveries": count, "is_more": false })).then_some(())
        })
        .await;
    };
    waits(7).await;
    // Held by a pause they wait as well.
    api.post(&format!("/v1/destinations/{destination}/pause"), json!({})).await.expect(200);
    for n in 0..3 {
        server.event(&source, n.to_string()).await;
    }
    waits(10).await;
    // Many are counted to a bound.
    let many = match on {
        On::Sqlite => "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10500)",
        On::Postgres => "WITH n(i) AS (SELECT generate_series(1, 10500))",
    };
    let id = match on {
        On::Sqlite => "randomblob(16)",
        On::Postgres => "gen_random_uuid()",
    };
    let insert = format!(
        "INSERT INTO deliveries (env_id, id, event_id, connection_id, destination_id, status, attempt_trigger, \
         attempt_count, due_at, is_dlq, created_at, updated_at) {many} SELECT d.env_id, {id}, d.event_id, d.connection_id, \
         d.destination_id, 'waiting', 'initial', 1, 9000000000000000, d.is_dlq, 1, 1 \
         FROM (SELECT * FROM deliveries LIMIT 1) AS d, n"
    );
    world.database().execute(&insert).await;
    let backlog = health(api, &destination).await["backlog"].clone();
    assert_eq!(backlog, json!({ "deliveries": 10_000, "is_more": true }));
}

async fn what_failed_last_leads_to_its_setting(on: On) {
    let world = World::new(on).await;
    let server = world.serve_with(&[("HOOKSTREAM_ALLOW_TARGETS", "")]).await;
    let api = server.api();
    let (source, destination) = api.route("blocked", "http://127.0.0.1:9/", json!({})).await;
    let config = json!({ "rest_url": "http://127.0.0.1:9/", "cluster_id": "c", "topic": "t" });
    let input = json!({ "name": "kafka", "type": "kafka", "config": config, "retry": { "max_attempts": 1 } });
    let kafka = api.make("destinations", input).await;
    api.connect(&source, &kafka).await;
    server.event(&source, "x").await;
    for (id, setting) in [(&destination, "config.url"), (&kafka, "config.rest_url")] {
        let failing = counted(api, id, 1).await["failing"].clone();
        assert_eq!(failing["error_class"], "blocked", "{failing}");
        assert_eq!(failing["settings"], json!([setting]), "{failing}");
        assert_eq!(failing["succeeded_at"], Value::Null);
        assert!(failing["error"].as_str().is_some_and(|it| it.contains("HOOKSTREAM_ALLOW_TARGETS")), "{failing}");
        // Nobody was waited for.
        assert_eq!(health(api, id).await["hour"]["p95_ms"], Value::Null);
    }
}

async fn what_is_old_or_of_a_deleted_project_goes(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::start().await;
    let (source, destination) = api.route("old", &sink.url(), json!({})).await;
    let event = server.event(&source, "x").await;
    api.event_becomes(&event, "delivered").await;
    counted(api, &destination, 1).await;
    let rows = async |which: &str| {
        world.database().numbers(&format!("SELECT count(*) FROM destination_health WHERE {which}")).await[0]
    };
    assert_eq!(rows("TRUE").await, 2, "five minutes and an hour");
    let age = async |seconds: u64| {
        world.database().execute(&format!("UPDATE destination_health SET begins_at = begins_at - {seconds}")).await;
        world.database().execute("UPDATE jobs SET next_run_at = 0 WHERE name = 'health'").await;
    };
    age(3 * 3600).await;
    eventually(LIMIT, "five minutes are forgotten", async || (rows("span = 300").await == 0).then_some(())).await;
    let seen = health(api, &destination).await;
    assert_eq!((&seen["hour"]["attempts"], &seen["day"]["attempts"]), (&json!(0), &json!(1)));
    age(40 * 24 * 3600).await;
    eventually(LIMIT, "hours are forgotten", async || (rows("TRUE").await == 0).then_some(())).await;
    assert_eq!(health(api, &destination).await["day"]["attempts"], 0);
}

async fn nodes_count_together(on: On) {
    let world = World::new(on).await;
    let (first, second) = (world.serve().await, world.serve().await);
    let sink = Sink::start().await;
    let (source, destination) = first.api().route("both", &sink.url(), json!({})).await;
    second.knows_the_way(&source, "first").await;
    let sends = |server: &crate::world::Server, label: &'static str| {
        let requests: Vec<_> = (0..30).map(|n| server.ingest(&source).body(format!("{label} {n}")).send()).collect();
        async move {
            for request in requests {
                assert_eq!(request.await.expect("an answer").status().as_u16(), 200);
            }
        }
    };
    tokio::join!(sends(&first, "first"), sends(&second, "second"));
    sink.receives(61).await;
    for server in [&first, &second] {
        let health = counted(server.api(), &destination, 61).await;
        assert_eq!(health["hour"]["success_rate"], 1.0, "{health}");
    }
}
