//! Secrets of every kind are planted, used, and looked for: in every answer of the API, on every page, in what attempts
//! keep, in the log with all there is to log, and in the database.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::template::TemplateId;
use serde_json::{Value, json};

use crate::world::{Answer, On, Reply, Server, Sink, World, pem};

on_both_databases!(nothing_shows_a_secret, a_token_that_came_is_not_kept);

/// Every secret that was planted, by what it is.
#[derive(Default)]
struct Planted(BTreeMap<String, String>);

impl Planted {
    /// A secret that can be told from all others.
    fn plant(&mut self, what: &str) -> String {
        let secret = format!("planted-{}-{:08x}", what.replace([' ', '.'], "-"), 0x5eed_0000 + self.0.len());
        self.note(what, &secret);
        secret
    }

    fn note(&mut self, what: &str, secret: &str) {
        self.0.insert(what.to_owned(), secret.to_owned());
    }

    /// Notes what of a verification is secret.
    fn of_verification(&mut self, name: &str, verification: &Value) {
        for (place, secret) in verification["secrets"].as_array().into_iter().flatten().enumerate() {
            self.note(&format!("{name} secret {place}"), secret.as_str().expect("a text"));
        }
        if let Some(token) = verification["verify_token"].as_str() {
            self.note(&format!("{name} verify token"), token);
        }
    }

    #[track_caller]
    fn are_not_in(&self, text: &str, place: &str) {
        for (what, secret) in &self.0 {
            // A key file's lines may be kept in one line, with the breaks written out.
            let lines: Vec<&str> = secret.lines().filter(|line| line.len() > 40 || !secret.contains('\n')).collect();
            for line in lines {
                let at = text.find(line);
                let around = |at: usize| {
                    let from = text.floor_char_boundary(at.saturating_sub(300));
                    &text[from..text.floor_char_boundary(at + 100)]
                };
                assert!(at.is_none(), "{what} stands in {place}: …{}", around(at.unwrap_or_default()));
                let encoded = BASE64_STANDARD.encode(line);
                assert!(!text.contains(encoded.trim_end_matches('=')), "{what} stands in {place} as base64");
            }
        }
    }
}

/// What the sources of every template keep, as its fixture says, and sources of their own by every kind of proof.
fn verifications(planted: &mut Planted) -> Vec<Value> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/providers");
    let mut sources = Vec::new();
    for id in TemplateId::ALL {
        let name = id.as_str();
        let Ok(text) = std::fs::read_to_string(folder.join(format!("{name}.json"))) else { continue };
        let fixture: Value = serde_json::from_str(&text).expect("JSON");
        let mut verification = fixture["verification"].clone();
        if id == TemplateId::MicrosoftGraph {
            // It sends its secret in the body, and a body is kept as it came: this one is shown, and none of the others.
            verification["secrets"] = json!(["client-state-of-graph"]);
        } else {
            planted.of_verification(name, &verification);
        }
        sources.push(json!({ "name": name, "template": name, "verification": verification }));
    }
    for (name, more) in [
        ("hmac_sha256", json!({ "header": "x-signature" })),
        ("hmac_sha1", json!({ "header": "x-signature" })),
        ("hmac_sha512", json!({ "header": "x-signature" })),
        ("shared_token", json!({ "header": "x-token" })),
        ("shared_token", json!({ "query_parameter": "token" })),
        ("basic", json!({ "username": "somebody" })),
    ] {
        let mut verification = more;
        verification["type"] = json!(name);
        verification["secrets"] = json!([planted.plant(&format!("own {name} {}", sources.len()))]);
        sources.push(json!({ "name": format!("own {name} {}", sources.len()), "verification": verification }));
    }
    assert!(sources.len() > 30, "{}", sources.len());
    sources
}

