//! Sources of every template: made, posted to, tested; and settings that are refused where they are wrong.

use std::path::Path;

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::template::TemplateId;
use serde_json::{Value, json};

use crate::world::{Answer, On, Server, World, signature};

on_both_databases!(
    every_template_takes_its_test_event,
    what_libraries_signed_is_taken,
    the_public_url_is_what_is_signed,
    settings_are_refused_where_they_are_wrong,
    a_verify_token_is_shown_as_a_secret_is,
    providers_try_a_url_out,
    a_token_of_mailgun_is_good_once,
);

/// What the files of fixtures hold, by their names.
fn fixtures() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/providers");
    let files = std::fs::read_dir(folder).expect("the folder is there").flatten().map(|file| file.path());
    let named = files.filter_map(|path| Some((path.file_stem()?.to_str()?.to_owned(), path)));
    let fixtures: Vec<_> = named
        .filter(|(name, path)| path.extension().is_some_and(|end| end == "json") && !name.starts_with("package"))
        .map(|(name, path)| {
            let text = std::fs::read_to_string(path).expect("the file reads");
            (name, serde_json::from_str(&text).expect("JSON"))
        })
        .collect();
    assert!(fixtures.len() >= TemplateId::ALL.len() - 1);
    fixtures
}

async fn source_of(server: &Server, template: &str, verification: &Value) -> String {
    let input = json!({ "name": template, "template": template, "verification": verification });
    server.api().make("sources", input).await
}

async fn every_template_takes_its_test_event(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let fixtures = fixtures();
    for id in TemplateId::ALL {
        let name = id.as_str();
        let fixture =
            fixtures.iter().find(|(file, _)| file == name).map(|(_, fixture)| fixture["verification"].clone());
        let source = source_of(&server, name, &fixture.unwrap_or_else(|| json!({}))).await;
        let sent = server.api().post(&format!("/v1/sources/{source}/test"), json!({})).await.expect(201);
        let event = server.api().event(sent["event_id"].as_str().expect("an id")).await;
        let sample = id.template().samples.first().expect("a sample");
        assert_eq!(event["type"], sample.event_type, "{name}");
        // Two sign with a key that only they have, and a custom source verifies nothing unless it is told to.
        let is_by_key = matches!(id, TemplateId::Discord | TemplateId::Sendgrid);
        let is_verified = !is_by_key && id != TemplateId::Custom;
        assert_eq!(event["verification_status"], if is_verified { "verified" } else { "not_required" }, "{name}");
        let headers = event["headers"].as_array().expect("headers");
        assert_eq!(headers.iter().any(|header| header[0] == "x-hookstream-unsigned"), is_by_key, "{name}");
    }
}

/// All whose signature covers neither a time nor the address.
async fn what_libraries_signed_is_taken(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let mut taken = 0;
    for (name, fixture) in fixtures() {
        let Ok(id) = name.parse::<TemplateId>() else { continue };
        let signs_url = matches!(id, TemplateId::Twilio | TemplateId::Square | TemplateId::Hubspot);
        if signs_url || id.template().tolerance_seconds.is_some() {
            continue;
        }
        let source = source_of(&server, &name, &fixture["verification"]).await;
        for case in fixture["cases"].as_array().expect("cases") {
            let body = case["body"].as_str().expect("a body").to_owned();
            let post = |body: String, signed: bool| {
                let mut request = server.ingest(&source).body(body);
                for (header, value) in case["headers"].as_object().expect("headers").iter().filter(|_| signed) {
                    request = request.header(header, value.as_str().expect("a value"));
                }
                request
            };
            let event = Answer::of(post(body.clone(), true)).await.expect(200)["event_id"].clone();
            let event = server.api().event(event.as_str().expect("an id")).await;
            assert_eq!(event["body_base64"], BASE64_STANDARD.encode(&body), "{name} {}", case["name"]);
            assert_eq!(event["verification_status"], "verified", "{name}");
            Answer::of(post("{}".to_owned(), false)).await.problem(401, "unverified");
            taken += 1;
        }
    }
    assert!(taken > 50, "{taken} requests");
}

