//! Several servers on one PostgreSQL.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::world::{
    CloseCode, Feed, Live, Load, On, Proxy, Reply, Sink, World, assert_none_twice, eventually, reconcile,
};

on_postgres!(
    two_nodes_share_the_work,
    both_nodes_work_on_one_backlog,
    a_node_that_is_killed_is_taken_over,
    one_of_three_is_killed_under_load,
    a_node_without_its_database_sends_nothing_that_others_took_over,
    a_page_hears_of_what_other_nodes_accept,
    a_change_through_one_node_holds_on_the_other,
    what_a_node_has_not_heard_of_yet_is_not_dropped,
    nodes_that_start_at_once_agree_on_the_schema,
    scheduled_work_goes_over_to_another_node,
    a_key_is_revoked_on_every_node_at_once,
);

async fn two_nodes_share_the_work(on: On) {
    let world = World::new(on).await;
    let (a, b) = (world.serve().await, world.serve().await);
    let sink = Sink::start().await;
    let (source, _) = a.api().route("shared", &sink.url(), json!({})).await;
    b.knows_the_way(&source, "first").await;
    let load = Load::start(&[&a, &b], &source);
    load.runs(200, Duration::from_secs(2)).await;
    let acknowledged = load.end().await;
    reconcile(b.api(), &sink, &acknowledged, Duration::from_secs(20)).await;
    assert_none_twice(&sink);
}

async fn both_nodes_work_on_one_backlog(on: On) {
    // More than one node takes at once, however long the other needs to hear of them.
    const EVENTS: usize = 600;
    let world = World::new(on).await;
    let (a, b) = (world.serve().await, world.serve().await);
    let slow = Reply::After(Duration::from_millis(500), Box::new(Reply::Status(200)));
    let sink = Sink::replying(slow).await;
    let (source, destination) = a.api().route("backlog", &sink.url(), json!({ "status": "paused" })).await;
    // All by way of one node, which would keep what it can send soon.
    futures::future::join_all((0..EVENTS).map(|_| a.event(&source, "x"))).await;
    a.api().post(&format!("/v1/destinations/{destination}/resume"), json!({})).await.expect(200);
    let sql = "SELECT count(DISTINCT lease_owner) FROM deliveries WHERE lease_owner IS NOT NULL";
    eventually(Duration::from_secs(10), "both have taken some", async || {
        (world.database().numbers(sql).await == [2]).then_some(())
    })
    .await;
    sink.receives(EVENTS).await;
    eventually(Duration::from_secs(10), "all are delivered", async || {
        b.api().get("/v1/events?status=processing").await.list().is_empty().then_some(())
    })
    .await;
    assert_none_twice(&sink);
    assert_eq!(sink.count(), EVENTS);
}