fn destinations(planted: &mut Planted, sink: &str, tokens: &str) -> Vec<Value> {
    let mut inputs = Vec::new();
    let (certificate, private_key) = pem::certificate();
    planted.note("mtls key", &private_key);
    let auths = [
        json!({ "type": "basic", "username": "u", "password": planted.plant("basic password") }),
        json!({ "type": "bearer", "token": planted.plant("bearer token") }),
        json!({ "type": "api_key", "header": "x-key", "value": planted.plant("api key value") }),
        json!({
            "type": "oauth2_client_credentials", "token_url": tokens, "client_id": "c",
            "client_secret": planted.plant("client secret"), "client_auth": "basic",
        }),
        json!({
            "type": "oauth2_client_credentials", "token_url": tokens, "client_id": "c",
            "client_secret": planted.plant("client secret in the body"), "client_auth": "body",
        }),
        json!({
            "type": "aws_sigv4", "service": "execute-api", "region": "eu-central-1", "access_key_id": "AKIAIOSFODNN7EXAMPLE",
            "secret_access_key": planted.plant("sigv4 key"), "session_token": planted.plant("sigv4 session"),
        }),
        json!({ "type": "mtls", "certificate": certificate, "private_key": private_key }),
    ];
    for (n, auth) in auths.into_iter().enumerate() {
        let signing = if n % 2 == 0 {
            json!({ "scheme": "hmac", "header": "x-sig", "secrets": [planted.plant(&format!("hmac {n}"))] })
        } else {
            let bytes = format!("a signing secret of 32 bytes {n:03}");
            let secret = format!("whsec_{}", BASE64_STANDARD.encode(bytes));
            planted.note(&format!("whsec {n}"), &secret);
            json!({ "secrets": [secret] })
        };
        inputs.push(json!({ "type": "http", "config": { "url": sink }, "auth": auth, "signing": signing }));
    }
    let mut aws = |kind: &str, mut more: Value| {
        more["region"] = json!("eu-central-1");
        more["access_key_id"] = json!("AKIAIOSFODNN7EXAMPLE");
        more["secret_access_key"] = json!(planted.plant(&format!("{kind} key")));
        more["session_token"] = json!(planted.plant(&format!("{kind} session")));
        more["endpoint"] = json!(sink);
        inputs.push(json!({ "type": kind, "config": more }));
    };
    aws("aws_sqs", json!({ "queue_url": format!("{sink}/1/queue") }));
    aws("aws_s3", json!({ "bucket": "bucket", "path_style": true }));
    aws("aws_eventbridge", json!({ "bus": "bus", "source": "s", "detail_type": "t" }));
    let account = pem::service_account(tokens);
    planted.note("service account", account["private_key"].as_str().expect("PEM"));
    inputs.push(json!({
        "type": "gcp_pubsub",
        "config": {
            "project_id": "acme-test", "topic_id": "orders", "endpoint": sink,
            "service_account_json": account.to_string(),
        },
    }));
    inputs.push(json!({
        "type": "kafka",
        "config": {
            "rest_url": sink, "cluster_id": "c", "topic": "t", "api_key": "k", "api_secret": planted.plant("kafka secret"),
        },
    }));
    inputs.push(json!({
        "type": "rabbitmq",
        "config": {
            "management_url": sink, "vhost": "/", "exchange": "e", "routing_key": "k", "username": "u",
            "password": planted.plant("rabbitmq password"),
        },
    }));
    for (n, input) in inputs.iter_mut().enumerate() {
        input["name"] = json!(format!("destination {n}"));
        input["retry"] = json!({ "max_attempts": 1 });
        input["timeout_ms"] = json!(5000);
    }
    inputs
}

/// Signs in to the dashboard; says the cookie.
async fn signed_in(server: &Server, world: &World) -> String {
    let password = world.account.password.clone().expect("it was generated");
    let form = [("email", "owner@example.com"), ("password", &password), ("next", "")];
    let request = server.client_with("").form("/api/account/sign_in", &form).header("accept", "application/json");
    let answer = Answer::of(request.header("sec-fetch-site", "same-origin")).await;
    let cookie = answer.header("set-cookie").unwrap_or_else(|| panic!("{}", answer.text()));
    cookie.split(';').next().expect("a cookie").to_owned()
}

