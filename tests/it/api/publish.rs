//! `POST /v1/publish`: events from one's own program.

use reqwest::Method;
use serde_json::json;

use crate::world::{Answer, On, Sink, World};

on_both_databases!(an_event_is_published, what_a_source_checks_is_checked, it_is_for_ones_own_sources);

async fn an_event_is_published(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::start().await;
    // The key stands in for the signature.
    let source = json!({ "name": "Shop", "verification": { "type": "hmac_sha256", "secrets": ["0123456789abcdef"], "header": "x-signature" } });
    let source = api.make("sources", source).await;
    let destination = api.destination("sink", &sink.url(), json!({})).await;
    api.connect(&source, &destination).await;
    let input = json!({
        "source_id": source, "type": "order.paid", "payload": { "order": 1042, "amount": 1.5 }, "headers": { "X-Tenant": "acme" },
    });
    let taken = api.post("/v1/publish", input).await.expect(200);
    assert_eq!(taken["source_id"], source.as_str());
    let id = taken["event_id"].as_str().expect("an id");
    let event = api.event_becomes(id, "delivered").await;
    assert_eq!(event["type"], "order.paid");
    assert_eq!(event["payload"], json!({ "order": 1042, "amount": 1.5 }));
    assert_eq!((&event["method"], &event["path"]), (&json!("POST"), &json!("/v1/publish")));
    assert_eq!(event["content_type"], "application/json");
    assert!(event["headers"].as_array().expect("a list").contains(&json!(["x-tenant", "acme"])), "{event}");
    assert!(!event.to_string().contains(&world.account.api_key[12..]), "the key is nowhere in it");
    assert_eq!(api.get("/v1/events?type=order.paid").await.list().len(), 1);
    // Sent again with an idempotency key it is one event.
    let once = async || {
        let input = json!({ "source_id": source, "payload": [1] });
        let request = api.request(Method::POST, "/v1/publish").header("idempotency-key", "k").json(&input);
        Answer::of(request).await.expect(200)
    };
    assert_eq!(once().await, once().await);
    assert_eq!(api.all("/v1/events").await.len(), 2);
}

async fn what_a_source_checks_is_checked(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let source = json!({
        "name": "Strict",
        "schema": { "type": "object", "required": ["order"] },
        "dedup": { "strategy": "body_field", "field": "order" },
        "rate_limit": { "limit": 3, "per": "hour" },
        "ip_allowlist": ["192.0.2.1"],
    });
    let source = api.make("sources", source).await;
    let publish = async |payload| api.post("/v1/publish", json!({ "source_id": source, "payload": payload })).await;
    publish(json!({ "other": 1 })).await.problem(422, "schema_invalid");
    let first = publish(json!({ "order": 1 })).await.expect(200);
    let second = publish(json!({ "order": 1 })).await.expect(200);
    assert_eq!((&second["duplicate"], &second["event_id"]), (&json!(true), &first["event_id"]));
    let refused = publish(json!({ "order": 2 })).await;
    refused.problem(429, "rate_limited");
    assert!(refused.header("retry-after").is_some());
    api.patch(&format!("/v1/sources/{source}"), json!({ "status": "paused" })).await.expect(200);
    publish(json!({ "order": 3 })).await.problem(409, "conflict");
    api.delete(&format!("/v1/sources/{source}")).await.expect(204);
    publish(json!({ "order": 4 })).await.problem(404, "not_found");
}

async fn it_is_for_ones_own_sources(on: On) {
    let world = World::new(on).await;
    let stranger = world.add_account("stranger@example.com", "Strangers");
    let server = world.serve().await;
    let api = server.api();
    let source = api.source("ours").await;
    let input = json!({ "source_id": source, "payload": {} });
    server.client_with(&stranger.api_key).post("/v1/publish", input.clone()).await.problem(404, "not_found");
    server.client_with("").post("/v1/publish", input.clone()).await.problem(401, "unauthenticated");
    let made = api.post("/v1/api-keys", json!({ "name": "reads", "scopes": ["read"] })).await.expect(201);
    api.with_key(made["key"].as_str().expect("a key")).post("/v1/publish", input).await.problem(403, "forbidden");
    for (more, field) in [
        (json!({ "type": "" }), "type"),
        (json!({ "headers": { "Content-Type": "text/plain" } }), "headers.Content-Type"),
        (json!({ "nonsense": 1 }), "nonsense"),
    ] {
        let mut input = json!({ "source_id": source, "payload": {} });
        input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        api.post("/v1/publish", input).await.field_error(field);
    }
    assert!(api.all("/v1/events").await.is_empty());
}
