//! Several servers on one PostgreSQL.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    durability::{Load, assert_none_twice, reconcile},
    world::{On, Reply, Sink, World, eventually},
};

on_postgres!(
    two_nodes_share_the_work,
    both_nodes_work_on_one_backlog,
    a_node_that_is_killed_is_taken_over,
    a_change_through_one_node_holds_on_the_other,
    what_a_node_has_not_heard_of_yet_is_not_dropped,
    nodes_that_start_at_once_agree_on_the_schema,
);

async fn two_nodes_share_the_work(on: On) {
    let world = World::new(on).await;
    let (a, b) = (world.serve().await, world.serve().await);
    let sink = Sink::start().await;
    let (source, _) = a.api().route("shared", &sink.url(), json!({})).await;
    eventually(Duration::from_secs(1), "b knows where it goes", async || {
        let answer = b.post(&source, "first").await;
        (answer.status == 200 && !b.api().deliveries(answer.json()["event_id"].as_str()?).await.is_empty())
            .then_some(())
    })
    .await;
    let load = Load::start(&[&a, &b], &source);
    load.runs(200, Duration::from_secs(2)).await;
    let acknowledged = load.end().await;
    reconcile(b.api(), &sink, &acknowledged, Duration::from_secs(20)).await;
    assert_none_twice(&sink);
}

async fn both_nodes_work_on_one_backlog(on: On) {
    let world = World::new(on).await;
    let (a, b) = (world.serve().await, world.serve().await);
    let slow = Reply::After(Duration::from_millis(700), Box::new(Reply::Status(200)));
    let sink = Sink::replying(slow).await;
    let (source, _) = a.api().route("backlog", &sink.url(), json!({})).await;
    // More than one node's lane takes at once, all by way of one node.
    futures::future::join_all((0..200).map(|_| a.event(&source, "x"))).await;
    let sql = "SELECT count(DISTINCT lease_owner) FROM deliveries WHERE lease_owner IS NOT NULL";
    eventually(Duration::from_secs(5), "both have taken some", async || {
        (world.database().numbers(sql).await == [2]).then_some(())
    })
    .await;
    sink.receives(200).await;
    eventually(Duration::from_secs(10), "all are delivered", async || {
        b.api().get("/v1/events?status=processing").await.list().is_empty().then_some(())
    })
    .await;
    assert_none_twice(&sink);
    assert_eq!(sink.count(), 200);
}

async fn a_node_that_is_killed_is_taken_over(on: On) {
    const EVENTS: usize = 20;
    let world = World::new(on).await;
    let (a, b) = (world.serve().await, world.serve().await);
    let sink = Sink::replying(Reply::Hang).await;
    // What the other node has taken itself hangs as well, and is tried again.
    let retry = json!({ "strategy": "schedule", "intervals_seconds": [0], "max_attempts": 2 });
    let (source, _) = a.api().route("left", &sink.url(), json!({ "timeout_ms": 8000, "retry": retry })).await;
    let events = futures::future::join_all((0..EVENTS).map(|_| a.event(&source, "x"))).await;
    sink.receives(EVENTS).await;
    a.kill();
    sink.now_replies(Reply::Status(200));
    let start = Instant::now();
    eventually(Duration::from_secs(20), "the other node makes them", async || {
        b.api().get("/v1/events?status=processing").await.list().is_empty().then_some(())
    })
    .await;
    assert!(start.elapsed() > Duration::from_secs(3), "a node that may yet be alive is not robbed");
    let mut attempts = 0;
    for event in &events {
        let delivery = b.api().delivery_becomes(event, "succeeded").await;
        attempts += delivery["attempt_count"].as_u64().expect("a number");
    }
    assert!(attempts < 2 * EVENTS as u64, "what the killed node had begun left no trace");
    assert_eq!(sink.count(), 2 * EVENTS);
}

async fn a_change_through_one_node_holds_on_the_other(on: On) {
    const SOON: Duration = Duration::from_secs(1);
    let world = World::new(on).await;
    let (a, b) = (world.serve().await, world.serve().await);
    let becomes = async |source: &str, status: u16| {
        eventually(SOON, &format!("b answers {status}"), async || {
            (b.post(source, "x").await.status == status).then_some(())
        })
        .await;
    };
    let (old, new) = (Sink::start().await, Sink::start().await);
    let (source, destination) = a.api().route("changed", &old.url(), json!({})).await;
    becomes(&source, 200).await;
    let path = format!("/v1/sources/{source}");
    a.api().patch(&path, json!({ "status": "paused" })).await.expect(200);
    becomes(&source, 404).await;
    a.api().patch(&path, json!({ "status": "active" })).await.expect(200);
    becomes(&source, 200).await;

    a.api()
        .patch(&format!("/v1/destinations/{destination}"), json!({ "config": { "url": new.url() } }))
        .await
        .expect(200);
    eventually(SOON, "b delivers to the new address", async || {
        b.event(&source, "y").await;
        (new.count() > 0).then_some(())
    })
    .await;
    a.api().delete(&path).await.expect(204);
    becomes(&source, 410).await;

    let key = a.api().post("/v1/api-keys", json!({ "name": "short-lived", "scopes": ["read"] })).await.expect(201);
    let with_key = b.client_with(key["key"].as_str().expect("a key"));
    with_key.get("/v1/sources").await.expect(200);
    a.api().delete(&format!("/v1/api-keys/{}", key["id"].as_str().expect("an id"))).await.expect(204);
    with_key.get("/v1/sources").await.problem(401, "unauthenticated");
}

async fn what_a_node_has_not_heard_of_yet_is_not_dropped(on: On) {
    const BURST: usize = 150;
    let world = World::new(on).await;
    let (a, _b) = (world.serve().await, world.serve().await);
    let sink = Sink::replying(Reply::After(Duration::from_millis(100), Box::new(Reply::Status(200)))).await;
    for round in 1..=4 {
        // The news of the deliveries may be quicker than that of their connection.
        let (source, _) = a.api().route(&format!("new {round}"), &sink.url(), json!({})).await;
        futures::future::join_all((0..BURST).map(|_| a.event(&source, "x"))).await;
        sink.receives(round * BURST).await;
    }
    eventually(Duration::from_secs(10), "all are delivered", async || {
        a.api().get("/v1/events?status=processing").await.list().is_empty().then_some(())
    })
    .await;
    assert!(a.api().get("/v1/deliveries?status=cancelled").await.list().is_empty());
    assert_none_twice(&sink);
}

async fn nodes_that_start_at_once_agree_on_the_schema(on: On) {
    let world = World::empty(on).await;
    let (a, b, c) = tokio::join!(world.serve(), world.serve(), world.serve());
    for node in [&a, &b, &c] {
        assert_eq!(node.api().get("/readyz").await.status, 200);
    }
}
