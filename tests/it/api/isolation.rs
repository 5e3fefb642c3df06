//! Nothing of one project is visible through another's key: what is foreign does not exist.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, On, Sink, World, destination, eventually};

on_both_databases!(what_is_foreign_does_not_exist, what_is_foreign_cannot_be_connected, slugs_are_a_projects_own);

async fn what_is_foreign_does_not_exist(on: On) {
    let world = World::new(on).await;
    let stranger = world.add_account("stranger@example.com", "Strangers");
    let server = world.serve().await;
    let api = server.api();
    let stranger = server.client_with(&stranger.api_key);
    let sink = Sink::start().await;
    let (source, dest) = api.route("ours", &sink.url(), json!({})).await;
    let event = server.event(&source, "ours").await;
    let delivery = api.delivery_becomes(&event, "succeeded").await["id"].as_str().expect("an id").to_owned();
    let connection = api.all("/v1/connections").await[0]["id"].as_str().expect("an id").to_owned();
    let key = api.all("/v1/api-keys").await[0]["id"].as_str().expect("an id").to_owned();
    let range = json!({ "from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z" });
    let replay = api.make("replays", range).await;
    eventually(Duration::from_secs(15), "the replay ends", async || {
        let replay = api.get(&format!("/v1/replays/{replay}")).await.expect(200);
        (replay["status"] == "completed").then_some(())
    })
    .await;
    let environment = world.account.env_id.clone();

    let resources = [
        format!("/v1/environments/{environment}"),
        format!("/v1/sources/{source}"),
        format!("/v1/destinations/{dest}"),
        format!("/v1/connections/{connection}"),
        format!("/v1/events/{event}"),
        format!("/v1/deliveries/{delivery}"),
        format!("/v1/replays/{replay}"),
        format!("/v1/api-keys/{key}"),
    ];
    let before: Vec<Value> =
        futures::future::join_all(resources.iter().map(async |path| api.get(path).await.json())).await;
    let mut requests: Vec<(Method, String, Value)> = Vec::new();
    for path in &resources {
        requests.push((Method::GET, path.clone(), Value::Null));
        for method in [Method::PATCH, Method::DELETE] {
            requests.push((method, path.clone(), json!({ "name": "theirs" })));
        }
    }
    for action in [
        format!("sources/{source}/test"),
        format!("destinations/{dest}/pause"),
        format!("destinations/{dest}/resume"),
        format!("events/{event}/retry"),
        format!("deliveries/{delivery}/retry"),
        format!("deliveries/{delivery}/cancel"),
        format!("replays/{replay}/cancel"),
        format!("api-keys/{key}/rotate"),
    ] {
        requests.push((Method::POST, format!("/v1/{action}"), json!({})));
    }
    for path in [
        format!("/v1/events/{event}/deliveries"),
        format!("/v1/deliveries/{delivery}/attempts"),
        format!("/v1/destinations/{dest}/circuit"),
        format!("/v1/destinations/{dest}/health"),
    ] {
        requests.push((Method::GET, path, Value::Null));
    }
    for (method, path, body) in requests {
        let answer = Answer::of(stranger.request(method.clone(), &path).json(&body)).await;
        // Some resources do not take some methods, whosever they are.
        assert!(matches!(answer.status, 404 | 405), "{method} {path}: {} {}", answer.status, answer.text());
        let names_something = ["ours", &world.account.org_id].iter().any(|word| answer.text().contains(word));
        assert!(!names_something, "{method} {path}: {}", answer.text());
    }
    let foreign = api.get(&resources[1]).await.status;
    assert_eq!(foreign, 200);
    let after: Vec<Value> =
        futures::future::join_all(resources.iter().map(async |path| api.get(path).await.json())).await;
    for (mut before, mut after) in before.into_iter().zip(after) {
        for shown in [&mut before, &mut after] {
            shown.as_object_mut().expect("an object").remove("last_used_at");
        }
        assert_eq!(before, after);
    }
    // The answer to what is foreign is the answer to what is not there.
    let unknown = stranger.get(&format!("/v1/sources/src_{}", "0".repeat(32))).await.json();
    let foreign = stranger.get(&resources[1]).await.json();
    let without_id = |mut problem: Value| {
        problem.as_object_mut().expect("an object").remove("request_id");
        problem
    };
    assert_eq!(without_id(unknown), without_id(foreign));

    for list in ["sources", "destinations", "connections", "events", "deliveries"] {
        assert!(stranger.get(&format!("/v1/{list}")).await.list().is_empty(), "{list}");
    }
    for filter in [
        format!("events?source_id={source}"),
        format!("events?connection_id={connection}"),
        "events?search=ours".to_owned(),
        format!("events?search={event}"),
        format!("deliveries?destination_id={dest}"),
        format!("deliveries?connection_id={connection}"),
    ] {
        assert!(stranger.get(&format!("/v1/{filter}")).await.list().is_empty(), "{filter}");
    }
    let theirs = stranger.get("/v1/environments").await.list();
    assert_eq!(theirs.len(), 1);
    assert_ne!(theirs[0]["id"], environment);
    assert_eq!(stranger.get("/v1/api-keys").await.list().len(), 1);
    assert_eq!(sink.count(), 1, "nothing was sent again");
}

async fn what_is_foreign_cannot_be_connected(on: On) {
    let world = World::new(on).await;
    let stranger = world.add_account("stranger@example.com", "Strangers");
    let server = world.serve().await;
    let (ours, theirs) = (server.api(), server.client_with(&stranger.api_key));
    let our_source = ours.source("ours").await;
    let our_destination = ours.destination("ours", "http://127.0.0.1:9/", json!({})).await;
    let their_source = theirs.source("theirs").await;
    let their_destination = theirs.destination("theirs", "http://127.0.0.1:9/", json!({})).await;
    for (source, destination, field) in [
        (&our_source, &their_destination, "source_id"),
        (&their_source, &our_destination, "destination_id"),
        (&our_source, &our_destination, "source_id"),
    ] {
        let pair = json!({ "source_id": source, "destination_id": destination });
        theirs.post("/v1/connections", pair).await.field_error(field);
    }
    theirs.connect(&their_source, &their_destination).await;
    assert!(ours.all("/v1/connections").await.is_empty());
}

async fn slugs_are_a_projects_own(on: On) {
    let world = World::new(on).await;
    let stranger = world.add_account("stranger@example.com", "Strangers");
    let server = world.serve().await;
    let (ours, theirs) = (server.api(), server.client_with(&stranger.api_key));
    ours.make("sources", json!({ "name": "Billing" })).await;
    theirs.make("sources", json!({ "name": "Billing" })).await;
    ours.make("destinations", destination("Billing", "http://127.0.0.1:9/", json!({}))).await;
    theirs.make("destinations", destination("Billing", "http://127.0.0.1:9/", json!({}))).await;
    theirs.make("environments", json!({ "name": "Staging", "mode": "test" })).await;
    ours.make("environments", json!({ "name": "Staging", "mode": "test" })).await;
}
