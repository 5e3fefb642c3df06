//! Secrets: shown once where they are made, masked ever after, sealed at rest.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::world::{Answer, On, Sink, World, signature};

on_both_databases!(
    no_answer_shows_a_secret,
    what_was_read_can_be_sent_back,
    secrets_that_look_alike_stay_apart,
    a_masked_text_is_no_secret,
    secrets_are_sealed_at_rest,
    a_server_with_another_key_opens_nothing,
);

const SOURCE_SECRET: &str = "source-secret-2f6c1d";
const SHORT_SECRET: &str = "tiny";
const PASSWORD: &str = "destination-password-77aa";
const TOKEN: &str = "destination-token-88bb";
const VALUE: &str = "destination-value-99cc";

fn signing_secret() -> String {
    format!("whsec_{}", BASE64_STANDARD.encode(b"a signing secret of 32 bytes,yes"))
}

async fn no_answer_shows_a_secret(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let mut answers = Vec::new();
    let input =
        json!({ "name": "s", "template": "github", "verification": { "secrets": [SOURCE_SECRET, SHORT_SECRET] } });
    let made = api.post("/v1/sources", input).await;
    let source = made.expect(201);
    assert_eq!(source["verification"]["secrets"], json!(["••••••••6c1d", "••••••••"]));
    answers.push(made);
    let source = format!("/v1/sources/{}", source["id"].as_str().expect("an id"));
    answers.push(api.patch(&source, json!({ "name": "renamed" })).await);
    answers.push(api.get(&source).await);
    for (name, auth) in [
        ("basic", json!({ "type": "basic", "username": "u", "password": PASSWORD })),
        ("bearer", json!({ "type": "bearer", "token": TOKEN })),
        ("key", json!({ "type": "api_key", "header": "x-key", "value": VALUE })),
    ] {
        let more = json!({ "auth": auth, "signing": { "secrets": [signing_secret()] } });
        let input = crate::world::destination(name, "https://example.com/", more);
        let made = api.post("/v1/destinations", input).await;
        let path = format!("/v1/destinations/{}", made.expect(201)["id"].as_str().expect("an id"));
        answers.push(made);
        answers.push(api.patch(&path, json!({ "name": format!("{name} renamed") })).await);
        answers.push(api.post(&format!("{path}/pause"), json!({})).await);
        answers.push(api.get(&path).await);
    }
    // One that is made here is shown in the answer that makes it, and in no other.
    let input = crate::world::destination("made", "https://example.com/", json!({}));
    let made = api.post("/v1/destinations", input).await.expect(201);
    let generated = made["signing"]["secrets"][0].as_str().expect("a secret").to_owned();
    let path = format!("/v1/destinations/{}", made["id"].as_str().expect("an id"));
    answers.push(api.get(&path).await);
    answers.push(api.patch(&path, json!({ "timeout_ms": 1000 })).await);
    answers.push(api.get("/v1/sources").await);
    answers.push(api.get("/v1/destinations").await);
    // A wrong request is told what is wrong, and not what it said.
    answers.push(api.patch(&path, json!({ "auth": { "type": "bearer", "token": TOKEN, "more": TOKEN } })).await);
    for answer in answers {
        let text = answer.text();
        for secret in
            [SOURCE_SECRET, PASSWORD, TOKEN, VALUE, &signing_secret(), &generated, &format!("\"{SHORT_SECRET}")]
        {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    for secret in [SOURCE_SECRET, PASSWORD, TOKEN, VALUE, &signing_secret(), &generated, &world.account.api_key] {
        assert!(!server.log().contains(secret), "{secret} stands in the log");
    }
}

async fn what_was_read_can_be_sent_back(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::start().await;
    let input = json!({ "name": "s", "template": "github", "verification": { "secrets": [SOURCE_SECRET] } });
    let source = api.make("sources", input).await;
    let path = format!("/v1/sources/{source}");
    let shown = api.get(&path).await.expect(200);
    let back = json!({
        "name": shown["name"], "slug": shown["slug"], "description": shown["description"], "template": shown["template"],
        "verification": { "secrets": shown["verification"]["secrets"] }, "status": shown["status"],
    });
    assert_eq!(api.patch(&path, back).await.expect(200)["verification"], shown["verification"]);

    let more = json!({
        "auth": { "type": "basic", "username": "u", "password": PASSWORD }, "signing": { "secrets": [signing_secret()] },
    });
    let dest = api.destination("d", &sink.url(), more).await;
    api.connect(&source, &dest).await;
    let path = format!("/v1/destinations/{dest}");
    let shown = api.get(&path).await.expect(200);
    let mut back = json!({});
    for field in ["name", "slug", "type", "config", "auth", "headers", "timeout_ms", "retry", "signing", "status"] {
        back[field] = shown[field].clone();
    }
    let after = api.patch(&path, back).await.expect(200);
    for field in ["auth", "signing", "retry", "config"] {
        assert_eq!(after[field], shown[field], "{field}");
    }

    let signed = signature::github(SOURCE_SECRET, b"x");
    Answer::of(server.ingest(&source).header("x-hub-signature-256", signed).body("x")).await.expect(200);
    let received = sink.receives(1).await.remove(0);
    signature::verify_delivery(&signing_secret(), &received);
    let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("u:{PASSWORD}")));
    assert_eq!(received.header("authorization"), Some(basic.as_str()));
    // A part can be changed beside it.
    api.patch(&path, json!({ "auth": { "username": "v" } })).await.expect(200);
    let signed = signature::github(SOURCE_SECRET, b"y");
    Answer::of(server.ingest(&source).header("x-hub-signature-256", signed).body("y")).await.expect(200);
    let received = sink.receives(2).await.remove(1);
    let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("v:{PASSWORD}")));
    assert_eq!(received.header("authorization"), Some(basic.as_str()));
}

