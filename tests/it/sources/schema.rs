//! Schemas of sources, and bodies that come compressed.

use std::io::Write;

use serde_json::{Value, json};

use crate::world::{Answer, On, World};

on_both_databases!(
    a_schema_refuses_or_warns,
    a_schema_is_replaced_whole,
    wrong_settings_name_their_fields,
    compressed_bodies_are_read_and_kept_as_they_came,
);

const SCHEMA: &str = r#"{"type": "object", "required": ["id"], "properties": {"amount": {"type": "integer"}}}"#;

async fn a_schema_refuses_or_warns(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
    let source = server.api().make("sources", json!({ "name": "s", "schema": schema })).await;
    server.event(&source, r#"{"id": 1, "amount": 5}"#).await;
    for wrong in [r#"{"id": 1, "amount": "5"}"#, "{}", "no JSON", ""] {
        let refused = server.post(&source, wrong).await.problem(422, "schema_invalid");
        // The sender learns nothing of the schema.
        assert!(!refused.to_string().contains("amount") && !refused.to_string().contains("required"), "{refused}");
    }
    let path = format!("/v1/sources/{source}");
    server.api().patch(&path, json!({ "schema_action": "warn" })).await.expect(200);
    let event = server.event(&source, r#"{"id": 1, "amount": "5"}"#).await;
    let event = server.api().event(&event).await;
    assert_eq!(event["schema_errors"][0]["pointer"], "/amount");
    assert!(event["schema_errors"][0]["message"].as_str().is_some_and(|text| text.contains("integer")), "{event}");
    let fine = server.event(&source, r#"{"id": 2}"#).await;
    assert_eq!(server.api().event(&fine).await["schema_errors"], json!([]));
    server.api().patch(&path, json!({ "schema": null })).await.expect(200);
    let shown = server.api().get(&path).await.expect(200);
    assert_eq!(shown["schema"], Value::Null);
}

async fn a_schema_is_replaced_whole(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source =
        server.api().make("sources", json!({ "name": "s", "schema": { "required": ["a"], "minProperties": 1 } })).await;
    let path = format!("/v1/sources/{source}");
    // Neither is `required` left from the former one, nor does the null remove anything.
    let next = json!({ "properties": { "a": { "const": null } } });
    server.api().patch(&path, json!({ "schema": next })).await.expect(200);
    assert_eq!(server.api().get(&path).await.expect(200)["schema"], next);
    server.event(&source, "{}").await;
    server.event(&source, r#"{"a": null}"#).await;
    server.post(&source, r#"{"a": 1}"#).await.problem(422, "schema_invalid");
}

async fn wrong_settings_name_their_fields(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    for (settings, field) in [
        (json!({ "schema": { "type": "strnig" } }), "schema"),
        (json!({ "schema": { "$ref": "http://127.0.0.1:9/schema.json" } }), "schema"),
        (json!({ "schema": { "pattern": "(?=a)" } }), "schema"),
        (json!({ "schema": [] }), "schema"),
        (json!({ "schema_action": "ignore" }), "schema_action"),
        (json!({ "ip_allowlist": ["10.0.0.0/8", "10.0.0.300"] }), "ip_allowlist.1"),
        (json!({ "ip_denylist": ["10.1.2.3/8"] }), "ip_denylist.0"),
        (json!({ "dedup": { "strategy": "header" } }), "dedup.header"),
        (json!({ "dedup": { "strategy": "body_field" } }), "dedup.field"),
        (json!({ "dedup": { "strategy": "payload_hash", "window_seconds": 0 } }), "dedup.window_seconds"),
        (json!({ "dedup": { "strategy": "guess" } }), "dedup.strategy"),
        (json!({ "dedup": { "strategy": "payload_hash", "windw": 5 } }), "dedup.windw"),
        (json!({ "rate_limit": { "limit": 0 } }), "rate_limit.limit"),
        (json!({ "rate_limit": { "limit": 5, "per": "week" } }), "rate_limit.per"),
        (json!({ "response": { "status": 302 } }), "response.status"),
        (json!({ "response": { "content_type": "a\r\nb: c" } }), "response.content_type"),
    ] {
        let mut input = json!({ "name": "s" });
        input.as_object_mut().expect("an object").extend(settings.as_object().expect("an object").clone());
        let why = server.api().post("/v1/sources", input).await.field_error(field);
        assert!(!why.is_empty(), "{settings}");
    }
    assert!(server.api().all("/v1/sources").await.is_empty());
}

async fn compressed_bodies_are_read_and_kept_as_they_came(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
    let dedup = json!({ "strategy": "body_field", "field": "id" });
    let source = server.api().make("sources", json!({ "name": "s", "schema": schema, "dedup": dedup })).await;
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).expect("memory");
        encoder.finish().expect("memory")
    };
    let post = |body: Vec<u8>| {
        let request =
            server.ingest(&source).header("content-encoding", "gzip").header("content-type", "application/json");
        Answer::of(request.body(body))
    };
    let body = gzip(r#"{"id": 7, "type": "order.paid"}"#);
    let answer = post(body.clone()).await.expect(200);
    let event = server.api().event(answer["event_id"].as_str().expect("an id")).await;
    assert_eq!((&event["payload"]["id"], &event["type"]), (&json!(7), &json!("order.paid")));
    assert_eq!(event["body_base64"], base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &body));
    assert_eq!(event["content_length"], body.len());
    // As JSON it says the same.
    let plain = Answer::of(server.ingest(&source).body(r#"{"id": 7}"#)).await.expect(200);
    assert_eq!((&plain["event_id"], &plain["duplicate"]), (&answer["event_id"], &json!(true)));
    post(gzip("{}")).await.problem(422, "schema_invalid");
    // A body that is not what its header says is taken for what it is.
    post(b"{\"id\": 8}".to_vec()).await.expect(200);
    // One that would fill the memory is not unpacked.
    post(gzip(&" ".repeat(17 << 20))).await.problem(422, "schema_invalid");
}
