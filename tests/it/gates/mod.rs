//! What stands before a destination: its circuit breaker, its limits, its order, on one node and on several.

mod nodes;
mod together;

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::world::{Client, On, Received, Reply, Sink, World, assert_none_twice, destination, eventually};

on_both_databases!(
    a_dead_receiver_is_left_alone_and_then_drained,
    a_circuit_is_reset_by_hand,
    a_receiver_that_says_no_is_not_dead,
    a_rate_is_kept,
    deliveries_of_a_key_arrive_in_order,
    a_pause_keeps_the_order,
    without_an_order_nobody_waits,
    gates_are_set_and_refused_by_name,
);

/// Waits until the circuit of a destination is so, and every node knows.
async fn circuit_becomes(api: &Client, destination: &str, state: &str) -> Value {
    // The database has it at once; the nodes are told, or ask twice a second.
    const KNOWN: Duration = Duration::from_millis(600);
    let circuit = eventually(Duration::from_secs(10), &format!("the circuit becomes {state}"), async || {
        Some(api.get(&format!("/v1/destinations/{destination}/circuit")).await.expect(200))
            .filter(|circuit| circuit["state"] == state)
    })
    .await;
    tokio::time::sleep(KNOWN).await;
    circuit
}

/// Waits until nothing is open any more.
async fn all_end(api: &Client, limit: Duration) {
    eventually(limit, "all deliveries end", async || {
        api.get("/v1/events?status=processing").await.list().is_empty().then_some(())
    })
    .await;
}

/// The most requests that came within `window`.
fn most_within(received: &[Received], window: Duration) -> usize {
    let mut at: Vec<Instant> = received.iter().map(|request| request.at).collect();
    at.sort_unstable();
    let within = |start: usize| at[start..].iter().take_while(|it| it.duration_since(at[start]) < window).count();
    (0..at.len()).map(within).max().unwrap_or(0)
}

