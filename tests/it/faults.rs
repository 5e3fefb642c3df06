//! Receivers that misbehave, and addresses that deliveries may not reach: each fails by its own class, in time, and
//! nothing else suffers.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::{On, Reply, Server, Sink, World, within};

on_both_databases!(
    receivers_that_fail_do_so_by_their_class,
    garbage_of_many_kinds_is_no_answer,
    a_redirect_is_not_followed,
    an_answer_is_read_no_further_than_16_kib,
    an_answer_that_dribbles_ends_with_the_time_allowed,
    private_addresses_are_not_reached,
    only_the_networks_that_are_allowed_are_reached,
);

/// What a source delivers to a receiver, tried once: the attempt, and how long it took to be there.
async fn attempt(server: &Server, name: &str, url: &str, more: Value) -> (Value, Duration) {
    let (source, _) = server.api().route(name, url, more).await;
    let start = Instant::now();
    let event = server.event(&source, "x").await;
    let attempt = server.api().attempts_become(&event, 1).await.remove(0);
    (attempt, start.elapsed())
}

async fn receivers_that_fail_do_so_by_their_class(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let hangs = Sink::replying(Reply::Hang).await;
    let resets = Sink::replying(Reply::Reset).await;
    let closes = Sink::replying(Reply::Close).await;
    let speaks_http = Sink::start().await;
    let nobody = Sink::start().await.url();
    let source = server.api().source("all").await;
    let receivers = [
        ("timeout", hangs.url(), "300 ms"),
        ("protocol", resets.url(), ""),
        ("protocol", closes.url(), ""),
        ("connect", nobody, "refused"),
        ("dns", "http://no-such-host.invalid/".to_owned(), "no-such-host.invalid"),
        ("tls", speaks_http.url().replace("http://", "https://"), "TLS"),
    ];
    let mut destinations = Vec::new();
    for (index, (class, url, _)) in receivers.iter().enumerate() {
        let more = json!({ "timeout_ms": if *class == "timeout" { 300 } else { 5000 } });
        let destination = server.api().destination(&format!("{class} {index}"), url, more).await;
        server.api().connect(&source, &destination).await;
        destinations.push(destination);
    }
    let event = server.event(&source, "x").await;
    let deliveries = server.api().deliveries_end(&event).await;
    assert_eq!(deliveries.len(), receivers.len());
    assert_eq!(server.api().event(&event).await["status"], "failed");
    for (destination, (class, url, says)) in destinations.iter().zip(receivers) {
        let delivery = &deliveries[destination];
        let attempts = server.api().attempts(delivery["id"].as_str().expect("an id")).await;
        assert_eq!(attempts.len(), 1);
        let attempt = &attempts[0];
        assert_eq!(attempt["error_class"], class, "{attempt}");
        assert_eq!(attempt["status"], "failed");
        assert_eq!(attempt["request"]["url"], url);
        for field in ["response_status", "response_headers", "response_body", "next_retry_at"] {
            assert_eq!(attempt[field], Value::Null, "{field} of {attempt}");
        }
        let error = attempt["error"].as_str().expect("words");
        assert!(error.contains(says), "{error}");
        assert_eq!(delivery["last_error"], error);
        assert_eq!((&delivery["status"], &delivery["is_dlq"]), (&json!("failed"), &json!(true)));
        let latency = attempt["latency_ms"].as_u64().expect("a number");
        assert!(class != "timeout" || (300..2000).contains(&latency), "{latency} ms");
    }
}

async fn garbage_of_many_kinds_is_no_answer(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let garbage: [&[u8]; 7] = [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\0\x01\x02\xff\xfe\r\n\r\n",
        b"HTTP/1.1 999999 What\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: minus one\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx-unfinished: ",
        b"",
    ];
    for (index, bytes) in garbage.into_iter().enumerate() {
        let sink = Sink::replying(Reply::Raw(bytes)).await;
        let (attempt, _) = attempt(&server, &format!("garbage {index}"), &sink.url(), json!({})).await;
        assert_eq!(attempt["error_class"], "protocol", "{bytes:?}: {attempt}");
        assert_eq!(sink.count(), 1, "it was asked once");
    }
}

