//! What sources remember: the requests they refused, and the types of events they have seen.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{Answer, On, Server, World, eventually, signature};

on_both_databases!(
    a_refused_request_shows_why,
    a_refused_request_is_taken_in_after_the_secret_was_mended,
    only_the_last_refused_requests_are_kept,
    what_is_secret_in_a_refused_request_is_masked,
    a_stranger_sees_no_refused_requests,
    types_are_counted_and_their_payloads_described,
);

async fn rejected(server: &Server, source: &str, count: usize) -> Vec<Value> {
    eventually(Duration::from_secs(5), "the refused requests are kept", async || {
        let list = server.api().get(&format!("/v1/sources/{source}/rejected")).await.expect(200)["data"].clone();
        let list = list.as_array().expect("a list").clone();
        (list.len() == count).then_some(list)
    })
    .await
}

const SECRET: &str = "whsec_the_right_one_0123456789";
const BODY: &str = r#"{"id":"evt_1","type":"invoice.paid"}"#;

async fn stripe(server: &Server, secret: &str) -> String {
    let verification = json!({ "secrets": [secret] });
    let input = json!({ "name": "Stripe", "template": "stripe", "verification": verification });
    server.api().make("sources", input).await
}

async fn post_signed(server: &Server, source: &str, secret: &str) -> Answer {
    let signed = signature::stripe(secret, signature::now(), BODY.as_bytes());
    Answer::of(server.ingest(source).header("stripe-signature", signed).body(BODY)).await
}

async fn a_refused_request_shows_why(on: On) {
    let world = World::new(on).await;
    let server = world.serve_with(&[("HOOKSTREAM_MAX_BODY", "1000")]).await;
    let source = stripe(&server, SECRET).await;
    post_signed(&server, &source, "whsec_a_wrong_one_0123456789").await.problem(401, "unverified");
    server.post(&source, "x".repeat(1001)).await.problem(413, "too_large");
    let path = format!("/v1/sources/{source}");
    server.api().patch(&path, json!({ "ip_denylist": ["127.0.0.1"] })).await.expect(200);
    let with_query = server.api().http().put(format!("{}?a=1", server.ingest_url(&source)));
    Answer::of(with_query.body("x")).await.problem(403, "forbidden");

    let list = rejected(&server, &source, 3).await;
    let shown: Vec<_> = list.iter().map(|one| (one["reason"].as_str(), one["status"].as_u64())).collect();
    assert_eq!(
        shown,
        [(Some("ip_denied"), Some(403)), (Some("too_large"), Some(413)), (Some("unverified"), Some(401))]
    );
    let [denied, too_large, unverified] = list.as_slice() else { panic!("three") };
    assert_eq!(
        (&denied["method"], &denied["query"], &denied["source_ip"]),
        (&json!("PUT"), &json!("a=1"), &json!("127.0.0.1"))
    );
    assert!(denied["detail"]["message"].as_str().is_some_and(|text| text.contains("127.0.0.1")), "{denied}");
    for unread in [denied, too_large] {
        assert_eq!((&unread["body"], &unread["can_be_replayed"]), (&Value::Null, &json!(false)));
    }
    assert_eq!((unverified["body"].as_str(), &unverified["can_be_replayed"]), (Some(BODY), &json!(true)));
    assert!(unverified["headers"].as_array().is_some_and(|headers| headers.iter().any(|h| h[0] == "stripe-signature")));
    assert!(unverified["id"].as_str().is_some_and(|id| id.starts_with("req_")));
    assert!(server.api().all("/v1/events").await.is_empty());
}

async fn a_refused_request_is_taken_in_after_the_secret_was_mended(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = stripe(&server, "whsec_a_wrong_one_0123456789").await;
    post_signed(&server, &source, SECRET).await.problem(401, "unverified");
    let list = rejected(&server, &source, 1).await;
    let replay = format!("/v1/sources/{source}/rejected/{}/replay", list[0]["id"].as_str().expect("an id"));
    let conflict = server.api().post(&replay, json!({})).await.problem(409, "conflict");
    assert!(conflict["detail"].as_str().is_some_and(|text| text.contains("signature")), "{conflict}");

    let path = format!("/v1/sources/{source}");
    server.api().patch(&path, json!({ "verification": { "secrets": [SECRET] } })).await.expect(200);
    let taken = server.api().post(&replay, json!({})).await.expect(201);
    let event = server.api().event(taken["event_id"].as_str().expect("an id")).await;
    assert_eq!((&event["verification_status"], &event["type"]), (&json!("verified"), &json!("invoice.paid")));
    assert_eq!(event["source_ip"], "127.0.0.1");
    rejected(&server, &source, 0).await;
    server.api().post(&replay, json!({})).await.problem(404, "not_found");
}

async fn only_the_last_refused_requests_are_kept(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = stripe(&server, SECRET).await;
    // As many as are kept at once; what goes beyond is kept at the pace of a hundred a minute.
    for n in 0..105 {
        server.post(&source, n.to_string()).await.problem(401, "unverified");
    }
    let list = rejected(&server, &source, 100).await;
    assert!(list.windows(2).all(|pair| pair[0]["id"].as_str() > pair[1]["id"].as_str()), "newest first");
}

async fn what_is_secret_in_a_refused_request_is_masked(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = stripe(&server, SECRET).await;
    let request = server.ingest(&source).header("authorization", "Bearer a-very-secret-token-1234").body(BODY);
    Answer::of(request).await.problem(401, "unverified");
    let list = rejected(&server, &source, 1).await;
    let text = list[0].to_string();
    assert!(!text.contains("very-secret") && text.contains("1234"), "{text}");
}

async fn a_stranger_sees_no_refused_requests(on: On) {
    let world = World::new(on).await;
    let stranger = world.add_account("eve@example.com", "Eve");
    let server = world.serve().await;
    let source = stripe(&server, SECRET).await;
    server.post(&source, "x").await.problem(401, "unverified");
    let list = rejected(&server, &source, 1).await;
    let id = list[0]["id"].as_str().expect("an id");
    let stranger = server.client_with(&stranger.api_key);
    stranger.get(&format!("/v1/sources/{source}/rejected")).await.problem(404, "not_found");
    stranger.get(&format!("/v1/sources/{source}/event-types")).await.problem(404, "not_found");
    stranger.post(&format!("/v1/sources/{source}/rejected/{id}/replay"), json!({})).await.problem(404, "not_found");
}

async fn types_are_counted_and_their_payloads_described(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = server.api().source("s").await;
    for amount in ["5", "null"] {
        let body = format!(r#"{{"type": "order.paid", "data": {{"amount": {amount}}}, "items": [{{"sku": "a"}}]}}"#);
        Answer::of(server.ingest(&source).header("content-type", "application/json").body(body)).await.expect(200);
    }
    server.event(&source, "no JSON").await;
    let types = eventually(Duration::from_secs(10), "the types are noted", async || {
        let list = server.api().get(&format!("/v1/sources/{source}/event-types")).await.expect(200)["data"].clone();
        let list = list.as_array().expect("a list").clone();
        (list.len() == 2 && list[0]["count"] == 2).then_some(list)
    })
    .await;
    assert_eq!((&types[0]["type"], &types[1]["type"]), (&json!("order.paid"), &Value::Null));
    assert_eq!(types[0]["shape"]["payload.data.amount"], json!(["null", "number"]));
    assert_eq!(types[0]["shape"]["payload.items[].sku"], json!(["string"]));
    assert_eq!(types[1]["shape"], json!({}));
}
