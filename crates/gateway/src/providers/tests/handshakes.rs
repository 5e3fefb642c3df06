//! What providers ask of a URL, and that nobody else is answered.

use serde_json::{Value, json};

use super::*;

fn source(id: TemplateId) -> Request {
    Request::unsigned(Some(id), settings(id), "")
}

fn asking(id: TemplateId, query: &str) -> Request {
    source(id).with_method("GET").with_query(query)
}

/// A question that the provider signs.
fn signed(id: TemplateId, body: &Value) -> Request {
    source(id).with_body(body.to_string()).signed("application/json", "").expect("signs")
}

fn reply(request: &Request) -> Reply {
    request.handshake().expect("is right").expect("is a handshake")
}

fn refused(request: &Request) -> &'static str {
    request.handshake().expect_err("is refused").reason()
}

fn hmac_of(request: &Request, text: &str) -> Vec<u8> {
    digest::hmac_sha256(request.verification.secrets[0].as_bytes(), &[text.as_bytes()])
}

#[test]
fn slack_gets_its_challenge_when_it_signs() {
    let question = json!({ "token": "x", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P", "type": "url_verification" });
    let request = signed(TemplateId::Slack, &question);
    let answer = reply(&request);
    assert_eq!((answer.status, answer.body.as_str()), (200, question["challenge"].as_str().expect("a text")));
    assert!(answer.content_type.starts_with("text/plain"));
    assert_eq!(refused(&request.clone().without_header("x-slack-signature")), "missing_header");
    assert_eq!(refused(&request.clone().with_secrets(&["other"])), "wrong_signature");
    assert_eq!(refused(&request.later(301)), "stale");
    // An event that only speaks of it is an event.
    let event = json!({ "type": "event_callback", "challenge": "x", "event": { "text": "url_verification" } });
    assert_eq!(signed(TemplateId::Slack, &event).handshake(), Ok(None));
    let long = json!({ "type": "url_verification", "challenge": "x".repeat(3000) });
    assert_eq!(signed(TemplateId::Slack, &long).handshake(), Ok(None));
}

#[test]
fn meta_gets_its_challenge_for_the_verify_token() {
    let mut request =
        asking(TemplateId::Meta, "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=my%20token");
    request.verification.verify_token = Some("my token".into());
    let answer = reply(&request);
    assert_eq!((answer.status, answer.body.as_str()), (200, "1158201444"));
    assert!(answer.content_type.starts_with("text/plain"));
    for wrong in ["my%20toke", "", "My%20token"] {
        let query = format!("hub.mode=subscribe&hub.challenge=1&hub.verify_token={wrong}");
        assert_eq!(refused(&request.clone().with_query(&query)), "wrong_token", "{wrong}");
    }
    assert_eq!(refused(&request.clone().with_query("hub.mode=subscribe&hub.challenge=1")), "missing_field");
    assert_eq!(request.clone().with_query("hub.mode=unsubscribe&hub.challenge=1").handshake(), Ok(None));
    assert_eq!(request.clone().with_query("hub.mode=subscribe").handshake(), Ok(None));
    assert_eq!(request.clone().with_method("POST").handshake(), Ok(None));
    // With a token of its own the secret is none.
    let secret = request.verification.secrets[0].clone().replace(' ', "+");
    let query = format!("hub.mode=subscribe&hub.challenge=1&hub.verify_token={secret}");
    assert_eq!(refused(&request.clone().with_query(&query)), "wrong_token");
    request.verification.verify_token = None;
    assert_eq!(reply(&request.with_query(&query)).body, "1");
}

#[test]
fn x_gets_the_hmac_of_its_token_and_of_nothing_that_an_event_could_be() {
    let request = asking(TemplateId::X, "crc_token=NzQ3OTcyODctYzU1-_x&nonce=1");
    let answer: Value = serde_json::from_str(&reply(&request).body).expect("JSON");
    let tag = given::encode(&hmac_of(&request, "NzQ3OTcyODctYzU1-_x"), domain::verification::Encoding::Base64);
    assert_eq!(answer, json!({ "response_token": format!("sha256={tag}") }));
    for event in ["%7B%22a%22%3A1%7D", "%5B%5D", "", "a%20b", "%22a%22", &"x".repeat(257)] {
        assert_eq!(request.clone().with_query(&format!("crc_token={event}")).handshake(), Ok(None), "{event}");
    }
    assert_eq!(request.clone().with_method("POST").handshake(), Ok(None));
    // And what could be asked for is no event, although its signature is right.
    let body = "NzQ3OTcyODctYzU1-_x";
    let forged = request.with_method("POST").with_body(body);
    let forged = forged.with_header("x-twitter-webhooks-signature", answer["response_token"].as_str().expect("a text"));
    assert_eq!(forged.verify().expect_err("is refused").reason(), "malformed_body");
}

#[test]
fn zoom_gets_the_hmac_of_its_token_when_it_signs() {
    let question =
        |token: &str| json!({ "payload": { "plainToken": token }, "event_ts": 1, "event": "endpoint.url_validation" });
    let request = signed(TemplateId::Zoom, &question("qgg8vlvZRS6UYooatFL8Aw"));
    let answer: Value = serde_json::from_str(&reply(&request).body).expect("JSON");
    let tag = hex::encode(hmac_of(&request, "qgg8vlvZRS6UYooatFL8Aw"));
    assert_eq!(answer, json!({ "plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": tag }));
    assert_eq!(refused(&request.clone().without_header("x-zm-signature")), "missing_header");
    assert_eq!(refused(&request.with_secrets(&["other"])), "wrong_signature");
    // What is signed of an event begins with v0: and is never signed here.
    assert_eq!(signed(TemplateId::Zoom, &question("v0:1760000000:{}")).handshake(), Ok(None));
    assert_eq!(signed(TemplateId::Zoom, &question("")).handshake(), Ok(None));
}

#[test]
fn microsoft_graph_gets_its_token_as_plain_text() {
    let request = source(TemplateId::MicrosoftGraph)
        .with_query("validationToken=Validation%3A+Testing+client+application+%3Cb%3E");
    let answer = reply(&request);
    assert_eq!(answer.body, "Validation: Testing client application <b>");
    assert_eq!((answer.status, answer.content_type), (200, "text/plain; charset=utf-8"));
    assert_eq!(request.clone().with_method("GET").handshake(), Ok(None));
    for bad in ["", "a%0Ab", &"x".repeat(2049)] {
        assert_eq!(request.clone().with_query(&format!("validationToken={bad}")).handshake(), Ok(None), "{bad}");
    }
}

#[test]
fn discord_gets_its_pong_when_it_signs() {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    let pair = Ed25519KeyPair::generate().expect("a key");
    let ask = |body: &str| {
        let mut request = source(TemplateId::Discord).with_body(body);
        request.verification.secrets = vec![hex::encode(pair.public_key().as_ref())];
        let time = request.now.as_secs().to_string();
        let signature = hex::encode(pair.sign(format!("{time}{body}").as_bytes()));
        request.with_header("x-signature-timestamp", &time).with_header("x-signature-ed25519", &signature)
    };
    let interaction = ask(r#"{"type":1,"id":"1","token":"x","application_id":"2"}"#);
    assert_eq!(reply(&interaction).body, r#"{"type":1}"#);
    let ping = reply(&ask(r#"{"version":1,"application_id":"2","type":0}"#));
    assert_eq!((ping.status, ping.body.as_str()), (204, ""));
    assert_eq!(refused(&interaction.clone().with_header("x-signature-ed25519", &"0".repeat(128))), "wrong_signature");
    assert_eq!(refused(&interaction.without_header("x-signature-ed25519")), "missing_header");
    for event in [r#"{"version":1,"type":1,"event":{"type":"X"}}"#, r#"{"type":2,"data":{}}"#, "{}", "x"] {
        assert_eq!(ask(event).handshake(), Ok(None), "{event}");
    }
}

#[test]
fn woocommerce_pings_without_a_signature() {
    let ping = source(TemplateId::Woocommerce).with_body("webhook_id=12");
    let answer = reply(&ping);
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    // It is no event, and nothing more than a number is let through.
    assert_eq!(ping.verify().expect_err("is unsigned").reason(), "missing_header");
    for other in ["webhook_id=", "webhook_id=1x", "webhook_id=1&x=2", "webhook_id=111111111111111111111", "{}"] {
        assert_eq!(ping.clone().with_body(other).handshake(), Ok(None), "{other}");
    }
    assert_eq!(ping.clone().with_header("x-wc-webhook-signature", "x").handshake(), Ok(None));
    assert_eq!(ping.with_method("GET").handshake(), Ok(None));
}

#[test]
fn any_challenge_by_get_where_the_source_names_it() {
    let mut request =
        Request::unsigned(None, Verification::none(), "").with_method("GET").with_query("challenge=%3Cb%3Ex");
    assert_eq!(request.handshake(), Ok(None), "not without being asked to");
    request.verification.challenge_parameter = Some("challenge".into());
    let answer = reply(&request);
    assert_eq!((answer.body.as_str(), answer.content_type), ("<b>x", "text/plain; charset=utf-8"));
    assert_eq!(request.clone().with_query("other=1").handshake(), Ok(None));
    assert_eq!(request.clone().with_query("challenge=").handshake(), Ok(None));
    assert_eq!(request.clone().with_query(&format!("challenge={}", "x".repeat(2049))).handshake(), Ok(None));
    assert_eq!(request.clone().with_method("POST").handshake(), Ok(None));
    request.verification.verify_token = Some("t o".into());
    assert_eq!(refused(&request), "wrong_token");
    assert_eq!(reply(&request.clone().with_query("challenge=x&whatever=t+o")).body, "x");
    // Not on sources of a provider.
    let github = Request { template: Some(TemplateId::Github), ..request };
    assert_eq!(github.handshake(), Ok(None));
}

#[test]
fn others_have_no_handshake() {
    for id in TemplateId::ALL.into_iter().filter(|id| id.template().handshake.is_none()) {
        let query = "hub.mode=subscribe&hub.challenge=1&crc_token=1&validationToken=1&challenge=1";
        assert_eq!(asking(id, query).handshake(), Ok(None), "{}", id.as_str());
        let body = r#"{"type":"url_verification","challenge":"x"}"#;
        assert_eq!(source(id).with_query(query).with_body(body).handshake(), Ok(None), "{}", id.as_str());
    }
}
