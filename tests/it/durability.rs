//! What was acknowledged is never lost: a server that is killed or stopped under load, and what stands there afterwards.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::world::{Load, On, Reply, Server, Sink, World, assert_none_twice, eventually, reconcile};

on_both_databases!(
    killed_under_load_nothing_acknowledged_is_lost,
    stopped_under_load_nothing_is_lost_and_nothing_sent_twice,
    stopping_waits_for_what_is_being_sent,
    what_hangs_does_not_keep_the_server_from_stopping,
    retries_survive_a_restart,
);

/// Longer than a node that died keeps its leases, and until the others look.
const TAKEN_OVER: Duration = Duration::from_secs(20);
const WORKED_OFF: Duration = Duration::from_secs(30);
/// The longest that a server may take to stop.
const STOP_LIMIT: Duration = Duration::from_secs(40);

async fn killed_under_load_nothing_acknowledged_is_lost(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let (source, _) = server.api().route("load", &sink.url(), json!({})).await;
    let load = Load::start(&[&server], &source);
    load.runs(100, Duration::from_secs(2)).await;
    server.kill();
    let acknowledged = load.end().await;

    let server = world.serve().await;
    reconcile(server.api(), &sink, &acknowledged, TAKEN_OVER + WORKED_OFF).await;
    let source = server.api().get(&format!("/v1/sources/{source}")).await.expect(200);
    let stored = server.api().all("/v1/events").await.len();
    assert_eq!(source["event_count"], stored, "what is counted is what is stored");
}

async fn stopped_under_load_nothing_is_lost_and_nothing_sent_twice(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::replying(Reply::After(Duration::from_millis(20), Box::new(Reply::Status(200)))).await;
    let (source, _) = server.api().route("load", &sink.url(), json!({})).await;
    let load = Load::start(&[&server], &source);
    load.runs(100, Duration::from_secs(1)).await;
    let start = Instant::now();
    let status = server.terminate(STOP_LIMIT).await;
    assert!(status.success(), "{status}");
    assert!(start.elapsed() < Duration::from_secs(10), "nothing kept it for {:?}", start.elapsed());
    let acknowledged = load.end().await;
    let leased = world.database().numbers("SELECT count(*) FROM deliveries WHERE lease_owner IS NOT NULL").await;
    assert_eq!(leased, [0], "what it had taken it gave back");

    let server = world.serve().await;
    // There is nobody whose leases would have to run out.
    reconcile(server.api(), &sink, &acknowledged, WORKED_OFF).await;
    assert_none_twice(&sink);
}

async fn stopping_waits_for_what_is_being_sent(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::replying(Reply::After(Duration::from_secs(2), Box::new(Reply::Status(200)))).await;
    let (source, _) = server.api().route("slow", &sink.url(), json!({})).await;
    let event = server.event(&source, "x").await;
    sink.receives(1).await;
    let status = server.terminate(STOP_LIMIT).await;
    assert!(status.success(), "{status}");
    let server = world.serve().await;
    let delivery = server.api().delivery_becomes(&event, "succeeded").await;
    assert_eq!(delivery["attempt_count"], 1);
    assert_eq!(sink.count(), 1);
}

async fn what_hangs_does_not_keep_the_server_from_stopping(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::replying(Reply::Hang).await;
    let (source, _) = server.api().route("hangs", &sink.url(), json!({ "timeout_ms": 120_000 })).await;
    let event = server.event(&source, "x").await;
    sink.receives(1).await;
    // A sender that is in the middle of its request does not keep it either.
    let sender = tokio::net::TcpStream::connect(server.address()).await.expect("it listens");
    let status = server.terminate(STOP_LIMIT).await;
    assert!(status.success(), "{status}");
    drop(sender);
    sink.now_replies(Reply::Status(200));
    let server = world.serve().await;
    let delivery = server.api().delivery_becomes(&event, "succeeded").await;
    assert_eq!(delivery["attempt_count"], 1, "the try that was broken off is made again");
}

async fn retries_survive_a_restart(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::in_turn([Reply::Status(500), Reply::Status(200)]).await;
    let retry = json!({ "strategy": "schedule", "intervals_seconds": [2], "max_attempts": 3, "jitter": 0 });
    let (source, destination) = server.api().route("later", &sink.url(), json!({ "retry": retry })).await;
    let held = server.api().destination("held", &sink.url(), json!({ "status": "paused" })).await;
    server.api().connect(&source, &held).await;
    let event = server.event(&source, "x").await;
    sink.receives(1).await;
    let waits = async |server: &Server| {
        let deliveries = server.api().deliveries(&event).await;
        deliveries.iter().any(|d| d["destination_id"] == destination.as_str() && d["status"] == "waiting").then_some(())
    };
    eventually(Duration::from_secs(5), "it waits", async || waits(&server).await).await;
    server.kill();
    let server = world.serve().await;
    sink.receives(2).await;
    server.api().post(&format!("/v1/destinations/{held}/resume"), json!({})).await.expect(200);
    server.api().event_becomes(&event, "delivered").await;
    assert_eq!(sink.count(), 3);
}
