//! What providers post: what is taken and what is refused, and that all of it can be read back as it came.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::world::{Answer, On, Server, World, signature, within};

on_both_databases!(
    stripes_signature_opens_the_door,
    githubs_own_fixtures_are_taken,
    other_schemes_are_verified_too,
    a_secret_is_rotated_without_refusing_anything,
    wrong_signatures_are_refused_and_leave_nothing,
    sources_that_are_not_there,
    bodies_have_a_limit,
    everything_of_a_request_can_be_read_back,
    a_request_that_breaks_off_is_no_event,
    announcing_much_takes_nothing_from_others,
    without_a_connection_an_event_stays_received,
    a_test_event_takes_the_same_way,
);

const STRIPE_BODY: &str = r#"{"id":"evt_1","type":"invoice.paid","data":{"object":{"amount":4200}}}"#;
const STRIPE_SECRET: &str = "whsec_stripe_0123456789abcdef";

async fn stripe_source(server: &Server) -> String {
    let input = json!({ "name": "Stripe", "template": "stripe", "verification": { "secrets": [STRIPE_SECRET] } });
    server.api().make("sources", input).await
}

async fn stripes_signature_opens_the_door(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = stripe_source(&server).await;
    let signed = signature::stripe(STRIPE_SECRET, signature::now(), STRIPE_BODY.as_bytes());
    let answer = Answer::of(server.ingest(&source).header("stripe-signature", &signed).body(STRIPE_BODY)).await;
    let answer = answer.expect(200);
    assert_eq!(answer["source_id"], source.as_str());
    assert_eq!(answer.as_object().expect("an object").len(), 2, "{answer}");

    let event = server.api().event(answer["event_id"].as_str().expect("an id")).await;
    assert_eq!(event["verification_status"], "verified");
    assert_eq!(event["dedup_status"], "unique");
    assert_eq!(event["type"], "invoice.paid");
    assert_eq!(event["provider_event_id"], "evt_1");
    assert_eq!(event["source_id"], source.as_str());
    assert_eq!(event["env_id"], world.account.env_id.as_str());
    assert_eq!(event["source_ip"], "127.0.0.1");
    assert_eq!(event["payload"]["data"]["object"]["amount"], 4200);
    assert_eq!(event["headers"].as_array().expect("headers").iter().filter(|h| h[1] == signed.as_str()).count(), 1);

    let source = server.api().get(&format!("/v1/sources/{source}")).await.expect(200);
    assert_eq!(source["event_count"], 1);
    assert_eq!(source["last_event_at"], event["received_at"]);
}

async fn githubs_own_fixtures_are_taken(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let fixtures: Value = serde_json::from_str(include_str!("../fixtures/providers/github.json")).expect("JSON");
    let verification = json!({ "secrets": [fixtures["secret"]] });
    let input = json!({ "name": "GitHub", "template": "github", "verification": verification });
    let source = server.api().make("sources", input).await;
    let cases = fixtures["cases"].as_array().expect("cases");
    assert!(!cases.is_empty());
    for case in cases {
        let body = case["body"].as_str().expect("a body").to_owned();
        let mut request = server.ingest(&source).body(body.clone());
        for (name, value) in case["headers"].as_object().expect("headers") {
            request = request.header(name, value.as_str().expect("a value"));
        }
        let event = Answer::of(request).await.expect(200)["event_id"].clone();
        let event = server.api().event(event.as_str().expect("an id")).await;
        assert_eq!(event["body_base64"], BASE64_STANDARD.encode(&body), "{}", case["name"]);
        assert_eq!(event["verification_status"], "verified");
        assert_eq!(event["type"], case["headers"]["x-github-event"], "{}", case["name"]);
    }
}

