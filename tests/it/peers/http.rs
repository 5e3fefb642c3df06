//! `http`: an OAuth 2 provider, a receiver that asks for a certificate, plain signatures, and events that are made up.

use std::{fs, process::Command, time::Duration};

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{
    process::{Program, free_port, installed, own, python},
    trip::Trip,
};
use crate::world::{Reply, Sink, destination, signature};

on_sqlite!(
    oauth2_is_delivered,
    oauth2_keeps_its_token_until_it_is_refused,
    oauth2_wrong_credentials,
    oauth2_down,
    oauth2_slow,
    a_client_certificate_is_shown,
    a_wrong_client_certificate_is_refused,
    a_plain_hmac_signs_with_every_secret,
    http_wrong_credentials_missing_target_and_too_large,
    http_throttled,
    http_down_and_slow,
    a_test_event_says_what_the_receiver_answered,
    secrets_that_were_read_can_be_sent_again,
);

struct Oidc {
    _program: Program,
    url: String,
}

static OIDC: OnceCell<Oidc> = OnceCell::const_new();
const BASIC_SECRET: &str = "a secret: with +/% in it";

impl Oidc {
    async fn shared() -> &'static Self {
        OIDC.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        // Node looks for packages beside the file.
        let folder = Program::folder();
        fs::copy(own("oidc.mjs"), folder.join("oidc.mjs")).expect("a file can be copied");
        std::os::unix::fs::symlink(installed().join("node/node_modules"), folder.join("node_modules")).expect("a link");
        let mut command = Command::new("node");
        command.arg(folder.join("oidc.mjs")).arg(port.to_string());
        let program = Program::start(&command, folder, &url).await;
        Self { _program: program, url }
    }

    fn auth(&self, client: &str, secret: &str, by: &str) -> Value {
        json!({
            "type": "oauth2_client_credentials", "token_url": format!("{}/token", self.url), "client_id": client,
            "client_secret": secret, "scope": "events.write", "client_auth": by,
        })
    }

    /// Whether the provider takes a token for one of its own that is good.
    async fn knows(&self, token: &str) -> bool {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("token", token), ("client_id", "by-body"), ("client_secret", "another-secret")])
            .finish();
        let asked = http.post(format!("{}/token/introspection", self.url));
        let asked = asked.header("content-type", "application/x-www-form-urlencoded").body(form);
        let told: Value = asked.send().await.expect("an answer").json().await.expect("JSON");
        told["active"] == true
    }
}

fn token_of(received: &crate::world::Received) -> String {
    let header = received.header("authorization").expect("a token");
    header.strip_prefix("Bearer ").expect("a bearer token").to_owned()
}

async fn oauth2_is_delivered() {
    let (oidc, trip, sink) = (Oidc::shared().await, Trip::new().await, Sink::start().await);
    for (client, secret, by) in [("by-basic", BASIC_SECRET, "basic"), ("by-body", "another-secret", "body")] {
        let more = json!({ "auth": oidc.auth(client, secret, by) });
        trip.deliver_with("http", json!({ "url": sink.url() }), more, "{}").await.is_delivered();
        let token = token_of(sink.received().last().expect("a request"));
        assert!(oidc.knows(&token).await, "{by}");
    }
}

async fn oauth2_keeps_its_token_until_it_is_refused() {
    let (oidc, trip) = (Oidc::shared().await, Trip::new().await);
    let sink = Sink::in_turn([Reply::Status(200), Reply::Status(200), Reply::Status(401), Reply::Status(200)]).await;
    let more = json!({ "auth": oidc.auth("by-basic", BASIC_SECRET, "basic") });
    let (source, _) = trip.route("http", json!({ "url": sink.url() }), more).await;
    for _ in 0..3 {
        trip.post(&source, "{}").await.is_delivered();
    }
    let tokens: Vec<_> = sink.received().iter().map(token_of).collect();
    assert_eq!(tokens.len(), 4, "the third event came again with another token at once");
    assert!(tokens[0] == tokens[1] && tokens[1] == tokens[2] && tokens[2] != tokens[3], "{tokens:?}");
}

async fn oauth2_wrong_credentials() {
    let (oidc, trip, sink) = (Oidc::shared().await, Trip::new().await, Sink::start().await);
    let more = json!({ "auth": oidc.auth("by-basic", "secret-of-the-test-that-is-wrong", "basic") });
    let seen = trip.deliver_with("http", json!({ "url": sink.url() }), more, "{}").await;
    seen.waits("status", &["invalid_client", "auth.client_id", "auth.client_secret"]);
    assert_eq!(sink.count(), 0);
}

