//! The same on several nodes: one probe, one rate, one cap, one order.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{all_end, body, circuit_becomes, most_within, numbered};
use crate::world::{On, Reply, Sink, World, assert_none_twice};

on_postgres!(
    two_nodes_try_a_dead_receiver_once,
    a_reset_through_one_node_holds_on_the_other,
    two_nodes_keep_one_rate,
    two_nodes_keep_one_cap,
    a_killed_node_breaks_no_order,
);

async fn two_nodes_try_a_dead_receiver_once(on: On) {
    const WAITING: usize = 40;
    let world = World::new(on).await;
    let (a, b) = (world.serve().await, world.serve().await);
    let sink = Sink::replying(Reply::Status(500)).await;
    let more = json!({
        "retry": { "strategy": "schedule", "intervals_seconds": [0], "max_attempts": 50, "jitter": 0 },
        "circuit_breaker": { "failure_threshold": 1, "reset_seconds": 2 },
    });
    let (source, destination) = a.api().route("dead", &sink.url(), more).await;
    a.event(&source, "x").await;
    circuit_becomes(b.api(), &destination, "open").await;
    let before = sink.count();
    b.knows_the_way(&source, "known").await;
    let posts = (0..WAITING).map(|number| if number % 2 == 0 { a.event(&source, "y") } else { b.event(&source, "y") });
    futures::future::join_all(posts).await;
    sink.receives(before + 3).await;
    let received = sink.received();
    for pair in received[before..before + 3].windows(2) {
        let apart = pair[1].at.duration_since(pair[0].at);
        assert!(apart > Duration::from_millis(1900), "two were tried {apart:?} after one another");
    }
    sink.now_replies(Reply::Status(200));
    circuit_becomes(a.api(), &destination, "closed").await;
    all_end(a.api(), Duration::from_secs(20)).await;
    assert_eq!(b.api().get("/v1/deliveries?status=failed").await.list().len(), 0);
}

