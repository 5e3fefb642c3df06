//! Lanes, which keep one destination from delaying another, and what holds deliveries back.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::{Client, On, Reply, Sink, World, eventually};

on_both_databases!(
    a_dead_destination_delays_no_other,
    many_dead_destinations_delay_no_other,
    a_slow_destination_gets_many_at_once,
    a_backlog_is_worked_off,
    a_paused_destination_holds_until_it_is_resumed,
    a_pause_holds_what_waits_for_its_next_try,
    a_paused_connection_holds_and_a_disabled_one_makes_none,
    a_destination_that_moves_gets_what_was_held,
    what_waits_for_a_deleted_destination_ends,
);

/// Deliveries that a destination is sent at once before it has answered any.
const FIRST_WIDTH: usize = 16;

async fn a_dead_destination_delays_no_other(on: On) {
    const QUEUED: usize = 300;
    let world = World::new(on).await;
    let server = world.serve().await;
    let (dead, well) = (Sink::replying(Reply::Hang).await, Sink::start().await);
    let (to_dead, _) = server.api().route("dead", &dead.url(), json!({ "timeout_ms": 60_000 })).await;
    let (to_well, _) = server.api().route("well", &well.url(), json!({})).await;
    for _ in 0..QUEUED / 50 {
        let posts = (0..50).map(|_| server.event(&to_dead, "x"));
        futures::future::join_all(posts).await;
    }
    // As much as its lane is wide, and most of the rest stays in the database.
    dead.receives(FIRST_WIDTH).await;
    let start = Instant::now();
    for count in 1..=20 {
        server.event(&to_well, "x").await;
        well.receives(count).await;
    }
    let took = start.elapsed();
    assert!(took < Duration::from_secs(3), "20 deliveries, one after the other, took {took:?}");
    // A source that has both reaches the one as well.
    let both = server.api().source("both").await;
    for route in server.api().all("/v1/connections").await {
        server.api().connect(&both, route["destination_id"].as_str().expect("an id")).await;
    }
    let start = Instant::now();
    server.event(&both, "x").await;
    well.receives(21).await;
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(dead.count(), FIRST_WIDTH, "no more at once than the lane is wide");
}

async fn many_dead_destinations_delay_no_other(on: On) {
    const DEAD: usize = 20;
    const EACH: usize = 70;
    let world = World::new(on).await;
    let server = world.serve().await;
    let (dead, well) = (Sink::replying(Reply::Hang).await, Sink::start().await);
    let to_dead = server.api().source("dead").await;
    for number in 0..DEAD {
        let more = json!({ "timeout_ms": 60_000 });
        let destination = server.api().destination(&format!("dead {number}"), &dead.url(), more).await;
        server.api().connect(&to_dead, &destination).await;
    }
    let (to_well, _) = server.api().route("well", &well.url(), json!({})).await;
    futures::future::join_all((0..EACH).map(|_| server.event(&to_dead, "x"))).await;
    dead.receives(DEAD * FIRST_WIDTH).await;
    let start = Instant::now();
    for count in 1..=5 {
        server.event(&to_well, "x").await;
        well.receives(count).await;
    }
    let took = start.elapsed();
    assert!(took < Duration::from_secs(3), "5 deliveries, one after the other, took {took:?}");
}

async fn a_slow_destination_gets_many_at_once(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let slow = Reply::After(Duration::from_millis(500), Box::new(Reply::Status(200)));
    let sink = Sink::replying(slow).await;
    let (source, _) = server.api().route("slow", &sink.url(), json!({})).await;
    let start = Instant::now();
    futures::future::join_all((0..40).map(|_| server.event(&source, "x"))).await;
    sink.receives(40).await;
    assert!(start.elapsed() < Duration::from_secs(5), "one after the other it would take 20 s");
}

async fn a_backlog_is_worked_off(on: On) {
    const QUEUED: usize = 400;
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let (source, destination) = server.api().route("backlog", &sink.url(), json!({})).await;
    let path = format!("/v1/destinations/{destination}");
    server.api().post(&format!("{path}/pause"), json!({})).await.expect(200);
    for _ in 0..QUEUED / 50 {
        futures::future::join_all((0..50).map(|_| server.event(&source, "x"))).await;
    }
    assert_eq!(sink.count(), 0);
    server.api().post(&format!("{path}/resume"), json!({})).await.expect(200);
    sink.receives(QUEUED).await;
    all_become(server.api(), QUEUED, "succeeded").await;
    let mut ids: Vec<_> = sink.received().iter().map(crate::world::Received::event_id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), sink.count()), (QUEUED, QUEUED), "each once");
}