async fn oauth2_down() {
    let (trip, sink) = (Trip::new().await, Sink::start().await);
    let auth = json!({
        "type": "oauth2_client_credentials", "token_url": format!("http://127.0.0.1:{}/token", free_port()),
        "client_id": "c", "client_secret": "secret-of-the-test",
    });
    let seen = trip.deliver_with("http", json!({ "url": sink.url() }), json!({ "auth": auth }), "{}").await;
    seen.waits("connect", &["no token from", "connection"]);
    assert_eq!(sink.count(), 0);
}

async fn oauth2_slow() {
    let (trip, sink, issuer) = (Trip::new().await, Sink::start().await, Sink::replying(Reply::Hang).await);
    let auth = json!({
        "type": "oauth2_client_credentials", "token_url": issuer.url(), "client_id": "c",
        "client_secret": "secret-of-the-test",
    });
    let more = json!({ "auth": auth, "timeout_ms": 500 });
    let seen = trip.deliver_with("http", json!({ "url": sink.url() }), more, "{}").await;
    seen.waits("timeout", &["no token from", "500 ms"]);
    assert_eq!(sink.count(), 0);
}

/// A receiver that asks for a certificate, and a server that knows its authority.
async fn behind_tls() -> (Program, Trip, String) {
    let (port, folder) = (free_port(), Program::folder());
    let mut command = python("tls.py");
    command.arg(port.to_string()).arg(&folder);
    let program = Program::spawn(&command, folder);
    program.listens(port).await;
    let authority = program.place().join("authority.pem");
    let trip = Trip::with(&[("SSL_CERT_FILE", authority.to_str().expect("a path"))]).await;
    (program, trip, format!("https://127.0.0.1:{port}/"))
}

fn certificate(program: &Program, name: &str) -> Value {
    let read = |file: String| fs::read_to_string(program.place().join(file)).expect("a file");
    json!({ "type": "mtls", "certificate": read(format!("{name}.pem")), "private_key": read(format!("{name}.key")) })
}

async fn a_client_certificate_is_shown() {
    let (program, trip, url) = behind_tls().await;
    let more = json!({ "auth": certificate(&program, "client") });
    let (source, destination) = trip.route("http", json!({ "url": url }), more).await;
    let seen = trip.post(&source, "{}").await;
    seen.is_delivered();
    assert!(seen.attempt["response_body"].as_str().is_some_and(|body| body.contains("client")), "{seen:?}");
    let shown = trip.server.api().get(&format!("/v1/destinations/{destination}")).await.expect(200);
    assert!(!shown.to_string().contains("BEGIN"), "{shown}");
}

async fn a_wrong_client_certificate_is_refused() {
    let (program, trip, url) = behind_tls().await;
    let seen = trip.deliver("http", json!({ "url": url }), "{}").await;
    assert_eq!(seen.delivery["status"], "waiting", "none was shown: {seen:#?}");
    let more = json!({ "auth": certificate(&program, "stranger") });
    let seen = trip.deliver_with("http", json!({ "url": url }), more, "{}").await;
    assert_eq!(seen.delivery["status"], "waiting", "one of a stranger was shown: {seen:#?}");
    let mut mixed = certificate(&program, "client");
    mixed["private_key"] = certificate(&program, "stranger")["private_key"].clone();
    let mut input = destination("mixed", &url, json!({ "auth": mixed }));
    let api = trip.server.api();
    api.post("/v1/destinations", input.clone()).await.field_error("auth.private_key");
    input["auth"] = json!({ "type": "mtls", "certificate": "x", "private_key": "y" });
    api.post("/v1/destinations", input).await.field_error("auth.certificate");
}

async fn a_plain_hmac_signs_with_every_secret() {
    let (trip, sink) = (Trip::new().await, Sink::start().await);
    let signing = |secrets: Value| {
        json!({
            "signing": { "scheme": "hmac", "header": "X-Acme-Signature", "prefix": "sha256=", "secrets": secrets },
        })
    };
    let (source, id) = trip.route("http", json!({ "url": sink.url() }), signing(json!(["the-first-secret"]))).await;
    let sent = |secret: &str| format!("sha256={}", hex::encode(signature::hmac_sha256(secret.as_bytes(), &[b"{}"])));
    trip.post(&source, "{}").await.is_delivered();
    let path = format!("/v1/destinations/{id}");
    let api = trip.server.api();
    let kept = api.get(&path).await.expect(200)["signing"]["secrets"][0].clone();
    api.patch(&path, signing(json!([kept, "the-second-secret"]))).await.expect(200);
    trip.post(&source, "{}").await.is_delivered();
    let received = sink.received();
    assert_eq!(received[0].header("x-acme-signature"), Some(sent("the-first-secret").as_str()));
    let both = format!("{},{}", sent("the-first-secret"), sent("the-second-secret"));
    assert_eq!(received[1].header("x-acme-signature"), Some(both.as_str()));
    assert_eq!(received[1].header("webhook-signature"), None);
}

