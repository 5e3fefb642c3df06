//! Stored events are sent again: those that were asked for, each once, as the connections are now.

mod refused;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::{Client, On, Received, Reply, Server, Sink, World, eventually};

on_both_databases!(
    a_range_of_a_source_is_sent_again,
    only_what_was_asked_for_is_sent,
    a_dry_run_counts_and_makes_nothing,
    what_failed_is_delivered_at_last,
    connections_are_used_as_they_are_now,
    a_rate_is_kept,
    a_replay_is_paused_resumed_and_cancelled,
    a_killed_server_goes_on_where_it_was,
    a_deleted_connection_ends_its_replay,
);
on_postgres_too!(two_nodes_send_everything_once);

/// How long a replay of a few events may take, and how long one whose node was killed: its lease has to run out.
const SOON: Duration = Duration::from_secs(20);
const TAKEN_OVER: Duration = Duration::from_secs(75);

/// The input of a replay of everything up to now, but for what stands in `more`.
fn everything(more: Value) -> Value {
    let mut input = json!({ "from": "2020-01-01T00:00:00Z", "to": "2999-01-01T00:00:00Z" });
    let Value::Object(more) = more else { panic!("settings are an object") };
    input.as_object_mut().expect("an object").extend(more);
    input
}

async fn one(api: &Client, id: &str) -> Value {
    api.get(&format!("/v1/replays/{id}")).await.expect(200)
}

async fn becomes(api: &Client, id: &str, status: &str, limit: Duration) -> Value {
    eventually(limit, &format!("the replay {id} becomes {status}"), async || {
        Some(one(api, id).await).filter(|replay| replay["status"] == status)
    })
    .await
}

/// Waits until all deliveries of a replay have ended.
async fn settles(api: &Client, id: &str, limit: Duration) -> Value {
    becomes(api, id, "completed", limit).await;
    eventually(limit, &format!("the deliveries of {id} end"), async || {
        Some(one(api, id).await).filter(|replay| replay["outcome"]["open"] == 0)
    })
    .await
}

/// Events of a source, delivered to their end: their ids.
async fn delivered(server: &Server, source: &str, bodies: &[&str]) -> Vec<String> {
    let mut events = Vec::new();
    for body in bodies {
        events.push(server.event(source, (*body).to_owned()).await);
    }
    for event in &events {
        server.api().deliveries_end(event).await;
    }
    events
}

fn text(request: &Received) -> String {
    String::from_utf8_lossy(&request.body).into_owned()
}

fn json_of(request: &Received) -> Value {
    serde_json::from_slice(&request.body).expect("JSON")
}

/// Makes a millisecond pass, so that what comes next is of another one.
async fn next_moment() -> String {
    tokio::time::sleep(Duration::from_millis(5)).await;
    let now = gateway::clock::now();
    tokio::time::sleep(Duration::from_millis(5)).await;
    now.to_rfc3339()
}