async fn the_public_url_is_what_is_signed(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = source_of(&server, "square", &json!({ "secrets": ["a key of Square"] })).await;
    let shown = server.api().get(&format!("/v1/sources/{source}")).await.expect(200);
    let (url, body) = (shown["ingest_url"].as_str().expect("a URL"), br#"{"type":"payment.created"}"#);
    let post = |query: &str, signed: &str| {
        let tag = signature::hmac_sha256(b"a key of Square", &[signed.as_bytes(), body]);
        let request = server.ingest(&format!("{source}{query}"));
        request.header("x-square-hmacsha256-signature", BASE64_STANDARD.encode(tag)).body(&body[..])
    };
    Answer::of(post("", url)).await.expect(200);
    let elsewhere = url.replacen("http://", "http://evil.", 1);
    Answer::of(post("", &elsewhere)).await.problem(401, "unverified");
    Answer::of(post("", &elsewhere).header("x-forwarded-host", "evil")).await.problem(401, "unverified");
    Answer::of(post("?a=1", url)).await.problem(401, "unverified");
    Answer::of(post("?a=1", &format!("{url}?a=1"))).await.expect(200);
}

async fn settings_are_refused_where_they_are_wrong(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    for (template, verification, field) in [
        (json!("stripe"), json!({}), "verification.secrets"),
        (json!("stripe"), json!({ "secrets": ["x"], "header": "X" }), "verification.header"),
        (json!("github"), json!({ "secrets": ["x"], "type": "ed25519" }), "verification.type"),
        (json!("discord"), json!({ "secrets": ["no key"] }), "verification.secrets.0"),
        (json!("sendgrid"), json!({ "secrets": ["MFkw"] }), "verification.secrets.0"),
        (json!("adyen"), json!({ "secrets": ["xyz"] }), "verification.secrets.0"),
        (json!("clerk"), json!({ "secrets": ["sk_live"] }), "verification.secrets.0"),
        (json!("postmark"), json!({ "secrets": ["x"] }), "verification.username"),
        (json!("nobody"), json!({ "secrets": ["x"] }), "template"),
        (json!(null), json!({ "type": "hmac_sha512", "secrets": ["x"] }), "verification.header"),
        (
            json!("custom"),
            json!({ "type": "hmac_sha256", "secrets": ["x"], "header": "X", "signed_content": "{timestamp}" }),
            "verification.signed_content",
        ),
        (
            json!(null),
            json!({ "type": "hmac_sha256", "secrets": ["x"], "header": "X", "signed_content": "{timestamp}{body}" }),
            "verification.timestamp_header",
        ),
        (json!(null), json!({ "type": "shared_token", "secrets": ["x"] }), "verification.header"),
        (json!(null), json!({ "type": "basic", "secrets": ["x"] }), "verification.username"),
        (json!(null), json!({ "type": "sha256", "secrets": ["x"] }), "verification.type"),
    ] {
        let input = json!({ "name": "s", "template": template, "verification": verification });
        server.api().post("/v1/sources", input).await.field_error(field);
    }
}

async fn a_verify_token_is_shown_as_a_secret_is(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let verification = json!({ "secrets": ["an app secret"], "verify_token": "a token for Meta alone" });
    let source = source_of(&server, "meta", &verification).await;
    let path = format!("/v1/sources/{source}");
    let shown = server.api().get(&path).await.expect(200);
    let token = shown["verification"]["verify_token"].as_str().expect("is shown").to_owned();
    assert!(token.starts_with('•') && !token.contains("token"), "{token}");
    // What was read can be sent again.
    let patch = json!({ "name": "Meta", "verification": { "verify_token": token } });
    let after = server.api().patch(&path, patch).await.expect(200);
    assert_eq!(after["verification"], shown["verification"]);
    let other = json!({ "verification": { "verify_token": format!("{token}x") } });
    server.api().patch(&path, other).await.field_error("verification.verify_token");
}

/// What providers ask of a URL is answered as they want it, and is no event.
async fn providers_try_a_url_out(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let get = async |source: &str, query: &str| {
        Answer::of(server.api().http().get(format!("{}?{query}", server.ingest_url(source)))).await
    };

    let slack = source_of(&server, "slack", &json!({ "secrets": ["s3cret of Slack"] })).await;
    let (body, now) = (r#"{"type": "url_verification", "challenge": "3eZbrw1aB10FEMAGAZd4F"}"#, signature::now());
    let signed = |secret: &[u8]| {
        let tag = signature::hmac_sha256(secret, &[format!("v0:{now}:").as_bytes(), body.as_bytes()]);
        let request = server.ingest(&slack).header("x-slack-request-timestamp", now.to_string()).body(body);
        request.header("x-slack-signature", format!("v0={}", hex::encode(tag)))
    };
    let answer = Answer::of(signed(b"s3cret of Slack")).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "3eZbrw1aB10FEMAGAZd4F"));
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    Answer::of(signed(b"another")).await.problem(401, "unverified");

    let meta = json!({ "secrets": ["an app secret"], "verify_token": "a token for Meta alone" });
    let meta = source_of(&server, "meta", &meta).await;
    let asked = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token";
    let answer = get(&meta, &format!("{asked}=a+token+for+Meta+alone")).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "1158201444"));
    get(&meta, &format!("{asked}=another")).await.problem(401, "unverified");

    let x = source_of(&server, "x", &json!({ "secrets": ["consumer secret"] })).await;
    let answer = get(&x, "crc_token=foo").await.expect(200);
    let tag = BASE64_STANDARD.encode(signature::hmac_sha256(b"consumer secret", &[b"foo"]));
    assert_eq!(answer, json!({ "response_token": format!("sha256={tag}") }));

    let graph = source_of(&server, "microsoft_graph", &json!({ "secrets": ["client state"] })).await;
    let ask = server.api().http().post(format!("{}?validationToken=a%3Cb%3E", server.ingest_url(&graph)));
    let answer = Answer::of(ask).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "a<b>"));
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")));

    let own = json!({ "type": "none", "challenge_parameter": "challenge" });
    let own = server.api().make("sources", json!({ "name": "own", "verification": own })).await;
    assert_eq!(get(&own, "challenge=abc").await.text(), "abc");
    assert!(server.api().all("/v1/events").await.is_empty());
    // Everything else is an event.
    get(&own, "other=abc").await.expect(200);
    assert_eq!(server.api().all("/v1/events").await.len(), 1);
}

/// Mailgun signs no more than a time and a token: who has seen one request could send any other.
async fn a_token_of_mailgun_is_good_once(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let source = source_of(&server, "mailgun", &json!({ "secrets": ["key-0123456789"] })).await;
    let event = |token: &str, subject: &str| {
        let now = signature::now().to_string();
        let tag = signature::hmac_sha256(b"key-0123456789", &[now.as_bytes(), token.as_bytes()]);
        let signature = json!({ "timestamp": now, "token": token, "signature": hex::encode(tag) });
        json!({ "signature": signature, "event-data": { "event": "delivered", "id": subject } }).to_string()
    };
    let token = "a".repeat(50);
    server.event(&source, event(&token, "one")).await;
    server.post(&source, event(&token, "forged")).await.problem(401, "unverified");
    server.event(&source, event(&"b".repeat(50), "two")).await;
    assert_eq!(server.api().all("/v1/events").await.len(), 2);
    let at_once: Vec<_> = (0..20).map(|n| server.post(&source, event(&"c".repeat(50), &n.to_string()))).collect();
    let taken = futures::future::join_all(at_once).await.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((taken, server.api().all("/v1/events").await.len()), (1, 3));
}