async fn nothing_shows_a_secret(on: On) {
    let world = World::new(on).await;
    let server = world.serve_with(&[("HOOKSTREAM_LOG", "trace")]).await;
    let api = server.api();
    let mut planted = Planted::default();
    let granted = planted.plant("granted token");
    let sink = Sink::start().await;
    let tokens = Sink::replying(Reply::Full {
        status: 200,
        headers: vec![("content-type", "application/json".to_owned())],
        body: json!({ "access_token": granted, "expires_in": 3600 }).to_string().into_bytes(),
    })
    .await;
    planted.note("the account's API key", &world.account.api_key);
    planted.note("the account's password", world.account.password.as_deref().expect("it was generated"));
    let mut seen: Vec<(String, String)> = Vec::new();
    let mut paths = Vec::new();
    for input in verifications(&mut planted) {
        let name = input["name"].clone();
        let made = api.post("/v1/sources", input).await;
        let id = made.expect(201)["id"].as_str().expect("an id").to_owned();
        seen.push((format!("the answer that makes {name}"), made.text()));
        let test = api.post(&format!("/v1/sources/{id}/test"), json!({})).await;
        seen.push((format!("the test of {name}"), test.text()));
        // What is refused is told of.
        let refused = Answer::of(server.ingest(&id).body("{}")).await;
        seen.push((format!("the refusal of {name}"), refused.text()));
        paths.push(format!("/sources/{id}"));
        for more in ["edit", "rejected"] {
            paths.push(format!("/sources/{id}/{more}"));
        }
    }
    let open = api.source("open").await;
    for input in destinations(&mut planted, &sink.url(), &tokens.url()) {
        let name = input["name"].clone();
        let made = api.post("/v1/destinations", input).await;
        let id = made.expect(201)["id"].as_str().expect("an id").to_owned();
        seen.push((format!("the answer that makes {name}"), made.text()));
        let trial = api.post(&format!("/v1/destinations/{id}/test"), json!({})).await;
        seen.push((format!("the trial of {name}"), trial.text()));
        let wrong = api.patch(&format!("/v1/destinations/{id}"), json!({ "timeout_ms": 1 })).await;
        seen.push((format!("a refused change of {name}"), wrong.text()));
        let connection = api.connect(&open, &id).await;
        paths.push(format!("/connections/{connection}"));
        paths.push(format!("/destinations/{id}"));
        paths.push(format!("/destinations/{id}/edit"));
    }
    let event = server.event(&open, r#"{"type":"order.paid"}"#).await;
    let deliveries = api.deliveries_end(&event).await;
    paths.push(format!("/events/{event}"));
    for delivery in deliveries.values() {
        let id = delivery["id"].as_str().expect("an id");
        let attempts = api.get(&format!("/v1/deliveries/{id}/attempts")).await;
        assert!(attempts.list()[0]["request"]["headers"].is_array() || attempts.list()[0]["error"].is_string());
        seen.push((format!("the attempts of {id}"), attempts.text()));
    }
    for list in ["sources", "destinations", "connections", "events", "deliveries", "api-keys", "environments"] {
        seen.push((list.to_owned(), api.get(&format!("/v1/{list}?limit=250")).await.text()));
        for row in api.get(&format!("/v1/{list}?limit=250")).await.list().iter().take(80) {
            if let Some(id) = row["id"].as_str() {
                let one = api.get(&format!("/v1/{list}/{id}")).await;
                seen.push((format!("{list}/{id}"), one.text()));
            }
        }
    }
    let entries = json!(api.all("/v1/audit-log").await).to_string();
    assert!(entries.contains("••••••••"), "the audit log tells that there are secrets");
    seen.push(("the audit log".to_owned(), entries));
    let cookie = signed_in(&server, &world).await;
    planted.note("the session", cookie.split_once('=').expect("a value").1);
    let lists = [
        "",
        "/events",
        "/sources",
        "/destinations",
        "/connections",
        "/settings",
        "/settings/keys",
        "/settings/audit-log",
    ];
    paths.extend(lists.map(str::to_owned));
    for path in paths {
        let page = format!("/p/{}{path}", world.account.env_id);
        let request = server.client_with("").request(reqwest::Method::GET, &page).header("cookie", &cookie);
        let answer = Answer::of(request.header("accept", "text/html")).await;
        assert_eq!(answer.status, 200, "{page}: {}", answer.text());
        assert!(answer.text().contains("</html>"), "{page} is whole");
        seen.push((page, answer.text()));
    }
    assert!(seen.len() > 200, "{}", seen.len());
    for (place, text) in &seen {
        planted.are_not_in(text, place);
    }
    let log = server.log();
    assert!(log.contains("TRACE") || log.contains("trace"), "everything is logged");
    planted.are_not_in(&log, "the log");
    // They were used all the same.
    let received: Vec<String> = sink.received().iter().map(|it| format!("{:?}", it.headers)).collect();
    for used in ["bearer token", "api key value", "granted token"] {
        assert!(received.iter().any(|headers| headers.contains(&planted.0[used])), "{used}");
    }
    // At rest they are sealed, or hashed; what an attempt keeps is masked.
    let stored = world.database().bytes().await;
    for (what, secret) in &planted.0 {
        let line = secret.lines().find(|line| line.len() > 40).unwrap_or(secret);
        let found = stored.windows(line.len()).any(|part| part == line.as_bytes());
        assert!(!found, "{what} lies in the database");
    }
}

async fn a_token_that_came_is_not_kept(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let (api, sink) = (server.api(), Sink::start().await);
    let destination = api.destination("d", &sink.url(), json!({})).await;
    let secret = "planted-token-of-a-sender-4711";
    let password = BASE64_STANDARD.encode(format!("u:{secret}"));
    for (n, (verification, header, query)) in [
        (json!({ "type": "shared_token", "header": "x-own-token" }), Some(("x-own-token", secret)), ""),
        (
            json!({ "type": "shared_token", "query_parameter": "to_ken" }),
            None,
            "?a=1%262&to%5Fken=planted-token-of-a-sender-4711&b=",
        ),
        (
            json!({ "type": "basic", "username": "u" }),
            Some(("authorization", format!("Basic {password}").leak() as &str)),
            "",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let mut verification = verification;
        verification["secrets"] = json!([secret]);
        let source = api.make("sources", json!({ "name": format!("s{n}"), "verification": verification })).await;
        api.connect(&source, &destination).await;
        let mut request = server.ingest(&format!("{source}{query}")).header("x-other", "kept").body("{}");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let event = Answer::of(request).await.expect(200)["event_id"].as_str().expect("an id").to_owned();
        let event = api.event_becomes(&event, "delivered").await;
        assert_eq!(event["verification_status"], "verified");
        let text = event.to_string();
        assert!(!text.contains(secret) && !text.contains(&password), "{text}");
        assert!(text.contains("••••••••") && text.contains("kept"), "{text}");
        if !query.is_empty() {
            assert_eq!(event["query"], "a=1%262&to%5Fken=••••••••4711&b=", "{text}");
        }
        let received = format!("{:?}", sink.receives(n + 1).await[n]);
        assert!(!received.contains(secret) && !received.contains(&password) && !received.contains('•'), "{received}");
        assert!(received.contains("kept"), "{received}");
    }
    let stored = world.database().bytes().await;
    assert!(!stored.windows(secret.len()).any(|part| part == secret.as_bytes()), "it lies in the database");
}