async fn a_range_of_a_source_is_sent_again(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let (first, second, other) = (Sink::start().await, Sink::start().await, Sink::start().await);
    let (source, _) = api.route("ours", &first.url(), json!({})).await;
    let also = api.destination("also", &second.url(), json!({})).await;
    api.connect(&source, &also).await;
    let (elsewhere, _) = api.route("other", &other.url(), json!({})).await;

    delivered(&server, &source, &["1"]).await;
    let from = next_moment().await;
    let events = delivered(&server, &source, &["2", "3"]).await;
    delivered(&server, &elsewhere, &["4"]).await;
    let to = next_moment().await;
    delivered(&server, &source, &["5"]).await;

    let made = api.post("/v1/replays", json!({ "source_id": source, "from": from, "to": to })).await.expect(201);
    assert_eq!((&made["status"], &made["from"], &made["to"]), (&json!("pending"), &json!(from), &json!(to)));
    assert_eq!(
        (&made["connection_id"], &made["filter"], &made["total_events"]),
        (&json!(null), &json!(null), &json!(2))
    );
    let id = made["id"].as_str().expect("an id");
    assert!(id.starts_with("rpl_"));
    let done = settles(api, id, SOON).await;
    assert_eq!(done["counts"]["events"], 2);
    assert_eq!(done["counts"]["deliveries"], 4);
    assert_eq!(done["outcome"], json!({ "open": 0, "succeeded": 4, "failed": 0, "cancelled": 0, "is_complete": true }));
    assert_eq!(done["progress"], 1.0);
    // The order in which they came is that in which they went.
    for sink in [&first, &second] {
        let mut bodies: Vec<String> = sink.received().iter().skip(4).map(text).collect();
        bodies.sort();
        assert_eq!(bodies, ["2", "3"]);
    }
    assert_eq!(other.count(), 1);

    // A replayed delivery says so, and so does its attempt.
    for event in &events {
        let deliveries = api.deliveries(event).await;
        let replayed: Vec<_> = deliveries.iter().filter(|delivery| delivery["replay_id"] == id).collect();
        assert_eq!((deliveries.len(), replayed.len()), (4, 2));
        let attempts = api.attempts(replayed[0]["id"].as_str().expect("an id")).await;
        assert_eq!((&attempts[0]["trigger"], &attempts[0]["attempt_number"]), (&json!("replay"), &json!(1)));
        assert_eq!(api.event(event).await["status"], "delivered");
    }
    assert_eq!(api.get(&format!("/v1/deliveries?replay_id={id}")).await.list().len(), 4);
    assert_eq!(api.get(&format!("/v1/deliveries?replay_id={id}&status=failed")).await.list().len(), 0);
    let listed = api.get("/v1/replays").await.list();
    assert_eq!((&listed[0]["id"], &listed[0]["outcome"]), (&json!(id), &json!(null)));

    // All of the project.
    let all = api.make("replays", everything(json!({}))).await;
    assert_eq!(settles(api, &all, SOON).await["counts"]["deliveries"], 9);
    assert_eq!(other.count(), 2);
}

