//! The rate of API keys, and the id of every request.

use reqwest::Method;
use serde_json::json;

use crate::world::{Answer, On, World};

on_both_databases!(a_key_that_asks_too_much_waits, the_rate_can_be_turned_off, every_answer_names_its_request);

async fn a_key_that_asks_too_much_waits(on: On) {
    let world = World::new(on).await;
    let server = world.serve_with(&[("HOOKSTREAM_API_RATE", "5/hour")]).await;
    let api = server.api();
    let first = api.get("/v1/sources").await;
    first.expect(200);
    assert_eq!(first.header("ratelimit-limit"), Some("5"));
    assert_eq!(first.header("ratelimit-remaining"), Some("4"));
    assert_eq!(first.header("ratelimit-policy"), Some("5;w=3600"));
    let reset: u64 = first.header("ratelimit-reset").expect("it says when").parse().expect("seconds");
    assert!((1..=720).contains(&reset), "{reset}");
    let made = api.post("/v1/api-keys", json!({ "name": "other", "scopes": ["read"] })).await.expect(201);
    for _ in 0..3 {
        api.get("/v1/sources").await.expect(200);
    }
    let refused = api.get("/v1/sources").await;
    refused.problem(429, "rate_limited");
    assert_eq!(refused.header("ratelimit-remaining"), Some("0"));
    let wait: u64 = refused.header("retry-after").expect("it says when").parse().expect("seconds");
    assert!((1..=720).contains(&wait), "{wait}");
    // Another key has its own, and ingest none of this.
    let other = api.with_key(made["key"].as_str().expect("a key"));
    other.get("/v1/sources").await.expect(200);
    server.client_with("").get("/v1/openapi.json").await.expect(200);
}

async fn the_rate_can_be_turned_off(on: On) {
    let world = World::new(on).await;
    let server = world.serve_with(&[("HOOKSTREAM_API_RATE", "off")]).await;
    let answer = server.api().get("/v1/sources").await;
    answer.expect(200);
    assert_eq!(answer.header("ratelimit-limit"), None);
    drop(server);
    let server = world.serve_with(&[("HOOKSTREAM_API_RATE", "")]).await;
    assert_eq!(server.api().get("/v1/sources").await.header("ratelimit-limit"), Some("6000"), "what holds otherwise");
    drop(server);
    let refused = world.try_serve_with(&[("HOOKSTREAM_API_RATE", "many")]).await.err().expect("it does not start");
    assert!(refused.contains("6000/minute"), "{refused}");
}

async fn every_answer_names_its_request(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let mut seen = std::collections::BTreeSet::new();
    for path in ["/v1/sources", "/v1/sources/x", "/v1/nothing", "/v1/openapi.json", "/healthz", "/sign-in", "/nothing"]
    {
        let answer = Answer::of(api.request(Method::GET, path).header("x-request-id", "mine")).await;
        let id = answer.header("x-request-id").unwrap_or_else(|| panic!("{path} has none")).to_owned();
        assert!(id.starts_with("req_") && seen.insert(id.clone()), "{path}: {id}");
        if let Some(named) = answer.json()["request_id"].as_str() {
            assert_eq!(named, id, "{path}");
        }
    }
    let source = api.source("there").await;
    let taken = server.post(&source, "x").await;
    assert!(taken.header("x-request-id").is_some_and(|id| id.starts_with("req_")));
    let key = api.request(Method::POST, "/v1/sources").header("idempotency-key", "k").json(&json!({}));
    let refused = Answer::of(key).await;
    assert_eq!(refused.problem(422, "invalid")["request_id"].as_str(), refused.header("x-request-id"));
}
