//! What receivers get: the request as it came, signed, with the credentials of the destination and none of the sender's.

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, On, Reply, Sink, World, signature};

on_both_databases!(
    a_body_arrives_byte_for_byte,
    headers_are_forwarded_but_not_credentials,
    a_delivery_is_signed_with_the_secret_that_was_shown,
    two_secrets_sign_side_by_side,
    signing_can_be_left_out,
    each_kind_of_authentication_is_sent_and_masked,
    the_method_and_the_address_are_those_of_the_destination,
    three_destinations_get_one_event_each,
    an_event_ends_as_its_deliveries_do,
    an_attempt_tells_all_that_happened,
);

async fn a_body_arrives_byte_for_byte(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let (source, _) = server.api().route("any", &sink.url(), json!({})).await;
    let large: Vec<u8> = (0..=250_u8).cycle().take(300_000).collect();
    let bodies: [&[u8]; 5] = [
        &(0..=255).collect::<Vec<u8>>(),
        b"",
        br#"{ "b" : 1.0, "a":1e3 ,"a":12345678901234567890,"u":"caf\u00e9"}"#,
        b"{\r\n\tnot json\0",
        &large,
    ];
    for (index, body) in bodies.into_iter().enumerate() {
        let event = server.event(&source, body.to_vec()).await;
        let received = sink.receives(index + 1).await.pop().expect("one");
        assert!(received.body == body, "body {index} arrived as {} bytes", received.body.len());
        assert_eq!(received.event_id(), event);
    }
}

async fn headers_are_forwarded_but_not_credentials(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let more = json!({ "headers": { "X-Team": "billing", "X-Source": "ours" } });
    let (source, _) = server.api().route("any", &sink.url(), more).await;
    let mut request = server.ingest(&format!("{source}?not=forwarded")).body("{}");
    for (name, value) in [
        ("content-type", "application/json; charset=utf-8"),
        ("stripe-signature", "t=1,v1=00"),
        ("x-custom", "one"),
        ("x-custom", "two"),
        ("x-source", "theirs"),
        ("authorization", "Bearer of-the-sender"),
        ("cookie", "session=of-the-sender"),
        ("x-api-key", "of-the-sender"),
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "for=1.2.3.4"),
        ("via", "1.1 proxy"),
        ("webhook-id", "of-the-sender"),
        ("webhook-signature", "v1,of-the-sender"),
        ("x-hookstream-event-id", "of-the-sender"),
        ("te", "trailers"),
        ("user-agent", "of-the-sender"),
    ] {
        request = request.header(name, value);
    }
    let event = Answer::of(request).await.expect(200)["event_id"].clone();
    let received = sink.receives(1).await.remove(0);
    assert_eq!((received.method.as_str(), received.target.as_str()), ("POST", "/hook"));
    assert_eq!(received.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(received.header("stripe-signature"), Some("t=1,v1=00"));
    assert_eq!(received.all("x-custom"), ["one", "two"]);
    assert_eq!(received.header("x-source"), Some("ours"), "the destination's own header wins");
    assert_eq!(received.header("x-team"), Some("billing"));
    assert_eq!(received.header("host"), Some(format!("127.0.0.1:{}", sink.port()).as_str()));
    let agent = received.header("user-agent").expect("user-agent");
    assert!(agent.starts_with("hookstream/"), "{agent}");
    for name in
        ["authorization", "cookie", "x-api-key", "x-forwarded-for", "x-forwarded-proto", "forwarded", "via", "te"]
    {
        assert_eq!(received.header(name), None, "{name}");
    }
    let of_the_sender: Vec<_> = received.headers.iter().filter(|(_, value)| value.contains("of-the-sender")).collect();
    assert!(of_the_sender.is_empty(), "{of_the_sender:?}");

    let delivery = server.api().deliveries(event.as_str().expect("an id")).await.remove(0);
    assert_eq!(received.header("x-hookstream-event-id"), event.as_str());
    assert_eq!(received.header("x-hookstream-source-id"), Some(source.as_str()));
    assert_eq!(received.header("x-hookstream-delivery-id"), delivery["id"].as_str());
    assert_eq!(received.header("x-hookstream-attempt"), Some("1"));
    assert_eq!(received.header("webhook-id"), delivery["id"].as_str());
}