async fn other_schemes_are_verified_too(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let body = br#"{"type":"order.created"}"#.as_slice();

    let secret = format!("whsec_{}", BASE64_STANDARD.encode([7; 32]));
    let standard = json!({ "type": "standard_webhooks", "secrets": [secret] });
    let standard = server.api().make("sources", json!({ "name": "Standard", "verification": standard })).await;
    let (id, now) = ("msg_1", signature::now());
    let sign = |id: &str, now: i64| {
        let request = server.ingest(&standard).header("webhook-id", id).header("webhook-timestamp", now.to_string());
        request.header("webhook-signature", signature::standard_webhooks(&secret, "msg_1", now, body)).body(body)
    };
    Answer::of(sign(id, now)).await.expect(200);
    Answer::of(sign("msg_2", now)).await.problem(401, "unverified");
    Answer::of(sign(id, now - 400)).await.problem(401, "unverified");
    Answer::of(sign(id, now + 400)).await.problem(401, "unverified");

    let plain = json!({
        "type": "hmac_sha256", "secrets": ["s3cret"], "header": "X-Signature", "prefix": "v=", "encoding": "base64",
    });
    let plain = server.api().make("sources", json!({ "name": "Plain", "verification": plain })).await;
    let tag = format!("v={}", BASE64_STANDARD.encode(signature::hmac_sha256(b"s3cret", &[body])));
    Answer::of(server.ingest(&plain).header("x-signature", &tag).body(body)).await.expect(200);
    let without_prefix = tag.trim_start_matches("v=");
    Answer::of(server.ingest(&plain).header("x-signature", without_prefix).body(body)).await.problem(401, "unverified");
    server.post(&plain, body).await.problem(401, "unverified");
}

async fn a_secret_is_rotated_without_refusing_anything(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = stripe_source(&server).await;
    let sent = async |secret: &str| {
        let signed = signature::stripe(secret, signature::now(), STRIPE_BODY.as_bytes());
        Answer::of(server.ingest(&source).header("stripe-signature", signed).body(STRIPE_BODY)).await.status
    };
    let path = format!("/v1/sources/{source}");
    let shown = server.api().get(&path).await.expect(200)["verification"]["secrets"].clone();
    let next = "whsec_the_next_one_0123456789";
    server.api().patch(&path, json!({ "verification": { "secrets": [next, shown[0]] } })).await.expect(200);
    assert_eq!((sent(STRIPE_SECRET).await, sent(next).await), (200, 200));
    let shown = server.api().get(&path).await.expect(200)["verification"]["secrets"].clone();
    server.api().patch(&path, json!({ "verification": { "secrets": [shown[0]] } })).await.expect(200);
    assert_eq!((sent(STRIPE_SECRET).await, sent(next).await), (401, 200));
}

async fn wrong_signatures_are_refused_and_leave_nothing(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = stripe_source(&server).await;
    let now = signature::now();
    let body = STRIPE_BODY.as_bytes();
    let good = signature::stripe(STRIPE_SECRET, now, body);
    for (why, signed) in [
        ("another secret", signature::stripe("whsec_another", now, body)),
        ("another body", signature::stripe(STRIPE_SECRET, now, b"{}")),
        ("too old", signature::stripe(STRIPE_SECRET, now - 400, body)),
        ("too new", signature::stripe(STRIPE_SECRET, now + 400, body)),
        ("a time that was not signed", good.replacen(&now.to_string(), &(now - 1).to_string(), 1)),
        ("half a signature", good[..good.len() - 32].to_owned()),
        ("no time", good.split_once(',').expect("two parts").1.to_owned()),
        ("no signature", format!("t={now}")),
        ("another scheme", good.replace("v1=", "v0=")),
        ("nonsense", "t=1,v1=".to_owned()),
        ("nothing", String::new()),
    ] {
        let answer = Answer::of(server.ingest(&source).header("stripe-signature", signed).body(STRIPE_BODY)).await;
        let problem = answer.problem(401, "unverified");
        // Whoever tries signatures learns nothing of what was wrong.
        assert_eq!(problem["detail"], "The signature could not be verified.", "{why}");
    }
    server.post(&source, STRIPE_BODY).await.problem(401, "unverified");
    assert_eq!(server.api().get("/v1/events").await.list(), Vec::<Value>::new());
    assert_eq!(server.api().get(&format!("/v1/sources/{source}")).await.expect(200)["event_count"], 0);
}

