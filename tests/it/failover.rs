//! The primary of PostgreSQL is gone and its standby takes its place, under load.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::world::{Cluster, Load, Proxy, Server, Sink, World, eventually, reconcile};

mod postgres {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_primary_that_is_killed_under_load_loses_nothing() {
        super::a_primary_that_is_killed_under_load_loses_nothing().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_primary_that_vanishes_in_silence_is_left() {
        super::a_primary_that_vanishes_in_silence_is_left().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_address_that_moves_leads_to_the_new_primary() {
        super::an_address_that_moves_leads_to_the_new_primary().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_server_that_takes_no_writes_is_left() {
        super::a_server_that_takes_no_writes_is_left().await;
    }
}

/// How long it may take, once there is a primary again, until events are taken.
const RECONNECTED: Duration = Duration::from_secs(5);
/// The same where nothing says that the old one is gone.
const NOTICED: Duration = Duration::from_secs(20);
/// Longer than until a node finds what it has taken and does not know of, since the answer was lost.
const WORKED_OFF: Duration = Duration::from_secs(40);
/// How long a sender waits at most for its answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(12);

/// A primary that answers only when its standby has it too, and that standby.
async fn pair() -> (Cluster, Cluster) {
    let primary = Cluster::start(&["synchronous_commit=on"]).await;
    let standby = primary.standby("second", &["synchronous_commit=on"]).await;
    primary.execute("ALTER SYSTEM SET synchronous_standby_names = 'second'").await;
    primary.execute("SELECT pg_reload_conf()").await;
    let waited_for = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
    eventually(Duration::from_secs(10), "the standby is waited for", async || {
        (primary.number(waited_for).await == 1).then_some(())
    })
    .await;
    (primary, standby)
}

/// Its servers reach the database by `url`, which the first account was made by as well.
fn world_at(url: &str) -> World {
    let mut world = World::at(url);
    world.open_account();
    world
}

async fn takes_events_again(server: &Server, source: &str, limit: Duration) {
    eventually(limit, "events are taken again", async || {
        let answer = server.post(source, "again").await;
        assert!(matches!(answer.status, 200 | 503), "{}", answer.text());
        (answer.status == 200).then_some(())
    })
    .await;
}

/// Posts, and expects to be told to come back.
async fn is_told_to_come_back(server: &Server, source: &str) {
    let start = Instant::now();
    let answer = server.post(source, "refused").await;
    answer.problem(503, "unavailable");
    assert!(answer.header("retry-after").is_some());
    assert!(start.elapsed() < ANSWER_LIMIT, "it took {:?}", start.elapsed());
}

async fn a_primary_that_is_killed_under_load_loses_nothing() {
    let (primary, standby) = pair().await;
    let url = format!("postgres://postgres@{},{}/postgres", primary.address(), standby.address());
    let world = world_at(&url);
    let (a, b) = (world.serve().await, world.serve().await);
    let sink = Sink::start().await;
    let (source, _) = a.api().route("failover", &sink.url(), json!({})).await;
    b.knows_the_way(&source, "first").await;
    let load = Load::start(&[&a, &b], &source);
    load.runs(100, Duration::from_secs(2)).await;
    primary.kill().await;
    tokio::join!(is_told_to_come_back(&a, &source), is_told_to_come_back(&b, &source));
    standby.promote().await;
    let promoted = Instant::now();
    tokio::join!(takes_events_again(&a, &source, RECONNECTED), takes_events_again(&b, &source, RECONNECTED));
    println!("events are taken again {:?} after the promotion", promoted.elapsed());
    load.runs(100, Duration::from_secs(3)).await;
    let acknowledged = load.end().await;
    reconcile(b.api(), &sink, &acknowledged, WORKED_OFF).await;
}

async fn a_primary_that_vanishes_in_silence_is_left() {
    let (primary, standby) = pair().await;
    let proxy = Proxy::before(&primary.url()).await;
    let world = world_at(&format!("postgres://postgres@{},{}/postgres", proxy.address(), standby.address()));
    let server = world.serve().await;
    let sink = Sink::start().await;
    let (source, _) = server.api().route("silent", &sink.url(), json!({})).await;
    let before = server.event(&source, "before").await;
    server.api().event_becomes(&before, "delivered").await;
    proxy.fall_silent();
    is_told_to_come_back(&server, &source).await;
    standby.promote().await;
    takes_events_again(&server, &source, NOTICED).await;
    sink.receives(2).await;
    // What comes back was left for good: it is not the one that others write to.
    proxy.open();
    let event = server.event(&source, "on the new one").await;
    server.api().event_becomes(&event, "delivered").await;
    assert_eq!(primary.number("SELECT count(*) FROM events WHERE status = 'delivered'").await, 1);
}

async fn an_address_that_moves_leads_to_the_new_primary() {
    let (primary, standby) = pair().await;
    let proxy = Proxy::before(&primary.url()).await;
    let world = world_at(&proxy.url(&primary.url()));
    let server = world.serve().await;
    let sink = Sink::start().await;
    let (source, _) = server.api().route("moved", &sink.url(), json!({})).await;
    let before = server.event(&source, "before").await;
    sink.receives(1).await;
    primary.stop_immediately().await;
    // For a while the address leads to a server that takes no writes yet.
    proxy.lead_to(&standby.url());
    is_told_to_come_back(&server, &source).await;
    standby.promote().await;
    takes_events_again(&server, &source, RECONNECTED).await;
    server.api().event_becomes(&before, "delivered").await;
}

async fn a_server_that_takes_no_writes_is_left() {
    let cluster = Cluster::start(&[]).await;
    let world = world_at(&cluster.url());
    let server = world.serve().await;
    let source = server.api().source("here").await;
    server.event(&source, "before").await;
    // Connections that are open do not break by it: they fail from their next transaction on.
    cluster.execute("ALTER SYSTEM SET default_transaction_read_only = on").await;
    cluster.execute("SELECT pg_reload_conf()").await;
    let changed = cluster.number("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint").await;
    eventually(Duration::from_secs(2), "the setting is in use", async || {
        (server.post(&source, "refused").await.status == 503).then_some(())
    })
    .await;
    let writers = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'hookstream' \
         AND query LIKE '%INSERT INTO events%' AND query_start > to_timestamp({changed} / 1000.0)"
    );
    eventually(Duration::from_secs(2), "no connection stays that was refused", async || {
        (cluster.number(&writers).await == 0).then_some(())
    })
    .await;
    is_told_to_come_back(&server, &source).await;
    cluster.execute("ALTER SYSTEM RESET default_transaction_read_only").await;
    cluster.execute("SELECT pg_reload_conf()").await;
    takes_events_again(&server, &source, RECONNECTED).await;
}
