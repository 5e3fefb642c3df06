//! Runs one of the pure parts that every webhook passes through, a given number of times, for tools that count instructions:
//! `hot_parts <part> <times>`; `hot_parts list` names the parts. `cargo xtask bench instructions` does the counting.

use std::{hint::black_box, process::ExitCode, sync::LazyLock, time::Duration};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use domain::{
    delivery::{ErrorClass, SentRequest, Trigger},
    event::VerificationStatus,
    id::{ConnectionId, DeliveryId, DestinationId, EnvId, EventId, SourceId},
    retry::RetryPolicy,
    source::{SourceInput, Verification, VerificationInput, VerificationKind},
    template::TemplateId,
    time::Timestamp,
};
use gateway::{
    event_view::Payload,
    http_client::SendError,
    pipeline::{
        deliver::{Answer, Outcome, Sent},
        record::{Dice, Tried, settle},
        route::plan,
    },
    providers::{self, Check, RequestUrl, Unsigned},
    registry::Route,
    rules::Rules,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use store::writer::NewEvent;

const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);
const BODY_BYTES: usize = 1000;
/// As a provider would give it; of the length that Stripe's have.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

const FILTER: &str = r#"{"all": [{"field": "payload.type", "op": "eq", "value": "invoice.paid"},
    {"field": "payload.data", "op": "starts_with", "value": "x"}, {"field": "method", "op": "in", "value": ["POST", "PUT"]}]}"#;

type Part = (&'static str, fn(u32));

const PARTS: [Part; 18] = [
    ("verify: Stripe, 1 kB", |times| verify(&by_hmac(Some(TemplateId::Stripe), SECRET), times)),
    ("verify: GitHub, 1 kB", |times| verify(&by_hmac(Some(TemplateId::Github), SECRET), times)),
    ("verify: Standard Webhooks, 1 kB", |times| verify(&by_hmac(Some(TemplateId::StandardWebhooks), SECRET), times)),
    ("verify: Slack, 1 kB", |times| verify(&by_hmac(Some(TemplateId::Slack), SECRET), times)),
    ("verify: Square (the URL), 1 kB", |times| verify(&by_hmac(Some(TemplateId::Square), SECRET), times)),
    ("verify: Twilio (the hash of the body), 1 kB", |times| verify(&by_hmac(Some(TemplateId::Twilio), SECRET), times)),
    ("verify: GitLab (a token), 1 kB", |times| {
        verify(&by_hmac(Some(TemplateId::Gitlab), "a token of some length"), times);
    }),
    ("verify: Discord (Ed25519), 1 kB", |times| verify(&by_ed25519(), times)),
    ("verify: SendGrid (ECDSA P-256), 1 kB", |times| verify(&by_p256(), times)),
    ("handshake: Slack, of what is none, 1 kB", |times| ask(&by_hmac(Some(TemplateId::Slack), SECRET), times)),
    ("describe: Stripe, 1 kB", |times| describe(TemplateId::Stripe, times)),
    ("describe: GitHub (in headers), 1 kB", |times| describe(TemplateId::Github, times)),
    ("describe: Meta (four paths), 1 kB", |times| describe(TemplateId::Meta, times)),
    ("plan: 1 route", |times| plan_routes(1, None, times)),
    ("plan: 10 routes", |times| plan_routes(10, None, times)),
    ("plan: 10 routes with a filter of 3 rules, the payload read", |times| plan_routes(10, Some(FILTER), times)),
    ("settle: delivered, what it takes included", |times| settle_sent(&DELIVERED, times)),
    ("settle: to be tried again, what it takes included", |times| settle_sent(&REFUSED, times)),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [list] if list == "list" => {
            for (name, _) in PARTS {
                println!("{name}");
            }
            ExitCode::SUCCESS
        }
        [name, times] => match (PARTS.iter().find(|part| part.0 == name.as_str()), times.parse()) {
            (Some((_, run)), Ok(times)) => {
                run(times);
                ExitCode::SUCCESS
            }
            _ => usage(),
        },
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("hot_parts list | hot_parts <part> <times>");
    ExitCode::FAILURE
}

/// JSON of a kilobyte.
fn body() -> String {
    let head = r#"{"id":"evt_1","object":"event","type":"invoice.paid","data":""#;
    format!("{head}{}\"}}", "x".repeat(BODY_BYTES - head.len() - 2))
}

/// A request, and what it is held against.
struct Posted {
    template: Option<TemplateId>,
    verification: Verification,
    headers: HeaderMap,
    query: Option<String>,
    body: Vec<u8>,
}

const BASE: &str = "https://hooks.example.com";
const PATH: &str = "/v1/ingest/src_0197a1b2c3d4e5f60718293a4b5c6d7e";

impl Posted {
    fn check(&self) -> Check<'_> {
        Check {
            method: "POST",
            url: RequestUrl { base: BASE, path: PATH, query: self.query.as_deref() },
            headers: &self.headers,
            body: &self.body,
            now: NOW,
            verification: &self.verification,
        }
    }
}

fn verify(posted: &Posted, times: u32) {
    let check = posted.check();
    for _ in 0..times {
        let result = providers::verify(black_box(posted.template), black_box(&check));
        assert!(result.is_ok(), "the signature is right");
    }
}

fn ask(posted: &Posted, times: u32) {
    let check = posted.check();
    for _ in 0..times {
        assert_eq!(providers::handshake(black_box(posted.template), black_box(&check)), Ok(None), "it is none");
    }
}

fn describe(template: TemplateId, times: u32) {
    let posted = by_hmac(Some(template), SECRET);
    for _ in 0..times {
        black_box(providers::describe(black_box(Some(template)), black_box(&posted.headers), black_box(&posted.body)));
    }
}