async fn sources_that_are_not_there(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let source = api.source("here").await;
    let destination = api.destination("there", "http://127.0.0.1:9/", json!({})).await;
    server.post(&source, "x").await.expect(200);

    let unknown = format!("src_{}", "0".repeat(32));
    for id in [
        unknown.as_str(),
        "src_1",
        "nonsense",
        &source.to_uppercase(),
        &source.replacen("src_", "dst_", 1),
        &destination,
        &format!("{source}0"),
        "%FF",
        "src_%00",
        "..%2Fsources",
    ] {
        server.post(id, "x").await.problem(404, "not_found");
    }
    server.post(&format!("{source}/more"), "x").await.problem(404, "not_found");

    let path = format!("/v1/sources/{source}");
    api.patch(&path, json!({ "status": "paused" })).await.expect(200);
    server.post(&source, "x").await.problem(404, "not_found");
    api.patch(&path, json!({ "status": "active" })).await.expect(200);
    server.post(&source, "x").await.expect(200);
    api.delete(&path).await.expect(204);
    server.post(&source, "x").await.problem(410, "gone");
    assert_eq!(api.all("/v1/events").await.len(), 2);
}

async fn bodies_have_a_limit(on: On) {
    const LIMIT: usize = 64 << 10;
    let world = World::new(on).await;
    let server = world.serve_with(&[("HOOKSTREAM_MAX_BODY", "64KiB")]).await;
    let source = server.api().source("small").await;
    let unsigned = stripe_source(&server).await;
    let chunked = |length: usize| {
        let piece = vec![b'x'; length / 4];
        let rest = vec![b'x'; length - 3 * (length / 4)];
        let pieces = [piece.clone(), piece.clone(), piece, rest].map(Ok::<_, std::io::Error>);
        reqwest::Body::wrap_stream(futures::stream::iter(pieces))
    };
    let event = server.event(&source, vec![b'x'; LIMIT]).await;
    assert_eq!(server.api().event(&event).await["content_length"], LIMIT);
    let event = server.event(&source, chunked(LIMIT)).await;
    assert_eq!(server.api().event(&event).await["content_length"], LIMIT);

    server.post(&source, vec![b'x'; LIMIT + 1]).await.problem(413, "too_large");
    server.post(&source, chunked(LIMIT + 1)).await.problem(413, "too_large");
    // The limit comes before the signature and before the source itself.
    server.post(&unsigned, vec![b'x'; LIMIT + 1]).await.problem(413, "too_large");
    server.post(&format!("src_{}", "0".repeat(32)), chunked(LIMIT + 1)).await.problem(413, "too_large");

    // A sender that writes all of it before it reads anything learns why as well.
    server.post(&source, vec![b'x'; 4 << 20]).await.problem(413, "too_large");
    server.post(&source, chunked(4 << 20)).await.problem(413, "too_large");

    // What is announced need not be sent to be refused.
    let head = format!("POST /v1/ingest/{source} HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n");
    let answer = raw(&server, head.as_bytes(), false).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(server.api().all("/v1/events").await.len(), 2);
}

async fn everything_of_a_request_can_be_read_back(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = server.api().source("any").await;
    let path = format!("/v1/ingest/{source}");
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "REPORT"] {
        let body: Vec<u8> = (0..=255).collect();
        let head = format!(
            "{method} {path}?b=2&a=%20x&b=3&empty HTTP/1.1\r\nHost: hooks.test\r\nX-Twice: one\r\nX-Between: \
             here\r\nx-twice: two\r\nX-Latin: caf\u{fffd}\r\nContent-Type: application/x-odd; q=1\r\nContent-Length: \
             {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        // A byte that is Latin-1 and no UTF-8.
        let head: Vec<u8> = head.split('\u{fffd}').map(str::as_bytes).collect::<Vec<_>>().join(&0xe9);
        let answer = raw(&server, &[head, body.clone()].concat(), false).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{method}: {answer}");
        let newest = server.api().get("/v1/events?limit=1").await.list()[0].clone();
        let event = server.api().event(newest["id"].as_str().expect("an id")).await;
        assert_eq!(event["method"], method);
        assert_eq!(event["path"], path);
        assert_eq!(event["query"], "b=2&a=%20x&b=3&empty");
        assert_eq!(event["content_type"], "application/x-odd; q=1");
        assert_eq!(event["content_length"], 256);
        assert_eq!(event["body_base64"], BASE64_STANDARD.encode(&body));
        assert_eq!(event["payload"], Value::Null);
        assert_eq!(event["status"], "received");
        assert_eq!(event["verification_status"], "not_required");
        let values = |wanted: &str| {
            let headers = event["headers"].as_array().expect("headers").iter();
            headers.filter(|header| header[0] == wanted).map(|header| header[1].clone()).collect::<Vec<_>>()
        };
        assert_eq!(values("x-twice"), ["one", "two"]);
        assert_eq!(values("x-latin"), ["café"]);
        assert_eq!(values("host"), ["hooks.test"]);
        let names: Vec<_> = event["headers"].as_array().expect("headers").iter().map(|header| &header[0]).collect();
        let order: Vec<_> = ["host", "x-twice", "x-between", "x-latin", "content-type"].into();
        let mut seen: Vec<_> = names.into_iter().filter(|name| order.iter().any(|known| known == name)).collect();
        seen.dedup();
        assert_eq!(seen, order, "the order is that of the request");
    }
    // JSON is shown parsed as well, and nothing of it is lost on the way.
    let body = r#"{"b":1.0,"a":12345678901234567890,"deep":{"z":[null,true]}}"#;
    let event = server.api().event(&server.event(&source, body).await).await;
    assert_eq!(event["payload"], serde_json::from_str::<Value>(body).expect("JSON"));
    assert_eq!(event["body_base64"], BASE64_STANDARD.encode(body));
    let empty = server.api().event(&server.event(&source, "").await).await;
    assert_eq!((&empty["body_base64"], &empty["content_length"]), (&json!(""), &json!(0)));
    assert_eq!(empty["content_type"], Value::Null);
}