async fn a_reset_through_one_node_holds_on_the_other(on: On) {
    let world = World::new(on).await;
    let (a, b) = (world.serve().await, world.serve().await);
    let sink = Sink::replying(Reply::Status(500)).await;
    let more = json!({ "circuit_breaker": { "failure_threshold": 1, "reset_seconds": 3600 } });
    let (source, destination) = a.api().route("reset", &sink.url(), more).await;
    a.event(&source, "x").await;
    circuit_becomes(b.api(), &destination, "open").await;
    let waiting = futures::future::join_all((0..10).map(|_| a.event(&source, "y"))).await;
    assert_eq!(sink.count(), 1);
    sink.now_replies(Reply::Status(200));
    b.api().post(&format!("/v1/destinations/{destination}/circuit/reset"), json!({})).await.expect(200);
    let start = Instant::now();
    for event in &waiting {
        a.api().event_becomes(event, "delivered").await;
    }
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    // And what comes new through the other goes at once.
    let start = Instant::now();
    let event = a.event(&source, "z").await;
    a.api().event_becomes(&event, "delivered").await;
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

async fn two_nodes_keep_one_rate(on: On) {
    let world = World::new(on).await;
    let (a, b) = (world.serve().await, world.serve().await);
    // A retry takes its part of the rate as well.
    let mut count = 0;
    let sink = Sink::scripted(move |_| {
        count += 1;
        if count % 4 == 0 { Reply::Status(500) } else { Reply::Status(200) }
    })
    .await;
    let more = json!({
        "rate_limit": { "limit": 25, "per": "second" },
        "retry": { "strategy": "schedule", "intervals_seconds": [0], "max_attempts": 20 },
    });
    let (source, _) = a.api().route("rate", &sink.url(), more).await;
    b.knows_the_way(&source, "known").await;
    let posts = (0..80).map(|number| if number % 2 == 0 { a.event(&source, "x") } else { b.event(&source, "x") });
    futures::future::join_all(posts).await;
    all_end(a.api(), Duration::from_secs(20)).await;
    let received = sink.received();
    assert!(received.len() > 100, "{} with retries", received.len());
    let most = most_within(&received, Duration::from_secs(1));
    assert!(most <= 27, "{most} within a second, with what the way there may move");
    let took = received.iter().map(|request| request.at).max().expect("some").duration_since(received[0].at);
    let fewest = u32::try_from(received.len()).expect("few") / 25;
    assert!(took >= Duration::from_secs(1) * (fewest - 1), "{} within {took:?}", received.len());
    assert!(
        took <= Duration::from_secs(2) * (fewest + 2),
        "the rate is made use of: {} within {took:?}",
        received.len()
    );
}

async fn two_nodes_keep_one_cap(on: On) {
    const ANSWER: Duration = Duration::from_millis(150);
    let world = World::new(on).await;
    let (a, b) = (world.serve().await, world.serve().await);
    let sink = Sink::replying(Reply::After(ANSWER, Box::new(Reply::Status(200)))).await;
    let (source, _) = a.api().route("cap", &sink.url(), json!({ "rate_limit": { "max_in_flight": 3 } })).await;
    b.knows_the_way(&source, "known").await;
    let posts = (0..40).map(|number| if number % 2 == 0 { a.event(&source, "x") } else { b.event(&source, "x") });
    futures::future::join_all(posts).await;
    let start = Instant::now();
    let sql = "SELECT count(*) FROM deliveries WHERE lease_owner IS NOT NULL";
    while sink.count() < 41 {
        let leased = world.database().numbers(sql).await;
        assert!(leased[0] <= 3, "{leased:?} at once");
        assert!(start.elapsed() < Duration::from_secs(20), "{} came", sink.count());
    }
    let most = most_within(&sink.received(), ANSWER);
    assert!(most <= 3, "{most} at once");
    assert!(start.elapsed() < Duration::from_secs(15), "the cap is made use of: {:?}", start.elapsed());
    all_end(a.api(), Duration::from_secs(5)).await;
    assert_none_twice(&sink);
}

async fn a_killed_node_breaks_no_order(on: On) {
    const EACH: u64 = 30;
    const CUSTOMERS: [&str; 4] = ["ann", "bob", "cid", "dot"];
    let world = World::new(on).await;
    let (a, b) = (world.serve().await, world.serve().await);
    let sink = Sink::replying(Reply::After(Duration::from_millis(15), Box::new(Reply::Status(200)))).await;
    let more = json!({
        "ordering": { "mode": "ordered", "key": "payload.customer" },
        "retry": { "strategy": "schedule", "intervals_seconds": [1], "max_attempts": 5 },
    });
    let (source, _) = a.api().route("killed", &sink.url(), more).await;
    b.knows_the_way(&source, &body("eve", 0)).await;
    let mut a = Some(a);
    for n in 0..EACH {
        if n == EACH / 2 {
            a.take().expect("it lives until here").kill();
        }
        // One after the other, through the one node and the other.
        let through = a.as_ref().filter(|_| n % 2 == 0).unwrap_or(&b);
        futures::future::join_all(CUSTOMERS.map(|customer| through.event(&source, body(customer, n)))).await;
    }
    all_end(b.api(), Duration::from_secs(40)).await;
    let mut last: HashMap<String, u64> = HashMap::new();
    let mut repeats = 0;
    for request in sink.received() {
        let (customer, n) = numbered(&request);
        match last.insert(customer.clone(), n) {
            None => assert_eq!(n, 0, "{customer} begins with {n}"),
            // What was being sent when its node died comes again, before what follows it.
            Some(before) if before == n => repeats += 1,
            Some(before) => assert_eq!(n, before + 1, "of {customer} {n} came after {before}"),
        }
    }
    assert!(CUSTOMERS.iter().all(|customer| last[*customer] == EACH - 1), "{last:?}");
    assert!(repeats <= CUSTOMERS.len(), "{repeats} came twice");
}