fn settings(template: Option<TemplateId>, secret: &str) -> Verification {
    let input = SourceInput {
        name: "hot".to_owned(),
        template,
        verification: Some(VerificationInput {
            kind: (template == Some(TemplateId::Gitlab)).then_some(VerificationKind::SharedToken),
            secrets: vec![secret.to_owned()],
            ..VerificationInput::default()
        }),
        ..SourceInput::default()
    };
    input.parse().expect("a valid source").verification
}

fn by_hmac(template: Option<TemplateId>, secret: &str) -> Posted {
    let (verification, body) = (settings(template, secret), body());
    let unsigned = Unsigned {
        method: "POST",
        url: RequestUrl { base: BASE, path: PATH, query: None },
        content_type: "application/json",
        body: body.as_bytes(),
        event_type: "invoice.paid",
        now: NOW,
    };
    let signed = providers::sign(template, &verification, &unsigned).expect("it can be signed");
    Posted { template, verification, headers: header_map(signed.headers), query: signed.query, body: signed.body }
}

fn by_ed25519() -> Posted {
    let pair = Ed25519KeyPair::generate().expect("a key");
    let (body, time) = (body(), NOW.as_secs().to_string());
    let signature = hex::encode(pair.sign(format!("{time}{body}").as_bytes()));
    let headers = [("x-signature-ed25519", signature), ("x-signature-timestamp", time)];
    by_key(TemplateId::Discord, &hex::encode(pair.public_key().as_ref()), headers, body)
}

fn by_p256() -> Posted {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
    let head = hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200").expect("hex");
    let key = BASE64_STANDARD.encode([&head[..], pair.public_key().as_ref()].concat());
    let (body, time) = (body(), NOW.as_secs().to_string());
    let signature = pair.sign(&SystemRandom::new(), format!("{time}{body}").as_bytes()).expect("signs");
    let headers = [
        ("x-twilio-email-event-webhook-signature", BASE64_STANDARD.encode(signature.as_ref())),
        ("x-twilio-email-event-webhook-timestamp", time),
    ];
    by_key(TemplateId::Sendgrid, &key, headers, body)
}

fn by_key(template: TemplateId, key: &str, headers: [(&str, String); 2], body: String) -> Posted {
    Posted {
        template: Some(template),
        verification: settings(Some(template), key),
        headers: header_map(headers.map(|(name, value)| (name.to_owned(), value)).to_vec()),
        query: None,
        body: body.into_bytes(),
    }
}

fn header_map(headers: Vec<(String, String)>) -> HeaderMap {
    let own = |(name, value): (String, String)| {
        (name.parse::<HeaderName>().expect("a name"), value.parse::<HeaderValue>().expect("a value"))
    };
    headers.into_iter().map(own).collect()
}

fn plan_routes(count: u32, rules: Option<&str>, times: u32) {
    let rules = rules.map(|filter| {
        let filter = serde_json::from_str(filter).expect("JSON");
        let rules = domain::connection::Rules { filter: Some(filter), ..domain::connection::Rules::default() };
        std::sync::Arc::new(Rules::compile(&rules).expect("rules"))
    });
    let routes: Vec<_> = (0..count)
        .map(|number| Route {
            connection_id: ConnectionId::new(NOW, number.into()),
            destination_id: DestinationId::new(NOW, number.into()),
            held: false,
            delay: Duration::ZERO,
            rules: rules.clone(),
        })
        .collect();
    let event = NewEvent {
        env_id: EnvId::new(NOW, 1),
        id: EventId::new(NOW, 1),
        source_id: SourceId::new(NOW, 1),
        event_type: Some("invoice.paid".to_owned()),
        provider_event_id: None,
        method: "POST".to_owned(),
        path: "/v1/ingest/src".to_owned(),
        query: None,
        content_type: Some("application/json".to_owned()),
        source_ip: Some("203.0.113.7".to_owned()),
        received_at: NOW,
        verification_status: VerificationStatus::Verified,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: Bytes::from(body()),
        schema_errors: None,
    };
    let payload = Payload::new(event.body.clone());
    for _ in 0..times {
        let planned = plan(black_box(&event), black_box(&payload), black_box(&routes));
        assert_eq!(black_box(planned).deliveries.len(), routes.len(), "a delivery for each route");
    }
}

static DELIVERED: LazyLock<Sent> = LazyLock::new(|| sent(200));
static REFUSED: LazyLock<Sent> = LazyLock::new(|| sent(503));

fn sent(status: u16) -> Sent {
    let header = |name: &str| (name.to_owned(), "a value of some length".to_owned());
    Sent {
        request: SentRequest {
            method: "POST".to_owned(),
            url: "https://receiver.example.com/webhooks".to_owned(),
            headers: ["content-type", "webhook-id", "webhook-timestamp", "webhook-signature"].map(header).to_vec(),
        },
        answer: Some(Answer {
            status: Some(status),
            headers: ["content-type", "date"].map(header).to_vec(),
            body: "ok".to_owned(),
            retry_after: (status == 503).then_some(Duration::from_mins(1)),
        }),
        outcome: if status == 200 {
            Outcome::Delivered
        } else {
            Outcome::Retry(SendError::new(ErrorClass::Status, "the receiver answered 503"))
        },
        latency_ms: 7,
    }
}

/// What is settled is taken, so each time gets a copy: its making counts too.
fn settle_sent(sent: &Sent, times: u32) {
    let tried =
        Tried { delivery_id: DeliveryId::new(NOW, 1), attempt_number: 1, trigger: Trigger::Initial, started_at: NOW };
    let dice = Dice { now: NOW, spread: 0.25, id_bits: 7 };
    let policy = RetryPolicy::default();
    for _ in 0..times {
        black_box(settle(black_box(tried), sent.clone(), black_box(&policy), dice));
    }
}