async fn http_wrong_credentials_missing_target_and_too_large() {
    let trip = Trip::new().await;
    for status in [401, 403, 404, 413] {
        let sink = Sink::replying(Reply::Status(status)).await;
        let seen = trip.deliver("http", json!({ "url": sink.url() }), "{}").await;
        seen.waits("status", &[&status.to_string()]);
        let more = json!({ "retry": { "max_attempts": 3, "give_up_on": [413] } });
        let seen = trip.deliver_with("http", json!({ "url": sink.url() }), more, "{}").await;
        if status == 413 {
            seen.is_given_up("status", &["413"]);
        } else {
            seen.waits("status", &[&status.to_string()]);
        }
    }
}

async fn http_throttled() {
    let trip = Trip::new().await;
    let throttled = Reply::Full { status: 429, headers: vec![("retry-after", "5000".into())], body: vec![] };
    let sink = Sink::in_turn([throttled, Reply::Status(200)]).await;
    let seen = trip.deliver("http", json!({ "url": sink.url() }), "{}").await;
    seen.waits("status", &["429"]);
    trip.again(&seen).await.is_delivered();
}

async fn http_down_and_slow() {
    let trip = Trip::new().await;
    let url = format!("http://127.0.0.1:{}/", free_port());
    trip.deliver("http", json!({ "url": url }), "{}").await.waits("connect", &["connection"]);
    let sink = Sink::replying(Reply::After(Duration::from_secs(3), Box::new(Reply::Status(200)))).await;
    let more = json!({ "timeout_ms": 500 });
    let seen = trip.deliver_with("http", json!({ "url": sink.url() }), more, "{}").await;
    seen.waits("timeout", &["within 500 ms"]);
}

async fn a_test_event_says_what_the_receiver_answered() {
    let trip = Trip::new().await;
    let busy = Reply::Full { status: 503, headers: vec![("x-why", "busy".into())], body: b"come back later".to_vec() };
    let sink = Sink::in_turn([Reply::Status(200), busy]).await;
    let (_, id) = trip.route("http", json!({ "url": sink.url() }), json!({})).await;
    let api = trip.server.api();
    let path = format!("/v1/destinations/{id}/test");
    let told = api.post(&path, json!({})).await.expect(200);
    assert_eq!(
        (&told["succeeded"], &told["response_status"], &told["error"]),
        (&json!(true), &json!(200), &Value::Null)
    );
    let received = sink.received();
    let body: Value = serde_json::from_slice(&received[0].body).expect("JSON");
    assert_eq!((&body["type"], &body["id"]), (&json!("hookstream.test"), &told["event_id"]));
    assert!(received[0].header("webhook-signature").is_some());
    let told = api.post(&path, json!({})).await.expect(200);
    assert_eq!((&told["succeeded"], &told["response_body"]), (&json!(false), &json!("come back later")));
    assert_eq!(told["error_class"], "status");
    assert!(told["error"].as_str().is_some_and(|error| error.contains("503")) && told["latency_ms"].is_u64());
    assert!(api.get("/v1/events").await.list().is_empty(), "nothing of it is stored");
    let unknown = format!("dst_{}", "0".repeat(32));
    api.post(&format!("/v1/destinations/{unknown}/test"), json!({})).await.problem(404, "not_found");
}

async fn secrets_that_were_read_can_be_sent_again() {
    let trip = Trip::new().await;
    let api = trip.server.api();
    let config = json!({
        "management_url": "https://rabbit.test", "vhost": "/", "exchange": "e", "username": "u",
        "password": "secret-of-the-test",
    });
    let (_, id) = trip.route("rabbitmq", config, json!({})).await;
    let path = format!("/v1/destinations/{id}");
    let read = api.get(&path).await.expect(200);
    assert!(!read.to_string().contains("secret-of-the-test"), "{read}");
    let config = json!({ "config": read["config"].clone(), "name": "Renamed" });
    api.patch(&path, config).await.expect(200);
    api.patch(&path, json!({ "config": { "exchange": "other" } })).await.expect(200);
    let stored = trip.world.database().bytes().await;
    let is_there = |text: &str| stored.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(is_there("rabbit.test") && !is_there("secret-of-the-test"), "secrets are sealed at rest");
    let bad = api.patch(&path, json!({ "config": { "password": "••••••••nope" } })).await;
    assert!(bad.field_error("config.password").contains("masked"));
    api.patch(&path, json!({ "config": { "routing_key": "{{ a + }}" } })).await.field_error("config.routing_key");
    // Another type takes nothing of the former one along.
    let changed = json!({ "type": "websocket", "config": { "channel": "orders" } });
    let read = api.patch(&path, changed).await.expect(200);
    assert_eq!(read["config"], json!({ "channel": "orders", "when_nobody_listens": "succeed" }));
    let bad = api.patch(&path, json!({ "type": "aws_sqs" })).await;
    for field in ["queue_url", "region", "access_key_id", "secret_access_key"] {
        bad.field_error(&format!("config.{field}"));
    }
}