async fn a_paused_destination_holds_until_it_is_resumed(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let (paused, other) = (Sink::start().await, Sink::start().await);
    let (source, destination) = api.route("paused", &paused.url(), json!({})).await;
    let path = format!("/v1/destinations/{destination}");
    let elsewhere = api.destination("other", &other.url(), json!({})).await;
    api.connect(&source, &elsewhere).await;
    assert_eq!(api.post(&format!("{path}/pause"), json!({})).await.expect(200)["status"], "paused");

    let event = server.event(&source, "x").await;
    other.receives(1).await;
    let of = async |destination: &str| {
        let deliveries = api.deliveries(&event).await;
        deliveries.into_iter().find(|delivery| delivery["destination_id"] == destination).expect("one")
    };
    assert_eq!(of(&destination).await["status"], "held");
    assert_eq!(api.event(&event).await["status"], "processing");
    assert_eq!(paused.count(), 0);

    assert_eq!(api.post(&format!("{path}/resume"), json!({})).await.expect(200)["status"], "active");
    paused.receives(1).await;
    api.event_becomes(&event, "delivered").await;
    assert_eq!(of(&destination).await["attempt_count"], 1);
}

async fn a_pause_holds_what_waits_for_its_next_try(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::in_turn([Reply::Status(500), Reply::Status(200)]).await;
    let retry = json!({ "strategy": "schedule", "intervals_seconds": [1], "max_attempts": 3, "jitter": 0 });
    let (source, destination) = api.route("waiting", &sink.url(), json!({ "retry": retry })).await;
    let event = server.event(&source, "x").await;
    api.delivery_becomes(&event, "waiting").await;
    let path = format!("/v1/destinations/{destination}");
    api.patch(&path, json!({ "status": "paused" })).await.expect(200);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(sink.count(), 1, "nothing goes out while it is paused");
    api.patch(&path, json!({ "status": "active" })).await.expect(200);
    sink.receives(2).await;
    api.event_becomes(&event, "delivered").await;
}

async fn a_paused_connection_holds_and_a_disabled_one_makes_none(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::start().await;
    let source = api.source("switched").await;
    let destination = api.destination("switched", &sink.url(), json!({})).await;
    let connection = api.connect(&source, &destination).await;
    let path = format!("/v1/connections/{connection}");

    api.patch(&path, json!({ "status": "paused" })).await.expect(200);
    let held = server.event(&source, "held").await;
    api.delivery_becomes(&held, "held").await;
    assert_eq!(api.get(&format!("/v1/deliveries?status=held&connection_id={connection}")).await.list().len(), 1);

    api.patch(&path, json!({ "status": "disabled" })).await.expect(200);
    let none = server.event(&source, "none").await;
    assert_eq!(api.deliveries(&none).await, Vec::<Value>::new());
    assert_eq!(api.event(&none).await["status"], "received");

    api.patch(&path, json!({ "status": "active" })).await.expect(200);
    let sent = server.event(&source, "sent").await;
    api.event_becomes(&held, "delivered").await;
    api.event_becomes(&sent, "delivered").await;
    let mut bodies: Vec<_> = sink.received().into_iter().map(|request| request.body).collect();
    bodies.sort_unstable();
    assert_eq!(bodies, [b"held", b"sent"]);
    assert_eq!(api.event(&none).await["status"], "received");
}

async fn a_destination_that_moves_gets_what_was_held(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let (old, new) = (Sink::start().await, Sink::start().await);
    let (source, destination) = server.api().route("moves", &old.url(), json!({})).await;
    let path = format!("/v1/destinations/{destination}");
    server.api().post(&format!("{path}/pause"), json!({})).await.expect(200);
    let event = server.event(&source, "x").await;
    let patch = json!({ "config": { "url": new.url() }, "status": "active" });
    server.api().patch(&path, patch).await.expect(200);
    server.api().event_becomes(&event, "delivered").await;
    assert_eq!((old.count(), new.count()), (0, 1));
}

async fn what_waits_for_a_deleted_destination_ends(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::replying(Reply::Status(500)).await;
    let retry = json!({ "strategy": "schedule", "intervals_seconds": [1], "max_attempts": 9, "jitter": 0 });
    let (source, destination) = api.route("deleted", &sink.url(), json!({ "retry": retry })).await;
    let event = server.event(&source, "x").await;
    api.delivery_becomes(&event, "waiting").await;
    api.delete(&format!("/v1/destinations/{destination}")).await.expect(204);
    api.delivery_becomes(&event, "cancelled").await;
    let later = server.event(&source, "y").await;
    assert_eq!(api.deliveries(&later).await, Vec::<Value>::new());
    assert_eq!(sink.count(), 1);
}

/// Waits until so many deliveries have this status.
async fn all_become(api: &Client, count: usize, status: &str) {
    eventually(Duration::from_secs(20), &format!("{count} deliveries become {status}"), async || {
        let deliveries = api.all("/v1/deliveries").await;
        (deliveries.len() == count && deliveries.iter().all(|delivery| delivery["status"] == status)).then_some(())
    })
    .await;
}
