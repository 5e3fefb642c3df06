//! PostgreSQL by way of `PgBouncer`: in session mode, and in transaction mode, where no connection keeps its server.

use std::time::Duration;

use serde_json::json;

use crate::world::{Bouncer, Live, Load, On, PoolMode, Sink, World, assert_none_twice, eventually, reconcile};

on_postgres!(
    session_mode_needs_no_setting,
    transaction_mode_shares_its_servers,
    transaction_mode_listens_past_the_pooler,
    transaction_mode_has_to_be_told_of,
);

/// Longer than nodes that cannot listen take to look.
const HEARD: Duration = Duration::from_secs(2);
const SOON: Duration = Duration::from_secs(1);

async fn session_mode_needs_no_setting(on: On) {
    let mut world = World::empty(on).await;
    let url = world.database().url().expect("PostgreSQL has one");
    let Some(bouncer) = Bouncer::before(&url, PoolMode::Session).await else { return };
    world.set(&[("HOOKSTREAM_DATABASE_URL", &bouncer.url(&url))]);
    two_nodes_work(world).await;
}

async fn transaction_mode_shares_its_servers(on: On) {
    let mut world = World::empty(on).await;
    let url = world.database().url().expect("PostgreSQL has one");
    let Some(bouncer) = Bouncer::before(&url, PoolMode::Transaction).await else { return };
    world.set(&[("HOOKSTREAM_DATABASE_URL", &bouncer.url(&url)), ("HOOKSTREAM_DATABASE_POOLER", "transaction")]);
    two_nodes_work(world).await;
}

async fn transaction_mode_listens_past_the_pooler(on: On) {
    let mut world = World::empty(on).await;
    let url = world.database().url().expect("PostgreSQL has one");
    let Some(bouncer) = Bouncer::before(&url, PoolMode::Transaction).await else { return };
    world.set(&[
        ("HOOKSTREAM_DATABASE_URL", &bouncer.url(&url)),
        ("HOOKSTREAM_DATABASE_POOLER", "transaction"),
        ("HOOKSTREAM_DATABASE_LISTEN_URL", &url),
    ]);
    let world = two_nodes_work(world).await;
    let told = world.database().numbers("SELECT count(*) FROM signals").await;
    assert_eq!(told, [0], "who can listen needs no table");
}

async fn transaction_mode_has_to_be_told_of(on: On) {
    let mut world = World::empty(on).await;
    let url = world.database().url().expect("PostgreSQL has one");
    let Some(bouncer) = Bouncer::before(&url, PoolMode::Transaction).await else { return };
    world.set(&[("HOOKSTREAM_DATABASE_URL", &bouncer.url(&url))]);
    let output = world.run(&["migrate"], "");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("HOOKSTREAM_DATABASE_POOLER=transaction"), "{said}");
}

/// All that several nodes promise to one another, from an empty database on.
async fn two_nodes_work(mut world: World) -> World {
    let (a, b) = tokio::join!(world.serve(), world.serve());
    world.open_account();
    let (a, b) = (a.with_key(&world.account.api_key), b.with_key(&world.account.api_key));
    let sink = Sink::start().await;
    let (source, _) = a.api().route("pooled", &sink.url(), json!({})).await;
    b.knows_the_way(&source, "x").await;

    let mut page = Live::open(&b, &world.account).await;
    let load = Load::start(&[&a, &b], &source);
    load.runs(100, Duration::from_secs(2)).await;
    let acknowledged = load.end().await;
    reconcile(b.api(), &sink, &acknowledged, Duration::from_secs(20)).await;
    assert_none_twice(&sink);

    page.settles(HEARD).await;
    a.event(&source, "seen on the other").await;
    page.hears(HEARD).await;

    let path = format!("/v1/sources/{source}");
    a.api().patch(&path, json!({ "status": "paused" })).await.expect(200);
    eventually(SOON, "b knows that it is gone", async || (b.post(&source, "x").await.status == 404).then_some(()))
        .await;
    world
}