async fn a_redirect_is_not_followed(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let target = Sink::start().await;
    for status in [301, 302, 303, 307, 308] {
        let location = vec![("location", target.url())];
        let sink = Sink::replying(Reply::Full { status, headers: location, body: vec![] }).await;
        let (attempt, _) = attempt(&server, &format!("to {status}"), &sink.url(), json!({})).await;
        assert_eq!(attempt["error_class"], "status", "{attempt}");
        assert_eq!(attempt["response_status"], status);
        let error = attempt["error"].as_str().expect("words");
        assert!(error.contains("redirects are not followed"), "{error}");
    }
    assert_eq!(target.count(), 0);
}

async fn an_answer_is_read_no_further_than_16_kib(on: On) {
    const GIGABYTE: u64 = 1 << 30;
    // What fits into the buffers on the way, and not much more.
    const TAKEN: u64 = 64 << 20;
    let world = World::new(on).await;
    let server = world.serve().await;
    for (name, reply) in [("a gigabyte", Reply::Stream(GIGABYTE)), ("without an end", Reply::Endless)] {
        let sink = Sink::replying(reply).await;
        let (attempt, took) = attempt(&server, name, &sink.url(), json!({})).await;
        assert_eq!((&attempt["status"], &attempt["response_status"]), (&json!("succeeded"), &json!(200)));
        assert_eq!(attempt["response_body"].as_str().expect("a body"), ".".repeat(16 << 10));
        assert!(took < Duration::from_secs(5), "{name} took {took:?}");
        assert!(sink.streamed() < TAKEN, "{} bytes were taken", sink.streamed());
    }
    // A failure is read no further either.
    let body = vec![b'!'; 100_000];
    let sink = Sink::replying(Reply::Full { status: 500, headers: vec![], body }).await;
    let (attempt, _) = attempt(&server, "a long excuse", &sink.url(), json!({})).await;
    assert_eq!(attempt["response_body"].as_str().expect("a body").len(), 16 << 10);
    assert_eq!((&attempt["error_class"], &attempt["response_status"]), (&json!("status"), &json!(500)));
}

async fn an_answer_that_dribbles_ends_with_the_time_allowed(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::replying(Reply::Dribble(Duration::from_millis(50))).await;
    let (attempt, took) = attempt(&server, "dribbles", &sink.url(), json!({ "timeout_ms": 500 })).await;
    // The status has said that the receiver took it.
    assert_eq!((&attempt["status"], &attempt["response_status"]), (&json!("succeeded"), &json!(200)));
    let body = attempt["response_body"].as_str().expect("a body");
    assert!(!body.is_empty() && body.trim_matches('.').is_empty(), "what had come is kept: {body:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
}

async fn private_addresses_are_not_reached(on: On) {
    let world = World::new(on).await;
    let server = world.serve_with(&[("HOOKSTREAM_ALLOW_TARGETS", "")]).await;
    let sink = Sink::start().await;
    let port = sink.port();
    let source = server.api().source("inside").await;
    let urls = [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://0x7f.1:{port}/"),
        format!("http://0:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://10.0.0.1/".to_owned(),
    ];
    let mut destinations = Vec::new();
    for (index, url) in urls.iter().enumerate() {
        let destination = server.api().destination(&format!("inside {index}"), url, json!({})).await;
        server.api().connect(&source, &destination).await;
        destinations.push(destination);
    }
    let event = server.event(&source, "x").await;
    let deliveries = server.api().deliveries_end(&event).await;
    for (destination, url) in destinations.iter().zip(&urls) {
        let delivery = &deliveries[destination];
        let attempt = server.api().attempts(delivery["id"].as_str().expect("an id")).await.remove(0);
        assert_eq!(attempt["error_class"], "blocked", "{url}: {attempt}");
        let error = attempt["error"].as_str().expect("words");
        assert!(error.contains("HOOKSTREAM_ALLOW_TARGETS"), "it says what an operator can do: {error}");
    }
    assert_eq!(sink.count(), 0);
}

async fn only_the_networks_that_are_allowed_are_reached(on: On) {
    let world = World::new(on).await;
    let server = world.serve_with(&[("HOOKSTREAM_ALLOW_TARGETS", "127.0.0.2/32, 10.0.0.0/8")]).await;
    let sink = Sink::start().await;
    let (blocked, _) = attempt(&server, "blocked", &sink.url(), json!({})).await;
    assert_eq!(blocked["error_class"], "blocked");
    assert_eq!(sink.count(), 0);
    // It may go there; that nobody listens is another matter.
    let url = format!("http://127.0.0.2:{}/", sink.port());
    let allowed = within(Duration::from_secs(10), "a refusal", attempt(&server, "allowed", &url, json!({}))).await.0;
    assert_eq!(allowed["error_class"], "connect", "{allowed}");
}
