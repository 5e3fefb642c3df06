//! What holds at once: a rate, a cap and an order; a circuit that closes over a backlog; and what each destination has for
//! itself.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{all_end, body, circuit_becomes, most_within, numbered};
use crate::world::{On, Reply, Sink, World, assert_none_twice, destination, eventually};

on_both_databases!(
    a_rate_a_cap_and_an_order_hold_together,
    a_backlog_is_drained_a_few_at_a_time,
    each_destination_has_its_own_timeout,
);
on_postgres_too!(a_pause_through_one_node_holds_on_all);

async fn a_rate_a_cap_and_an_order_hold_together(on: On) {
    const CUSTOMERS: [&str; 4] = ["ana", "ben", "cem", "dia"];
    const EACH: u64 = 6;
    const TAKES: Duration = Duration::from_millis(120);
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::replying(Reply::After(TAKES, Box::new(Reply::Status(200)))).await;
    let more = json!({
        "rate_limit": { "limit": 20, "per": "second", "max_in_flight": 3 },
        "ordering": { "mode": "ordered", "key": "payload.customer" },
    });
    let (source, _) = server.api().route("all", &sink.url(), more).await;
    for n in 0..EACH {
        for customer in CUSTOMERS {
            server.event(&source, body(customer, n)).await;
        }
    }
    all_end(server.api(), Duration::from_secs(30)).await;
    let received = sink.received();
    assert_eq!(received.len(), CUSTOMERS.len() * usize::try_from(EACH).expect("few"));
    assert_none_twice(&sink);
    let mut next: HashMap<String, u64> = HashMap::new();
    for request in &received {
        let (customer, n) = numbered(request);
        let expected = next.entry(customer.clone()).or_default();
        assert_eq!(n, *expected, "{customer}");
        *expected += 1;
    }
    assert!(most_within(&received, Duration::from_secs(1)) <= 20, "{}", most_within(&received, Duration::from_secs(1)));
    // Each takes so long that those that come within that time are there at once.
    assert!(most_within(&received, TAKES) <= 3, "{}", most_within(&received, TAKES));
}

async fn a_backlog_is_drained_a_few_at_a_time(on: On) {
    const WAITING: usize = 60;
    const TAKES: Duration = Duration::from_millis(400);
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::replying(Reply::Status(500)).await;
    let more = json!({
        "retry": { "strategy": "schedule", "intervals_seconds": [3600], "max_attempts": 3 },
        "circuit_breaker": { "failure_threshold": 1, "reset_seconds": 3600 },
    });
    let (source, dest) = api.route("drained", &sink.url(), more).await;
    server.event(&source, "x").await;
    circuit_becomes(api, &dest, "open").await;
    futures::future::join_all((0..WAITING).map(|_| server.event(&source, "y"))).await;
    let before = sink.count();
    sink.now_replies(Reply::After(TAKES, Box::new(Reply::Status(200))));
    api.post(&format!("/v1/destinations/{dest}/circuit/reset"), json!({})).await.expect(200);
    let received = sink.receives(before + WAITING).await;
    let first = received[before].at;
    let at_once = received[before..].iter().filter(|it| it.at.duration_since(first) < TAKES).count();
    assert!(at_once <= WAITING / 4, "{at_once} of {WAITING} came before the first had been answered");
}

async fn each_destination_has_its_own_timeout(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::replying(Reply::Hang).await;
    let source = api.source("slow").await;
    let mut timeouts = HashMap::new();
    for timeout in [200_u64, 900, 2_000] {
        let input = destination(&format!("after {timeout}"), &sink.url(), json!({ "timeout_ms": timeout }));
        let dest = api.make("destinations", input).await;
        api.connect(&source, &dest).await;
        timeouts.insert(dest, timeout);
    }
    let begun = Instant::now();
    let event = server.event(&source, "x").await;
    for (dest, delivery) in api.deliveries_end(&event).await {
        let attempt = api.attempts(delivery["id"].as_str().expect("an id")).await.remove(0);
        let (timeout, latency) = (timeouts[&dest], attempt["latency_ms"].as_u64().expect("a latency"));
        assert_eq!(attempt["error_class"], "timeout");
        assert_eq!(attempt["error"], format!("no answer within {timeout} ms"));
        assert!((timeout..timeout + 1_500).contains(&latency), "{latency} for {timeout}");
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "they wait side by side");
}

async fn a_pause_through_one_node_holds_on_all(on: On) {
    let world = World::new(on).await;
    let (a, b) = (world.serve().await, world.serve().await);
    let sink = Sink::start().await;
    let (source, dest) = a.api().route("paused", &sink.url(), json!({})).await;
    b.knows_the_way(&source, "first").await;
    all_end(a.api(), Duration::from_secs(10)).await;
    let before = sink.count();
    a.api().post(&format!("/v1/destinations/{dest}/pause"), json!({})).await.expect(200);
    // Every node knows within half a second.
    eventually(Duration::from_secs(5), "the other node holds", async || {
        let event = b.event(&source, "second").await;
        let held = b.api().deliveries(&event).await.first().is_some_and(|it| it["status"] == "held");
        held.then_some(())
    })
    .await;
    let paused = sink.count();
    let events =
        futures::future::join_all((0..10).map(|n| if n % 2 == 0 { &a } else { &b }.event(&source, "third"))).await;
    for event in &events {
        b.api().delivery_becomes(event, "held").await;
    }
    assert_eq!(sink.count(), paused, "nothing goes out through either ({before} before)");
    b.api().post(&format!("/v1/destinations/{dest}/resume"), json!({})).await.expect(200);
    for event in &events {
        a.api().event_becomes(event, "delivered").await;
    }
    assert_none_twice(&sink);
}