async fn a_dead_receiver_is_left_alone_and_then_drained(on: On) {
    const WAITING: usize = 30;
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::replying(Reply::Status(500)).await;
    let more = json!({
        "retry": { "strategy": "schedule", "intervals_seconds": [1], "max_attempts": 50, "jitter": 0 },
        "circuit_breaker": { "failure_threshold": 3, "reset_seconds": 4 },
    });
    let (source, destination) = api.route("dead", &sink.url(), more).await;
    let path = format!("/v1/destinations/{destination}/circuit");
    let never = json!({ "state": "closed", "failure_count": 0, "changed_at": null, "retry_at": null });
    assert_eq!(api.get(&path).await.expect(200), never);
    for count in 1..=3 {
        server.event(&source, "x").await;
        sink.receives(count).await;
    }
    let open = circuit_becomes(api, &destination, "open").await;
    let opened = Instant::now();
    assert_eq!(open["failure_count"], 3);
    assert!(open["retry_at"].as_str() > open["changed_at"].as_str(), "{open}");

    // What comes now waits, as does what has its time to be tried again.
    let waiting = futures::future::join_all((0..WAITING).map(|_| server.event(&source, "y"))).await;
    tokio::time::sleep(Duration::from_millis(1800)).await;
    assert_eq!(sink.count(), 3, "nothing goes out while it is open");
    for event in &waiting {
        let delivery = api.delivery_becomes(event, "pending").await;
        assert_eq!(delivery["attempt_count"], 0, "and no attempt is lost");
    }
    // One tries it, and it stays open.
    sink.receives(4).await;
    assert!(opened.elapsed() > Duration::from_secs(2), "it came before its time");
    eventually(Duration::from_secs(5), "the circuit opens again", async || {
        let circuit = api.get(&path).await.expect(200);
        (circuit["state"] == "open" && circuit["failure_count"] == 4).then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(sink.count(), 4, "one alone was tried");

    sink.now_replies(Reply::Status(200));
    circuit_becomes(api, &destination, "closed").await;
    all_end(api, Duration::from_secs(20)).await;
    assert_eq!(sink.count(), 4 + 3 + WAITING, "each was delivered once, and none was tried in vain");
    assert_eq!(api.get(&path).await.expect(200)["failure_count"], 0);
}

async fn a_circuit_is_reset_by_hand(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::replying(Reply::Status(503)).await;
    let more = json!({ "circuit_breaker": { "failure_threshold": 1, "reset_seconds": 3600 } });
    let (source, destination) = api.route("reset", &sink.url(), more).await;
    let path = format!("/v1/destinations/{destination}");
    server.event(&source, "x").await;
    circuit_becomes(api, &destination, "open").await;
    let waiting = server.event(&source, "y").await;
    sink.now_replies(Reply::Status(200));
    let closed = api.post(&format!("{path}/circuit/reset"), json!({})).await.expect(200);
    assert_eq!((&closed["state"], &closed["failure_count"]), (&json!("closed"), &json!(0)));
    assert!(closed["changed_at"].is_string() && closed["retry_at"].is_null(), "{closed}");
    api.event_becomes(&waiting, "delivered").await;

    // Without a breaker there is nothing to be open, and what it was does not come back.
    sink.now_replies(Reply::Status(500));
    server.event(&source, "x").await;
    circuit_becomes(api, &destination, "open").await;
    let waiting = server.event(&source, "z").await;
    sink.now_replies(Reply::Status(200));
    api.patch(&path, json!({ "circuit_breaker": { "enabled": false } })).await.expect(200);
    api.event_becomes(&waiting, "delivered").await;
    circuit_becomes(api, &destination, "closed").await;
    api.patch(&path, json!({ "circuit_breaker": { "enabled": true } })).await.expect(200);
    circuit_becomes(api, &destination, "closed").await;

    let read_only = api.post("/v1/api-keys", json!({ "name": "reads", "scopes": ["read"] })).await.expect(201);
    let read_only = api.with_key(read_only["key"].as_str().expect("a key"));
    read_only.get(&format!("{path}/circuit")).await.expect(200);
    read_only.post(&format!("{path}/circuit/reset"), json!({})).await.problem(403, "forbidden");
    let nothing = format!("/v1/destinations/dst_{}/circuit", "0".repeat(32));
    api.get(&nothing).await.problem(404, "not_found");
    api.post(&format!("{nothing}/reset"), json!({})).await.problem(404, "not_found");
}

async fn a_receiver_that_says_no_is_not_dead(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::replying(Reply::Status(422)).await;
    let more = json!({
        "retry": { "give_up_on": [422] },
        "circuit_breaker": { "failure_threshold": 2, "reset_seconds": 3600 },
    });
    let (source, destination) = api.route("no", &sink.url(), more).await;
    for _ in 0..5 {
        let event = server.event(&source, "x").await;
        api.event_becomes(&event, "failed").await;
    }
    assert_eq!(sink.count(), 5);
    let circuit = api.get(&format!("/v1/destinations/{destination}/circuit")).await.expect(200);
    assert_eq!((&circuit["state"], &circuit["failure_count"]), (&json!("closed"), &json!(0)));
}

async fn a_rate_is_kept(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::start().await;
    let (source, destination) = api.route("rate", &sink.url(), json!({ "rate_limit": { "limit": 20 } })).await;
    let start = Instant::now();
    futures::future::join_all((0..50).map(|_| server.event(&source, "x"))).await;
    sink.receives(50).await;
    assert!(start.elapsed() > Duration::from_millis(2400), "{:?}", start.elapsed());
    let most = most_within(&sink.received(), Duration::from_secs(1));
    assert!(most <= 22, "{most} within a second, with what the way there may move");
    all_end(api, Duration::from_secs(5)).await;
    // To wait is not to fail.
    let deliveries = api.all("/v1/deliveries").await;
    assert!(deliveries.iter().all(|delivery| delivery["attempt_count"] == 1 && delivery["status"] == "succeeded"));
    // Without the limit they go at once.
    api.patch(&format!("/v1/destinations/{destination}"), json!({ "rate_limit": null })).await.expect(200);
    let start = Instant::now();
    futures::future::join_all((0..50).map(|_| server.event(&source, "x"))).await;
    sink.receives(100).await;
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_none_twice(&sink);
}

/// `{"customer": …, "n": …}` as it was sent.
fn numbered(request: &Received) -> (String, u64) {
    let body: Value = serde_json::from_slice(&request.body).expect("JSON");
    (body["customer"].as_str().expect("a customer").to_owned(), body["n"].as_u64().expect("a number"))
}

fn body(customer: &str, n: u64) -> String {
    json!({ "n": n, "customer": customer }).to_string()
}

async fn deliveries_of_a_key_arrive_in_order(on: On) {
    const EACH: u64 = 8;
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let mut tries: HashMap<(String, u64), u32> = HashMap::new();
    // One customer's third fails twice, and another's first for good.
    let sink = Sink::scripted(move |request| {
        let tries = tries.entry(numbered(request)).or_default();
        *tries += 1;
        match (numbered(request).0.as_str(), numbered(request).1) {
            ("ann", 2) if *tries < 3 => Reply::Status(500),
            ("bob", 0) => Reply::Status(500),
            _ => Reply::Status(200),
        }
    })
    .await;
    let more = json!({
        "ordering": { "mode": "ordered", "key": "payload.customer" },
        "retry": { "strategy": "schedule", "intervals_seconds": [1], "max_attempts": 3, "jitter": 0 },
        "circuit_breaker": { "enabled": false },
    });
    let (source, _) = api.route("order", &sink.url(), more).await;
    let mut failed = String::new();
    for n in 0..EACH {
        for customer in ["ann", "bob", "cid"] {
            let event = server.event(&source, body(customer, n)).await;
            if (customer, n) == ("bob", 0) {
                failed = event;
            }
        }
    }
    // Others do not wait for those that fail.
    eventually(Duration::from_secs(2), "another key goes on", async || {
        let of_cid = sink.received().iter().filter(|request| numbered(request).0 == "cid").count();
        (of_cid == usize::try_from(EACH).expect("few")).then_some(())
    })
    .await;
    all_end(api, Duration::from_secs(20)).await;
    let mut by_customer: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for request in sink.received() {
        let (customer, n) = numbered(&request);
        by_customer.entry(customer).or_default().push(n);
    }
    assert_eq!(by_customer["ann"], [0, 1, 2, 2, 2, 3, 4, 5, 6, 7]);
    assert_eq!(by_customer["bob"], [0, 0, 0, 1, 2, 3, 4, 5, 6, 7], "what is given up holds nobody up");
    assert_eq!(by_customer["cid"], (0..EACH).collect::<Vec<_>>());
    assert_eq!(api.delivery_becomes(&failed, "failed").await["attempt_count"], 3);
}

async fn a_pause_keeps_the_order(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::replying(Reply::After(Duration::from_millis(20), Box::new(Reply::Status(200)))).await;
    let (source, destination) = api.route("pause", &sink.url(), json!({ "ordering": { "mode": "ordered" } })).await;
    let path = format!("/v1/destinations/{destination}");
    for n in 0..30 {
        if n == 10 {
            api.post(&format!("{path}/pause"), json!({})).await.expect(200);
        }
        if n == 20 {
            api.post(&format!("{path}/resume"), json!({})).await.expect(200);
        }
        server.event(&source, body("all", n)).await;
    }
    sink.receives(30).await;
    let order: Vec<_> = sink.received().iter().map(|request| numbered(request).1).collect();
    assert_eq!(order, (0..30).collect::<Vec<_>>());
    all_end(api, Duration::from_secs(5)).await;
}

async fn without_an_order_nobody_waits(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let mut is_first = true;
    let sink =
        Sink::scripted(move |_| if std::mem::take(&mut is_first) { Reply::Hang } else { Reply::Status(200) }).await;
    let more = json!({ "ordering": { "mode": "ordered", "key": "headers.x-none" }, "timeout_ms": 60_000 });
    let (source, destination) = api.route("released", &sink.url(), more).await;
    server.event(&source, body("all", 0)).await;
    sink.receives(1).await;
    for n in 1..10 {
        let event = server.event(&source, body("all", n)).await;
        api.delivery_becomes(&event, "held").await;
    }
    assert_eq!(sink.count(), 1);
    let path = format!("/v1/destinations/{destination}");
    let changed = api.patch(&path, json!({ "ordering": { "mode": "parallel" } })).await.expect(200);
    assert_eq!(changed["ordering"], json!({ "mode": "parallel", "key": null }));
    sink.receives(10).await;
}

async fn gates_are_set_and_refused_by_name(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let made = api.post("/v1/destinations", destination("gates", "https://example.com/", json!({}))).await.expect(201);
    assert_eq!(made["circuit_breaker"], json!({ "enabled": true, "failure_threshold": 5, "reset_seconds": 60 }));
    assert_eq!((&made["rate_limit"], &made["ordering"]), (&Value::Null, &json!({ "mode": "parallel", "key": null })));
    let path = format!("/v1/destinations/{}", made["id"].as_str().expect("an id"));
    let patch = async |patch: Value| api.patch(&path, patch).await.expect(200);
    let limit = json!({ "rate_limit": { "limit": 10, "per": "minute", "max_in_flight": 3 } });
    let key = json!({ "ordering": { "mode": "ordered", "key": "payload.customer" } });
    assert_eq!(patch(limit.clone()).await["rate_limit"], limit["rate_limit"]);
    assert_eq!(patch(key.clone()).await["ordering"], key["ordering"]);
    let changed = patch(json!({ "circuit_breaker": { "reset_seconds": 5 }, "rate_limit": { "limit": 11 } })).await;
    assert_eq!(changed["circuit_breaker"], json!({ "enabled": true, "failure_threshold": 5, "reset_seconds": 5 }));
    assert_eq!(changed["rate_limit"], json!({ "limit": 11, "per": "minute", "max_in_flight": 3 }));
    assert_eq!(changed["ordering"], key["ordering"], "what a patch does not name stays");
    let cap = patch(json!({ "rate_limit": { "limit": null } })).await;
    assert_eq!(cap["rate_limit"], json!({ "limit": null, "per": null, "max_in_flight": 3 }));
    assert_eq!(patch(json!({ "ordering": { "mode": "parallel" } })).await["ordering"], made["ordering"]);
    assert_eq!(patch(json!({ "ordering": null, "rate_limit": null })).await["rate_limit"], Value::Null);

    for (setting, value, field) in [
        ("circuit_breaker", json!({ "failure_threshold": 0 }), "circuit_breaker.failure_threshold"),
        ("circuit_breaker", json!({ "reset_seconds": 86_401 }), "circuit_breaker.reset_seconds"),
        ("circuit_breaker", json!({ "enabled": "yes" }), "circuit_breaker.enabled"),
        ("circuit_breaker", json!({ "colour": 1 }), "circuit_breaker.colour"),
        ("rate_limit", json!({}), "rate_limit.limit"),
        ("rate_limit", json!({ "limit": 0 }), "rate_limit.limit"),
        ("rate_limit", json!({ "limit": 1, "per": "day" }), "rate_limit.per"),
        ("rate_limit", json!({ "limit": 1, "max_in_flight": 1001 }), "rate_limit.max_in_flight"),
        ("ordering", json!({ "mode": "sorted" }), "ordering.mode"),
        ("ordering", json!({ "mode": "ordered", "key": "customer" }), "ordering.key"),
        ("ordering", json!({ "mode": "parallel", "key": "payload.a" }), "ordering.key"),
    ] {
        let mut more = json!({});
        more[setting] = value;
        api.post("/v1/destinations", destination("refused", "https://example.com/", more)).await.field_error(field);
    }
}
