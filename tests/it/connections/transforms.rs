//! What a transform makes of an event, and what follows when it fails.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{bodies, connect, connected};
use crate::world::{Answer, On, Reply, Sink, World};

on_both_databases!(
    the_result_is_sent_as_json,
    without_a_transform_the_raw_bytes_go,
    a_failure_gives_up_at_once_and_a_retry_takes_the_expression_of_then,
    nothing_is_sent_of_no_result,
    retries_of_the_receiver_are_shaped_as_well,
    compressed_bodies_are_shaped_from_what_they_mean,
);

async fn the_result_is_sent_as_json(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let transform = r#"{
        "total": $sum(items.(price * qty)), "tenant": $headers."x-tenant", "account": $query.account, "tags": $query.tag,
        "method": $method, "id": $event.id, "source": $event.source_id, "type": $event.type, "path": $event.path
    }"#;
    let (source, _) = connected(&server, &sink, json!({ "transform": transform })).await;
    let body = r#"{"type": "order.paid", "items": [{"price": 2, "qty": 3}, {"price": 0.5, "qty": 4}]}"#;
    let url = format!("{}?account=a%20b&tag=1&tag=2", server.ingest_url(&source));
    let request = server.api().http().request(reqwest::Method::PATCH, url).body(body);
    let request = request.header("X-Tenant", "acme").header("content-type", "application/vnd.order+json");
    let answer = Answer::of(request.header("content-md5", "of what came")).await.expect(200);
    let event = answer["event_id"].as_str().expect("an id");
    server.api().event_becomes(event, "delivered").await;
    let received = &sink.received()[0];
    assert_eq!(
        serde_json::from_slice::<Value>(&received.body).expect("JSON"),
        json!({
            "total": 8, "tenant": "acme", "account": "a b", "tags": ["1", "2"], "method": "PATCH", "id": event,
            "source": source, "type": "order.paid", "path": format!("/v1/ingest/{source}")
        })
    );
    assert_eq!(received.header("content-type"), Some("application/json"));
    assert_eq!(received.header("content-md5"), None);
    assert_eq!(received.header("x-tenant"), Some("acme"));
    // Any JSON value may come of it, and what is stored stays as it came.
    for (transform, sent) in
        [("items[0].qty", json!(3)), ("\"text\"", json!("text")), ("[]", json!([])), ("null", Value::Null)]
    {
        let other = server.api().source("another").await;
        let name = format!("to {transform}");
        let sink = Sink::start().await;
        connect(&server, &other, &name, &sink, json!({ "transform": transform })).await;
        let event = server.event(&other, body).await;
        server.api().event_becomes(&event, "delivered").await;
        assert_eq!(bodies(&sink), [sent], "{transform}");
        assert_eq!(server.api().event(&event).await["body_base64"], BASE64_STANDARD.encode(body));
        server.api().delete(&format!("/v1/sources/{other}")).await.expect(204);
    }
}

async fn without_a_transform_the_raw_bytes_go(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let rules = json!({ "filter": { "field": "payload.n", "op": "gt", "value": 1 } });
    let (source, _) = connected(&server, &sink, rules).await;
    // What JSON would not keep: spaces, the digits of a number, a key that stands there twice.
    let body = "{ \"n\" : 12345678901234567890.10,\n\"a\": 1, \"a\": 2 }";
    let event = server.event(&source, body).await;
    server.api().event_becomes(&event, "delivered").await;
    assert_eq!(sink.received()[0].body, body.as_bytes());
}

async fn a_failure_gives_up_at_once_and_a_retry_takes_the_expression_of_then(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let retry = json!({ "retry": { "strategy": "fixed", "base_seconds": 1, "max_attempts": 6 } });
    let source = server.api().source("source").await;
    let destination = server.api().destination("destination", &sink.url(), retry).await;
    let input = json!({ "source_id": source, "destination_id": destination, "transform": "{ \"n\": name + 1 }" });
    let connection = server.api().make("connections", input).await;
    let event = server.event(&source, r#"{"name": "x"}"#).await;
    let failed = server.api().delivery_becomes(&event, "failed").await;
    assert_eq!((&failed["is_dlq"], &failed["attempt_count"]), (&json!(true), &json!(1)));
    let id = failed["id"].as_str().expect("an id");
    let attempts = server.api().attempts(id).await;
    let error = attempts[0]["error"].as_str().expect("words");
    assert_eq!(attempts[0]["error_class"], "transform");
    assert!(error.contains("T2001") && error.contains("at character"), "{error}");
    assert_eq!((&attempts[0]["response_status"], &attempts[0]["next_retry_at"]), (&Value::Null, &Value::Null));
    assert_eq!(server.api().event(&event).await["status"], "failed");
    // The fault is no sign that the receiver is ill.
    let circuit = server.api().get(&format!("/v1/destinations/{destination}/circuit")).await.expect(200);
    assert_eq!(circuit["failure_count"], 0);
    assert_eq!(sink.count(), 0);

    let path = format!("/v1/connections/{connection}");
    server.api().patch(&path, json!({ "transform": "{ \"n\": name & \"1\" }" })).await.expect(200);
    server.api().post(&format!("/v1/deliveries/{id}/retry"), json!({})).await.expect(200);
    server.api().event_becomes(&event, "delivered").await;
    assert_eq!(bodies(&sink), [json!({ "n": "x1" })]);
}

async fn nothing_is_sent_of_no_result(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let (source, _) = connected(&server, &sink, json!({ "transform": "data.missing" })).await;
    for body in ["{}", "no JSON"] {
        let event = server.event(&source, body).await;
        let failed = server.api().delivery_becomes(&event, "failed").await;
        assert!(failed["last_error"].as_str().is_some_and(|why| why.contains("no result")), "{failed}");
    }
    assert_eq!(sink.count(), 0);
}

async fn retries_of_the_receiver_are_shaped_as_well(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::in_turn([Reply::Status(500), Reply::Status(200)]).await;
    let retry = json!({ "retry": { "strategy": "fixed", "base_seconds": 1, "max_attempts": 3, "jitter": 0 } });
    let source = server.api().source("source").await;
    let destination = server.api().destination("destination", &sink.url(), retry).await;
    let transform = "{ \"q\": $query.a, \"m\": $method, \"h\": $headers.\"x-a\", \"n\": n, \"ip\": $event.source_ip }";
    let input = json!({ "source_id": source, "destination_id": destination, "transform": transform });
    server.api().make("connections", input).await;
    let url = format!("{}?a=1", server.ingest_url(&source));
    let request = server.api().http().request(reqwest::Method::PUT, url).header("x-a", "b").body(r#"{"n": 7}"#);
    let answer = Answer::of(request).await.expect(200);
    server.api().event_becomes(answer["event_id"].as_str().expect("an id"), "delivered").await;
    // The second one comes from the database.
    let sent = json!({ "q": "1", "m": "PUT", "h": "b", "n": 7, "ip": "127.0.0.1" });
    assert_eq!(bodies(&sink), [sent.clone(), sent]);
}

async fn compressed_bodies_are_shaped_from_what_they_mean(on: On) {
    use std::io::Write;
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let (source, _) = connected(&server, &sink, json!({ "transform": "{ \"twice\": n * 2 }" })).await;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(br#"{"n": 21}"#).expect("memory");
    let request = server.ingest(&source).header("content-encoding", "gzip").body(encoder.finish().expect("memory"));
    Answer::of(request).await.expect(200);
    let received = sink.receives(1).await;
    assert_eq!(bodies(&sink), [json!({ "twice": 42 })]);
    assert_eq!(received[0].header("content-encoding"), None);
}