async fn a_node_that_is_killed_is_taken_over(on: On) {
    // Fewer than a lane is wide, so that all of them are being sent.
    const EVENTS: usize = 12;
    let world = World::new(on).await;
    let (a, b) = (world.serve().await, world.serve().await);
    let sink = Sink::replying(Reply::Hang).await;
    // What the other node has taken itself hangs as well, and is tried again.
    let retry = json!({ "strategy": "schedule", "intervals_seconds": [0], "max_attempts": 2 });
    // So many that hang would open the circuit.
    let more = json!({ "timeout_ms": 8000, "retry": retry, "circuit_breaker": { "enabled": false } });
    let (source, _) = a.api().route("left", &sink.url(), more).await;
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

async fn one_of_three_is_killed_under_load(on: On) {
    const TAKEN_OVER: Duration = Duration::from_secs(30);
    /// How long what the dead node had sent may have been on its way.
    const ON_ITS_WAY: Duration = Duration::from_secs(2);
    let world = World::new(on).await;
    let (a, b, c) = tokio::join!(world.serve(), world.serve(), world.serve());
    let sink = Sink::replying(Reply::After(Duration::from_millis(50), Box::new(Reply::Status(200)))).await;
    let (source, _) = a.api().route("three", &sink.url(), json!({})).await;
    for node in [&b, &c] {
        node.knows_the_way(&source, "first").await;
    }
    // Not more than they can deliver meanwhile: what then waits would hide how long the takeover takes.
    let load = Load::paced(&[&a, &b, &c], &source, Duration::from_millis(100));
    load.runs(100, Duration::from_secs(2)).await;
    a.kill();
    let killed = Instant::now();
    load.runs(200, Duration::from_secs(3)).await;
    let acknowledged = load.end().await;
    reconcile(b.api(), &sink, &acknowledged, TAKEN_OVER).await;
    for (delivery, times) in times_of_deliveries(&sink) {
        // By the living it is made once; before, the dead one may have sent it.
        let by_the_living = times.iter().filter(|time| **time > killed + ON_ITS_WAY).count();
        let at = || times.iter().map(|time| time.saturating_duration_since(killed)).collect::<Vec<_>>();
        assert!(times.len() <= 1 + by_the_living && by_the_living <= 1, "{delivery} was made at {:?}", at());
    }
}

/// When each delivery was made.
fn times_of_deliveries(sink: &Sink) -> HashMap<String, Vec<Instant>> {
    let mut times: HashMap<String, Vec<Instant>> = HashMap::new();
    for request in sink.received() {
        let id = request.header("x-hookstream-delivery-id").expect("an id").to_owned();
        times.entry(id).or_default().push(request.at);
    }
    times
}

async fn a_node_without_its_database_sends_nothing_that_others_took_over(on: On) {
    const EVENTS: usize = 600;
    /// How long a node goes on that hears nothing of its database, and a little more.
    const OWN: Duration = Duration::from_millis(7_500);
    let world = World::new(on).await;
    let url = world.database().url().expect("PostgreSQL has one");
    let proxy = Proxy::before(&url).await;
    let a = world.serve_with(&[("HOOKSTREAM_DATABASE_URL", &proxy.url(&url))]).await;
    let b = world.serve().await;
    let sink = Sink::replying(Reply::After(Duration::from_millis(700), Box::new(Reply::Status(200)))).await;
    let (source, _) = a.api().route("cut off", &sink.url(), json!({})).await;
    let events = futures::future::join_all((0..EVENTS).map(|_| a.event(&source, "x"))).await;
    // By then both have taken some that they have not begun to send.
    sink.receives(EVENTS / 3).await;
    proxy.fall_silent();
    let cut = Instant::now();
    eventually(Duration::from_secs(25), "the other node makes all of them", async || {
        b.api().get("/v1/events?status=processing").await.list().is_empty().then_some(())
    })
    .await;
    proxy.open();
    eventually(Duration::from_secs(15), "the node is back", async || {
        (a.api().get("/readyz").await.status == 200).then_some(())
    })
    .await;
    let last = a.event(&source, "last").await;
    a.api().event_becomes(&last, "delivered").await;
    let times = times_of_deliveries(&sink);
    assert_eq!(times.len(), events.len() + 1);
    for (delivery, times) in times {
        let later = times.iter().filter(|time| time.saturating_duration_since(cut) > OWN).count();
        assert!(later <= 1, "{delivery} was sent by both: {:?}", times.iter().map(|t| *t - cut).collect::<Vec<_>>());
    }
}

async fn a_page_hears_of_what_other_nodes_accept(on: On) {
    let world = World::new(on).await;
    let (a, b) = (world.serve().await, world.serve().await);
    let source = a.api().source("watched").await;
    let mut page = Live::open(&b, &world.account).await;
    page.settles(Duration::from_millis(500)).await;
    for _ in 0..3 {
        a.event(&source, "seen on the other").await;
        page.hears(Duration::from_secs(1)).await;
        page.settles(Duration::from_millis(400)).await;
    }
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

async fn scheduled_work_goes_over_to_another_node(on: On) {
    /// How long it may take until a job's time has come and its node has looked.
    const SOON: Duration = Duration::from_secs(25);
    let world = World::new(on).await;
    let owner = async || {
        let owners =
            world.database().numbers("SELECT owner FROM jobs WHERE name = 'counts' AND owner IS NOT NULL").await;
        owners.first().copied()
    };
    let runs = async || world.database().numbers("SELECT last_run_at FROM jobs WHERE name = 'counts'").await[0];
    let a = world.serve().await;
    let source = a.api().source("counted").await;
    let of_a = eventually(SOON, "the first node has it", async || owner().await).await;
    let b = world.serve().await;
    let mut seen = runs().await;
    for _ in 0..3 {
        let before = seen;
        seen = eventually(SOON, "it runs again", async || Some(runs().await).filter(|last| *last > before)).await;
        assert_eq!(owner().await, Some(of_a), "the second node leaves it alone");
    }

    a.kill();
    let killed = Instant::now();
    b.event(&source, "x").await;
    let of_b = eventually(Duration::from_mins(1), "the second node takes over", async || {
        owner().await.filter(|owner| *owner != of_a)
    })
    .await;
    assert!(killed.elapsed() > Duration::from_secs(20), "a node that may yet be alive is not robbed");
    eventually(SOON, "it counts", async || {
        (world.database().numbers("SELECT count(*) FROM source_counts").await == [0]).then_some(())
    })
    .await;
    assert_eq!(b.api().get(&format!("/v1/sources/{source}")).await.expect(200)["event_count"], 1);

    let c = world.serve().await;
    let stopped = b.terminate(Duration::from_secs(20)).await;
    assert!(stopped.success());
    eventually(Duration::from_secs(15), "one that stops lets the next one have it at once", async || {
        owner().await.filter(|owner| *owner != of_b)
    })
    .await;
    drop(c);
}

async fn a_key_is_revoked_on_every_node_at_once(on: On) {
    let world = World::new(on).await;
    let (a, b) = (world.serve().await, world.serve().await);
    let input = json!({ "name": "robot", "scopes": ["read"] });
    let made = a.api().post("/v1/api-keys", input).await.expect(201);
    let robot = b.api().with_key(made["key"].as_str().expect("a key"));
    let mut feed = Feed::open(&b, made["key"].as_str().expect("a key")).await;
    robot.get("/v1/sources").await.expect(200);
    let path = format!("/v1/api-keys/{}", made["id"].as_str().expect("an id"));
    a.api().delete(&path).await.expect(204);
    // The very next request, though the key was in use there a moment ago.
    robot.get("/v1/sources").await.problem(401, "unauthenticated");
    // Who is connected is looked at from time to time.
    assert_eq!(feed.is_closed().await, (Vec::new(), CloseCode::Policy));
}