async fn a_delivery_is_signed_with_the_secret_that_was_shown(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::in_turn([Reply::Status(500), Reply::Status(200)]).await;
    let source = server.api().source("any").await;
    let retry = json!({ "strategy": "schedule", "intervals_seconds": [1], "max_attempts": 2 });
    let input = crate::world::destination("signed", &sink.url(), json!({ "retry": retry }));
    let made = server.api().post("/v1/destinations", input).await.expect(201);
    let secret = made["signing"]["secrets"][0].as_str().expect("the secret, this once");
    assert!(secret.starts_with("whsec_"), "{secret}");
    server.api().connect(&source, made["id"].as_str().expect("an id")).await;
    server.event(&source, "{\"n\": 1.0}").await;
    let received = sink.receives(2).await;
    for request in &received {
        signature::verify_delivery(secret, request);
    }
    // Receivers tell repeats by the id.
    assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"));
    assert_eq!(received[1].header("x-hookstream-attempt"), Some("2"));
}

async fn two_secrets_sign_side_by_side(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let [old, new] = [1, 2].map(|byte| format!("whsec_{}", BASE64_STANDARD.encode([byte; 32])));
    let (source, destination) =
        server.api().route("rotated", &sink.url(), json!({ "signing": { "secrets": [old] } })).await;
    let path = format!("/v1/destinations/{destination}");
    let shown = server.api().get(&path).await.expect(200)["signing"]["secrets"][0].clone();
    server.api().patch(&path, json!({ "signing": { "secrets": [new, shown] } })).await.expect(200);
    server.event(&source, "x").await;
    let received = sink.receives(1).await.remove(0);
    signature::verify_delivery(&old, &received);
    signature::verify_delivery(&new, &received);
    let shown = server.api().get(&path).await.expect(200)["signing"]["secrets"][0].clone();
    server.api().patch(&path, json!({ "signing": { "secrets": [shown] } })).await.expect(200);
    server.event(&source, "y").await;
    let received = sink.receives(2).await.remove(1);
    signature::verify_delivery(&new, &received);
    assert_eq!(received.header("webhook-signature").expect("it is signed").split(' ').count(), 1);
}

async fn signing_can_be_left_out(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let (source, destination) =
        server.api().route("unsigned", &sink.url(), json!({ "signing": { "scheme": "none" } })).await;
    server.event(&source, "x").await;
    let received = sink.receives(1).await.remove(0);
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        assert_eq!(received.header(name), None, "{name}");
    }
    // Turned on later, a secret is made then, and shown then.
    let patch = json!({ "signing": { "scheme": "standard_webhooks" } });
    let changed = server.api().patch(&format!("/v1/destinations/{destination}"), patch).await.expect(200);
    server.event(&source, "y").await;
    let received = sink.receives(2).await.remove(1);
    signature::verify_delivery(changed["signing"]["secrets"][0].as_str().expect("the secret"), &received);
}

async fn each_kind_of_authentication_is_sent_and_masked(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let basic = format!("Basic {}", BASE64_STANDARD.encode("user:pass:word-secret"));
    for (auth, header, value) in [
        (
            json!({ "type": "basic", "username": "user", "password": "pass:word-secret" }),
            "authorization",
            basic.as_str(),
        ),
        (json!({ "type": "bearer", "token": "token-secret-123" }), "authorization", "Bearer token-secret-123"),
        (
            json!({ "type": "api_key", "header": "X-Their-Key", "value": "their-secret-123" }),
            "x-their-key",
            "their-secret-123",
        ),
    ] {
        let sink = Sink::start().await;
        let kind = auth["type"].as_str().expect("a type").to_owned();
        let (source, _) = server.api().route(&kind, &sink.url(), json!({ "auth": auth })).await;
        let request = server.ingest(&source).header(header, "of-the-sender").body("x");
        let event = Answer::of(request).await.expect(200)["event_id"].as_str().expect("an id").to_owned();
        let received = sink.receives(1).await.remove(0);
        assert_eq!(received.header(header), Some(value), "{kind}");
        let attempt = server.api().attempts_become(&event, 1).await.remove(0);
        let shown = attempt["request"]["headers"].as_array().expect("headers");
        let shown: Vec<_> = shown.iter().filter(|pair| pair[0] == header).collect();
        assert_eq!(shown.len(), 1, "{attempt}");
        assert!(shown[0][1].as_str().expect("text").starts_with('•'), "{attempt}");
        assert!(!attempt.to_string().contains(value), "{attempt}");
    }
}

async fn the_method_and_the_address_are_those_of_the_destination(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    for method in ["POST", "PUT", "PATCH", "GET", "DELETE"] {
        let sink = Sink::start().await;
        let url = format!("{}/a%20b/ü?x=1&y=%2F", sink.url());
        let (source, _) = server.api().route(method, &url, json!({ "config": { "url": url, "method": method } })).await;
        server.event(&source, "body").await;
        let received = sink.receives(1).await.remove(0);
        assert_eq!(received.method, method);
        assert_eq!(received.target, "/hook/a%20b/%C3%BC?x=1&y=%2F");
        assert_eq!(received.body, b"body");
    }
}