async fn secrets_that_look_alike_stay_apart(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    // Masked, both are dots alone; and both of the others end alike.
    for (name, pair) in [("short", ["one", "two"]), ("long", ["first-secret-0000", "second-secret-0000"])] {
        let input = json!({ "name": name, "template": "github", "verification": { "secrets": pair } });
        let source = api.make("sources", input).await;
        let path = format!("/v1/sources/{source}");
        let shown = api.get(&path).await.expect(200)["verification"]["secrets"].clone();
        assert_eq!(shown[0], shown[1]);
        let taken = async || {
            let mut taken = Vec::new();
            for secret in pair {
                let signed = signature::github(secret, b"x");
                let answer = Answer::of(server.ingest(&source).header("x-hub-signature-256", signed).body("x")).await;
                taken.push(answer.status == 200);
            }
            taken
        };
        api.patch(&path, json!({ "verification": { "secrets": shown } })).await.expect(200);
        assert_eq!(taken().await, [true, true], "{name}");
        let more = json!(["a-third-secret", shown[0], shown[1]]);
        api.patch(&path, json!({ "verification": { "secrets": more } })).await.expect(200);
        assert_eq!(taken().await, [true, true], "{name}, with another before them");
        // More masks than there are secrets stand for nothing.
        let many = json!([shown[0], shown[0], shown[0]]);
        api.patch(&path, json!({ "verification": { "secrets": many } })).await.field_error("verification.secrets.2");
    }
}

async fn a_masked_text_is_no_secret(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let masked = "••••••••abcd";
    let input = json!({ "name": "s", "template": "github", "verification": { "secrets": [masked] } });
    api.post("/v1/sources", input).await.field_error("verification.secrets.0");
    for (auth, field) in [
        (json!({ "type": "bearer", "token": masked }), "auth.token"),
        (json!({ "type": "basic", "username": "u", "password": masked }), "auth.password"),
        (json!({ "type": "api_key", "header": "x-key", "value": masked }), "auth.value"),
    ] {
        let input = crate::world::destination("d", "https://example.com/", json!({ "auth": auth }));
        api.post("/v1/destinations", input).await.field_error(field);
    }
    let signing = json!({ "signing": { "secrets": [masked] } });
    let input = crate::world::destination("d", "https://example.com/", signing);
    api.post("/v1/destinations", input).await.field_error("signing.secrets.0");
}

async fn secrets_are_sealed_at_rest(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::start().await;
    let input = json!({ "name": "s", "template": "github", "verification": { "secrets": [SOURCE_SECRET] } });
    let source = api.make("sources", input).await;
    let mut generated = Vec::new();
    for (name, auth) in [
        ("basic", json!({ "type": "basic", "username": "u", "password": PASSWORD })),
        ("bearer", json!({ "type": "bearer", "token": TOKEN })),
        ("key", json!({ "type": "api_key", "header": "x-key", "value": VALUE })),
    ] {
        let input = crate::world::destination(name, &sink.url(), json!({ "auth": auth }));
        let made = api.post("/v1/destinations", input).await.expect(201);
        generated.push(made["signing"]["secrets"][0].as_str().expect("a secret").to_owned());
        api.connect(&source, made["id"].as_str().expect("an id")).await;
    }
    // With attempts, which show the request as it was sent.
    let signed = signature::github(SOURCE_SECRET, b"x");
    let answer = Answer::of(server.ingest(&source).header("x-hub-signature-256", signed).body("x")).await;
    api.event_becomes(answer.expect(200)["event_id"].as_str().expect("an id"), "delivered").await;

    let stored = world.database().bytes().await;
    let holds = |needle: &[u8]| stored.windows(needle.len()).any(|part| part == needle);
    assert!(holds(b"x-hub-signature-256"), "the look goes to where things are");
    let mut secrets: Vec<String> = [SOURCE_SECRET, PASSWORD, TOKEN, VALUE].map(str::to_owned).to_vec();
    secrets.push(BASE64_STANDARD.encode(format!("u:{PASSWORD}")));
    for secret in generated {
        secrets.push(secret.trim_start_matches("whsec_").to_owned());
    }
    for secret in secrets {
        assert!(!holds(secret.as_bytes()), "{secret} lies in the database");
        assert!(!holds(hex::encode(&secret).as_bytes()), "{secret} lies in the database");
        assert!(
            !holds(BASE64_STANDARD.encode(&secret).trim_end_matches('=').as_bytes()),
            "{secret} lies in the database"
        );
    }
}

async fn a_server_with_another_key_opens_nothing(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let input = json!({ "name": "s", "template": "github", "verification": { "secrets": [SOURCE_SECRET] } });
    let signed_source = server.api().make("sources", input).await;
    let (open_source, _) = server.api().route("open", &sink.url(), json!({})).await;
    server.kill();

    let other_key = "ff".repeat(32);
    let server = world.serve_with(&[("HOOKSTREAM_SECRET_KEY", &other_key)]).await;
    let api = server.api();
    let signed = signature::github(SOURCE_SECRET, b"x");
    let request = server.ingest(&signed_source).header("x-hub-signature-256", signed).body("x");
    // It may be verified later, by a server with the right key.
    Answer::of(request).await.problem(503, "unavailable");
    let event = server.event(&open_source, "x").await;
    let attempt = api.attempts_become(&event, 1).await.remove(0);
    assert_eq!(attempt["error_class"], "config", "{attempt}");
    assert_eq!(sink.count(), 0, "nothing goes out unsigned");
    let shown = api.get(&format!("/v1/sources/{signed_source}")).await.expect(200);
    assert_eq!(shown["verification"]["secrets"], json!(["••••••••"]));
    assert_ne!(shown, Value::Null);
}