async fn a_request_that_breaks_off_is_no_event(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = server.api().source("any").await;
    let head = format!("POST /v1/ingest/{source} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf");
    let answer = raw(&server, head.as_bytes(), true).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let head =
        format!("POST /v1/ingest/{source} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n");
    let answer = raw(&server, head.as_bytes(), true).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    server.event(&source, "whole").await;
    assert_eq!(server.api().all("/v1/events").await.len(), 1);
}

/// Half a minute long, and the same whatever the database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_come_is_given_up() {
    let world = World::new(On::Sqlite).await;
    let server = world.serve().await;
    let source = server.api().source("slow").await;
    let head = format!("POST /v1/ingest/{source} HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc");
    let answer = within(Duration::from_secs(40), "an answer", raw(&server, head.as_bytes(), false)).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("too_slow"), "{answer}");
    assert!(server.api().all("/v1/events").await.is_empty());
}

async fn announcing_much_takes_nothing_from_others(on: On) {
    const SENDERS: usize = 40;
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = server.api().source("patient").await;
    let mut silent = Vec::new();
    for _ in 0..SENDERS {
        let mut stream = TcpStream::connect(server.address()).await.expect("it listens");
        let head = format!("POST /v1/ingest/{source} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", 10 << 20);
        stream.write_all(head.as_bytes()).await.expect("it is read");
        silent.push(stream);
    }
    // Those that do send are taken, the large ones as well, also once all heads were certainly read.
    for _ in 0..5 {
        server.event(&source, "x").await;
        server.event(&source, vec![b'x'; 9 << 20]).await;
    }
    drop(silent);
}

async fn without_a_connection_an_event_stays_received(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = server.api().source("alone").await;
    let event = server.event(&source, "{}").await;
    let event = server.api().event(&event).await;
    assert_eq!(event["status"], "received");
    assert_eq!(event["deliveries"], json!([]));
}

async fn a_test_event_takes_the_same_way(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = stripe_source(&server).await;
    let path = format!("/v1/sources/{source}/test");
    let sent = server.api().post(&path, json!({})).await.expect(201);
    let event = server.api().event(sent["event_id"].as_str().expect("an id")).await;
    assert_eq!(
        (&event["verification_status"], &event["type"]),
        (&json!("verified"), &json!("payment_intent.succeeded"))
    );
    server.api().patch(&format!("/v1/sources/{source}"), json!({ "status": "paused" })).await.expect(200);
    server.api().post(&path, json!({})).await.problem(409, "conflict");
}

/// Sends bytes and reads what comes back; then the connection is closed. Closes its half before where `half` says so.
async fn raw(server: &Server, bytes: &[u8], half: bool) -> String {
    let mut stream = TcpStream::connect(server.address()).await.expect("the server listens");
    stream.write_all(bytes).await.expect("it takes the request");
    if half {
        stream.shutdown().await.expect("half of it closes");
    }
    let mut answer = vec![0; 64 << 10];
    let length = stream.read(&mut answer).await.expect("it answers or closes");
    String::from_utf8_lossy(&answer[..length]).into_owned()
}