async fn three_destinations_get_one_event_each(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = server.api().source("fan").await;
    let sinks = [Sink::start().await, Sink::start().await, Sink::start().await];
    for (index, sink) in sinks.iter().enumerate() {
        let destination = server.api().destination(&format!("d{index}"), &sink.url(), json!({})).await;
        server.api().connect(&source, &destination).await;
    }
    let event = server.event(&source, "to all").await;
    let shown = server.api().event_becomes(&event, "delivered").await;
    let deliveries = shown["deliveries"].as_array().expect("deliveries");
    assert_eq!(deliveries.len(), 3);
    assert!(deliveries.iter().all(|delivery| delivery["status"] == "succeeded"), "{shown}");
    for sink in &sinks {
        let received = sink.received();
        assert_eq!(received.len(), 1);
        assert_eq!((received[0].event_id(), received[0].body.as_slice()), (event.clone(), b"to all".as_slice()));
    }
}

async fn an_event_ends_as_its_deliveries_do(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let (fast, slow) = (Sink::start().await, Sink::replying(Reply::Hang).await);
    let (source, _) = server.api().route("mixed", &fast.url(), json!({})).await;
    let destination = server.api().destination("slow", &slow.url(), json!({ "timeout_ms": 1000 })).await;
    server.api().connect(&source, &destination).await;

    let event = server.event(&source, "x").await;
    fast.receives(1).await;
    slow.receives(1).await;
    assert_eq!(server.api().event(&event).await["status"], "processing", "one delivery is still on its way");
    server.api().event_becomes(&event, "failed").await;

    slow.now_replies(Reply::Status(204));
    let event = server.event(&source, "y").await;
    server.api().event_becomes(&event, "delivered").await;
    assert_eq!(server.api().get("/v1/events?status=failed").await.list().len(), 1);
    assert_eq!(server.api().get("/v1/events?status=delivered").await.list()[0]["id"], event.as_str());
}

async fn an_attempt_tells_all_that_happened(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let reply = Reply::Full { status: 201, headers: vec![("x-answer", "42".into())], body: b"thank you\0\xff".into() };
    let sink = Sink::replying(Reply::After(std::time::Duration::from_millis(150), Box::new(reply))).await;
    let (source, destination) = server.api().route("told", &sink.url(), json!({})).await;
    let event = server.event(&source, "x").await;
    let delivery = server.api().delivery_becomes(&event, "succeeded").await;
    assert_eq!(delivery["event_id"], event.as_str());
    assert_eq!(delivery["destination_id"], destination.as_str());
    assert_eq!((&delivery["attempt_count"], &delivery["is_dlq"]), (&json!(1), &json!(false)));
    assert_eq!((&delivery["next_attempt_at"], &delivery["last_error"]), (&Value::Null, &Value::Null));
    let path = format!("/v1/deliveries/{}", delivery["id"].as_str().expect("an id"));
    assert_eq!(server.api().get(&path).await.expect(200), delivery);

    let attempt = server.api().attempts(delivery["id"].as_str().expect("an id")).await.remove(0);
    assert!(attempt["id"].as_str().is_some_and(|id| id.starts_with("da_")));
    assert_eq!(attempt["delivery_id"], delivery["id"]);
    assert_eq!((&attempt["attempt_number"], &attempt["trigger"]), (&json!(1), &json!("initial")));
    assert_eq!((&attempt["status"], &attempt["response_status"]), (&json!("succeeded"), &json!(201)));
    assert_eq!(attempt["response_body"], "thank you\u{fffd}\u{fffd}");
    let headers = attempt["response_headers"].as_array().expect("headers");
    assert!(headers.contains(&json!(["x-answer", "42"])), "{attempt}");
    let latency = attempt["latency_ms"].as_u64().expect("a number");
    assert!((150..5000).contains(&latency), "{latency} ms");
    for field in ["error", "error_class", "next_retry_at"] {
        assert_eq!(attempt[field], Value::Null, "{field}");
    }
    assert_eq!(attempt["request"]["method"], Method::POST.as_str());
    assert_eq!(attempt["request"]["url"], sink.url());
    let sent = attempt["request"]["headers"].as_array().expect("headers");
    assert!(sent.iter().any(|header| header[0] == "webhook-signature"), "{attempt}");
}
