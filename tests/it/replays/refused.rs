//! Replays that are refused: bad input, a key that may only look, what belongs to others.

use serde_json::{Value, json};

use super::{SOON, delivered, everything, one, settles};
use crate::world::{On, Sink, World};

on_both_databases!(bad_requests_name_their_fields, who_may_only_look_starts_nothing, what_is_foreign_is_not_replayed,);

async fn bad_requests_name_their_fields(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let (source, destination) = api.route("ours", "http://127.0.0.1:9/", json!({})).await;
    let connection = api.all("/v1/connections").await[0]["id"].as_str().expect("an id").to_owned();
    let other = api.source("other").await;
    let post = async |input: Value| api.post("/v1/replays", input).await;
    post(json!({ "to": "2026-01-01T00:00:00Z" })).await.field_error("from");
    post(json!({ "from": "yesterday", "to": "2026-01-01T00:00:00Z" })).await.field_error("from");
    post(json!({ "from": "2026-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z" })).await.field_error("to");
    post(json!({ "from": "2998-01-01T00:00:00Z", "to": "2999-01-01T00:00:00Z" })).await.field_error("from");
    for (more, field) in [
        (json!({ "rate_per_second": 0 }), "rate_per_second"),
        (json!({ "rate_per_second": 10_001 }), "rate_per_second"),
        (json!({ "limit": 0 }), "limit"),
        (json!({ "limit": -1 }), "limit"),
        (json!({ "colour": "red" }), "colour"),
        (json!({ "source_id": destination }), "source_id"),
        (json!({ "source_id": format!("src_{}", "0".repeat(32)) }), "source_id"),
        (json!({ "connection_id": format!("conn_{}", "0".repeat(32)) }), "connection_id"),
        (json!({ "connection_id": connection, "source_id": other }), "source_id"),
        (json!({ "filter": { "all": [{ "field": "payload.x", "op": "like", "value": 1 }] } }), "filter.all[0].op"),
        (json!({ "filter": { "field": "payload.x", "op": "matches", "value": "(" } }), "filter.value"),
    ] {
        for dry_run in [true, false] {
            let mut input = everything(more.clone());
            input["dry_run"] = json!(dry_run);
            post(input).await.field_error(field);
        }
    }
    assert!(api.get("/v1/replays").await.list().is_empty());
    api.get(&format!("/v1/replays/rpl_{}", "0".repeat(32))).await.problem(404, "not_found");
    api.post(&format!("/v1/replays/rpl_{}/cancel", "0".repeat(32)), json!({})).await.problem(404, "not_found");
    // So many may wait to be finished.
    let mut paused = 0;
    while paused < 20 {
        let id = api.make("replays", everything(json!({ "source_id": source }))).await;
        // It may have come to its end already.
        paused += usize::from(api.post(&format!("/v1/replays/{id}/pause"), json!({})).await.status == 200);
    }
    post(everything(json!({}))).await.problem(409, "conflict");
}

async fn who_may_only_look_starts_nothing(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let (source, _) = api.route("ours", "http://127.0.0.1:9/", json!({})).await;
    let id = api.make("replays", everything(json!({ "source_id": source }))).await;
    let key = api.post("/v1/api-keys", json!({ "name": "reads", "scopes": ["read"] })).await.expect(201);
    let reader = api.with_key(key["key"].as_str().expect("a key"));
    for input in [everything(json!({})), everything(json!({ "dry_run": true }))] {
        reader.post("/v1/replays", input).await.problem(403, "forbidden");
    }
    for action in ["pause", "resume", "cancel"] {
        reader.post(&format!("/v1/replays/{id}/{action}"), json!({})).await.problem(403, "forbidden");
    }
    assert_eq!(reader.get("/v1/replays").await.list().len(), 1);
    one(&reader, &id).await;
}

async fn what_is_foreign_is_not_replayed(on: On) {
    let world = World::new(on).await;
    let stranger = world.add_account("stranger@example.com", "Strangers");
    let server = world.serve().await;
    let api = server.api();
    let stranger = server.client_with(&stranger.api_key);
    let sink = Sink::start().await;
    let (source, _) = api.route("ours", &sink.url(), json!({})).await;
    let connection = api.all("/v1/connections").await[0]["id"].as_str().expect("an id").to_owned();
    delivered(&server, &source, &["1"]).await;
    let id = api.make("replays", everything(json!({ "source_id": source }))).await;
    settles(api, &id, SOON).await;
    stranger.get(&format!("/v1/replays/{id}")).await.problem(404, "not_found");
    for action in ["pause", "resume", "cancel"] {
        stranger.post(&format!("/v1/replays/{id}/{action}"), json!({})).await.problem(404, "not_found");
    }
    stranger.post("/v1/replays", everything(json!({ "source_id": source }))).await.field_error("source_id");
    stranger.post("/v1/replays", everything(json!({ "connection_id": connection }))).await.field_error("connection_id");
    assert!(stranger.get("/v1/replays").await.list().is_empty());
    assert!(stranger.get(&format!("/v1/deliveries?replay_id={id}")).await.list().is_empty());
    // All that is theirs is nothing.
    let theirs = stranger.make("replays", everything(json!({}))).await;
    assert_eq!(settles(&stranger, &theirs, SOON).await["counts"]["events"], 0);
    assert_eq!(sink.count(), 2);
}