async fn only_what_was_asked_for_is_sent(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let (sink, spared) = (Sink::start().await, Sink::start().await);
    let dedup = json!({ "strategy": "payload_hash", "window_seconds": 300 });
    let source = api.make("sources", json!({ "name": "shop", "dedup": dedup })).await;
    let destination = api.destination("taken", &sink.url(), json!({})).await;
    let connection = api.connect(&source, &destination).await;
    let other = api.destination("spared", &spared.url(), json!({})).await;
    api.connect(&source, &other).await;
    let json = "application/json";
    for body in [r#"{"n":1,"kind":"a"}"#, r#"{"n":2,"kind":"b"}"#, r#"{"n":3,"kind":"a"}"#, r#"{"n":4,"kind":"a"}"#] {
        let answer = server.ingest(&source).header("content-type", json).body(body).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 200);
    }
    server.ingest(&source).header("content-type", json).body(r#"{"n":3,"kind":"a"}"#).send().await.expect("an answer");
    sink.receives(4).await;
    spared.receives(4).await;
    eventually(SOON, "everything is delivered", async || {
        let events = api.all("/v1/events").await;
        (events.iter().filter(|event| event["status"] == "delivered").count() == 4).then_some(())
    })
    .await;

    let filter = json!({ "field": "payload.kind", "op": "eq", "value": "a" });
    let wanted = json!({ "connection_id": connection, "filter": filter, "limit": 2 });
    let id = api.make("replays", everything(wanted)).await;
    let done = settles(api, &id, SOON).await;
    assert_eq!((&done["counts"]["matched"], &done["counts"]["deliveries"]), (&json!(2), &json!(2)));
    assert_eq!(done["filter"]["field"], "payload.kind");
    assert_eq!(spared.count(), 4);
    let mut bodies: Vec<_> = sink.received().iter().skip(4).map(text).collect();
    bodies.sort();
    assert_eq!(bodies, [r#"{"n":1,"kind":"a"}"#, r#"{"n":3,"kind":"a"}"#]);

    // A duplicate is left out unless it is asked for.
    let id = api.make("replays", everything(json!({ "connection_id": connection }))).await;
    let done = settles(api, &id, SOON).await;
    assert_eq!((&done["counts"]["duplicates"], &done["counts"]["deliveries"]), (&json!(1), &json!(4)));
    let id = api.make("replays", everything(json!({ "connection_id": connection, "include_duplicates": true }))).await;
    let done = settles(api, &id, SOON).await;
    assert_eq!((&done["counts"]["duplicates"], &done["counts"]["deliveries"]), (&json!(0), &json!(5)));
}

async fn a_dry_run_counts_and_makes_nothing(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::start().await;
    let (source, destination) = api.route("ours", &sink.url(), json!({})).await;
    let lonely = api.source("lonely").await;
    delivered(&server, &source, &["1", "2", "3"]).await;
    server.event(&lonely, "4").await;
    api.post(&format!("/v1/destinations/{destination}/pause"), json!({})).await.expect(200);
    let held = server.event(&source, "5").await;
    api.delivery_becomes(&held, "held").await;

    let counted = api.post("/v1/replays", everything(json!({ "dry_run": true }))).await.expect(200);
    assert_eq!(counted["dry_run"], true);
    assert_eq!((&counted["is_complete"], &counted["counted_until"]), (&json!(true), &json!(null)));
    let counts = json!({
        "events": 5, "matched": 5, "deliveries": 3, "duplicates": 0, "filtered": 0, "still_open": 1, "no_route": 1,
    });
    assert_eq!(counted["counts"], counts);
    assert!(api.get("/v1/replays").await.list().is_empty());
    assert_eq!(sink.count(), 3);

    // The replay does what was counted. What goes to a paused destination is held.
    let id = api.make("replays", everything(json!({}))).await;
    let done = becomes(api, &id, "completed", SOON).await;
    assert_eq!(done["counts"], counts);
    assert_eq!((&done["outcome"]["open"], sink.count()), (&json!(3), 3));
    api.post(&format!("/v1/destinations/{destination}/resume"), json!({})).await.expect(200);
    settles(api, &id, SOON).await;
    sink.receives(7).await;
}

async fn what_failed_is_delivered_at_last(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::in_turn([Reply::Status(500), Reply::Status(500), Reply::Status(200)]).await;
    let (source, _) = api.route("broken", &sink.url(), json!({ "circuit_breaker": { "enabled": false } })).await;
    let events = delivered(&server, &source, &["1", "2"]).await;
    for event in &events {
        api.event_becomes(event, "failed").await;
    }
    assert_eq!(api.get("/v1/deliveries?is_dlq=true").await.list().len(), 2);
    let id = api.make("replays", everything(json!({}))).await;
    let done = settles(api, &id, SOON).await;
    assert_eq!(done["outcome"]["succeeded"], 2);
    assert!(api.get("/v1/deliveries?is_dlq=true").await.list().is_empty());
    for event in &events {
        api.event_becomes(event, "delivered").await;
        let deliveries = api.deliveries(event).await;
        assert_eq!((deliveries.len(), &deliveries[0]["replay_id"]), (1, &json!(id)));
        let attempts = api.attempts(deliveries[0]["id"].as_str().expect("an id")).await;
        let triggers: Vec<_> = attempts.iter().map(|attempt| attempt["trigger"].clone()).collect();
        assert_eq!(triggers, ["initial", "replay"]);
    }
}

async fn connections_are_used_as_they_are_now(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::start().await;
    let source = api.source("shop").await;
    let destination = api.destination("sink", &sink.url(), json!({})).await;
    // No connection was there when these came.
    for body in [r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3}"#] {
        let answer = server.ingest(&source).header("content-type", "application/json").body(body).send().await;
        assert_eq!(answer.expect("an answer").status().as_u16(), 200);
    }
    let rules = json!({
        "source_id": source, "destination_id": destination, "delay_seconds": 3600,
        "filter": { "field": "payload.n", "op": "gte", "value": 2 },
        "transform": "{ \"number\": n }",
    });
    let connection = api.make("connections", rules).await;
    let id = api.make("replays", everything(json!({ "connection_id": connection }))).await;
    let done = settles(api, &id, SOON).await;
    assert_eq!((&done["counts"]["deliveries"], &done["counts"]["filtered"]), (&json!(2), &json!(1)));
    let mut bodies: Vec<Value> = sink.received().iter().map(json_of).collect();
    bodies.sort_by_key(|body| body["number"].as_i64());
    assert_eq!(bodies, [json!({ "number": 2 }), json!({ "number": 3 })]);

    api.patch(&format!("/v1/connections/{connection}"), json!({ "filter": null, "transform": "{ \"n\": n * 10 }" }))
        .await
        .expect(200);
    let id = api.make("replays", everything(json!({ "source_id": source, "limit": 1 }))).await;
    settles(api, &id, SOON).await;
    assert_eq!(json_of(sink.received().last().expect("it came")), json!({ "n": 10 }));

    // A disabled one takes nothing.
    api.patch(&format!("/v1/connections/{connection}"), json!({ "status": "disabled" })).await.expect(200);
    let id = api.make("replays", everything(json!({ "source_id": source }))).await;
    let done = settles(api, &id, SOON).await;
    assert_eq!((&done["counts"]["deliveries"], &done["counts"]["no_route"]), (&json!(0), &json!(3)));
}

async fn a_rate_is_kept(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::start().await;
    let (source, _) = api.route("slow", &sink.url(), json!({})).await;
    let bodies: Vec<String> = (0..12).map(|n| n.to_string()).collect();
    delivered(&server, &source, &bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let begun = Instant::now();
    let id = api.make("replays", everything(json!({ "rate_per_second": 4 }))).await;
    settles(api, &id, SOON).await;
    sink.receives(24).await;
    let took = begun.elapsed();
    // The twelfth is due 11/4 s after the first.
    assert!(took >= Duration::from_millis(2700), "{took:?}");
}

async fn a_replay_is_paused_resumed_and_cancelled(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::start().await;
    let (source, _) = api.route("steered", &sink.url(), json!({})).await;
    let bodies: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    let events = delivered(&server, &source, &bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let id = api.make("replays", everything(json!({ "rate_per_second": 4 }))).await;
    sink.receives(42).await;
    let act = async |what: &str| api.post(&format!("/v1/replays/{id}/{what}"), json!({})).await;
    assert_eq!(act("pause").await.expect(200)["status"], "paused");
    act("pause").await.problem(409, "conflict");
    let paused = one(api, &id).await;
    assert!(paused["progress"].as_f64().is_some_and(|share| share > 0.0 && share < 1.0), "{paused}");
    // What was queued goes out; then nothing more does.
    eventually(SOON, "what was queued is sent", async || (one(api, &id).await["outcome"]["open"] == 0).then_some(()))
        .await;
    let sent = sink.count();
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(sink.count(), sent);
    assert_eq!(act("resume").await.expect(200)["status"], "running");
    act("resume").await.problem(409, "conflict");
    sink.receives(sent + 1).await;

    assert_eq!(act("cancel").await.expect(200)["status"], "cancelled");
    act("cancel").await.problem(409, "conflict");
    let ended = eventually(SOON, "what was queued is withdrawn", async || {
        Some(one(api, &id).await).filter(|replay| replay["outcome"]["open"] == 0)
    })
    .await;
    let sent = sink.count();
    assert!(sent < 80, "it was cancelled on its way");
    let made = ended["counts"]["deliveries"].as_u64().expect("a number");
    let outcome = |name: &str| ended["outcome"][name].as_u64().expect("a number");
    assert_eq!(outcome("succeeded") + outcome("cancelled"), made);
    assert!(ended["finished_at"].is_string());
    for event in &events {
        api.event_becomes(event, "delivered").await;
    }
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(sink.count(), sent);
}

/// Deliveries of a replay by their events, of which each is there once.
async fn each_once(api: &Client, id: &str, events: usize) {
    let mut cursor = String::new();
    let mut seen = std::collections::HashSet::new();
    loop {
        let path = format!("/v1/deliveries?replay_id={id}&limit=250&cursor={cursor}");
        let page = api.get(&path).await.expect(200);
        for delivery in page["data"].as_array().expect("a list") {
            assert!(seen.insert(delivery["event_id"].to_string()), "{delivery} is there twice");
        }
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(seen.len(), events);
}

async fn a_killed_server_goes_on_where_it_was(on: On) {
    const EVENTS: usize = 300;
    let world = World::new(on).await;
    let mut server = world.serve().await;
    let sink = Sink::start().await;
    let (source, _) = server.api().route("killed", &sink.url(), json!({})).await;
    let sends = (0..EVENTS).map(|n| {
        let (server, source) = (&server, source.clone());
        async move { server.event(&source, n.to_string()).await }
    });
    futures::future::join_all(sends).await;
    sink.receives(EVENTS).await;
    // Those of the first round are recorded before the next one, which else would find them open.
    eventually(SOON, "everything is delivered", async || {
        server.api().get("/v1/events?status=processing").await.list().is_empty().then_some(())
    })
    .await;
    let id = server.api().make("replays", everything(json!({ "rate_per_second": 60 }))).await;
    // On PostgreSQL another process waits until the lease of the killed one has run out.
    let kills = if on == On::Sqlite { &[20, 60, 120][..] } else { &[20] };
    for further in kills {
        sink.receives(EVENTS + further).await;
        server.kill();
        server = world.serve().await;
    }
    let done = settles(server.api(), &id, TAKEN_OVER).await;
    assert_eq!(done["counts"]["deliveries"], EVENTS);
    assert_eq!(done["outcome"]["succeeded"], EVENTS);
    each_once(server.api(), &id, EVENTS).await;
}

async fn two_nodes_send_everything_once(on: On) {
    const EVENTS: usize = 200;
    let world = World::new(on).await;
    let (first, second) = (world.serve().await, world.serve().await);
    let sink = Sink::start().await;
    let (source, _) = first.api().route("shared", &sink.url(), json!({})).await;
    let sends = (0..EVENTS).map(|n| {
        let (server, source) = (&first, source.clone());
        async move { server.event(&source, n.to_string()).await }
    });
    futures::future::join_all(sends).await;
    sink.receives(EVENTS).await;
    eventually(SOON, "everything is delivered", async || {
        second.api().get("/v1/events?status=processing").await.list().is_empty().then_some(())
    })
    .await;
    let ids = [
        first.api().make("replays", everything(json!({ "rate_per_second": 100 }))).await,
        second.api().make("replays", everything(json!({ "source_id": source }))).await,
    ];
    for id in &ids {
        let done = settles(second.api(), id, SOON).await;
        let counts = &done["counts"];
        let of = |name: &str| counts[name].as_u64().expect("a number");
        // One leaves to the other what that has not yet delivered.
        assert_eq!(of("deliveries") + of("still_open"), EVENTS as u64, "{done}");
        each_once(first.api(), id, usize::try_from(of("deliveries")).expect("fits")).await;
    }
}

async fn a_deleted_connection_ends_its_replay(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::start().await;
    let (source, _) = api.route("gone", &sink.url(), json!({})).await;
    let connection = api.all("/v1/connections").await[0]["id"].as_str().expect("an id").to_owned();
    let bodies: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    delivered(&server, &source, &bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let wanted = json!({ "connection_id": connection, "rate_per_second": 2 });
    let id = api.make("replays", everything(wanted)).await;
    sink.receives(21).await;
    assert_eq!(api.delete(&format!("/v1/connections/{connection}")).await.status, 204);
    let failed = becomes(api, &id, "failed", SOON).await;
    assert_eq!(failed["error"], "the connection was deleted");
}
