//! Runs one of the pure parts that every webhook passes through, a given number of times, for tools that count instructions:
//! `hot_parts <part> <times>`; `hot_parts list` names the parts. `cargo xtask bench instructions` does the counting.

use std::{hint::black_box, process::ExitCode, sync::LazyLock, time::Duration};

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
    http_client::SendError,
    pipeline::{
        deliver::{Answer, Sent},
        record::{Dice, Tried, settle},
        route::plan,
    },
    providers::{self, Check},
    registry::Route,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use store::writer::NewEvent;

const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);
const BODY_BYTES: usize = 1000;
/// As a provider would give it; of the length that Stripe's have.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

type Part = (&'static str, fn(u32));

const PARTS: [Part; 8] = [
    ("verify: Stripe, 1 kB", |times| verify(Some(TemplateId::Stripe), VerificationKind::HmacSha256, times)),
    ("verify: GitHub, 1 kB", |times| verify(Some(TemplateId::Github), VerificationKind::HmacSha256, times)),
    ("verify: Standard Webhooks, 1 kB", |times| verify(None, VerificationKind::StandardWebhooks, times)),
    ("describe: Stripe, 1 kB", describe),
    ("plan: 1 route", |times| plan_routes(1, times)),
    ("plan: 10 routes", |times| plan_routes(10, times)),
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

fn verify(template: Option<TemplateId>, kind: VerificationKind, times: u32) {
    let (verification, headers) = signed(template, kind);
    let body = body();
    for _ in 0..times {
        let check = Check { headers: &headers, body: body.as_bytes(), now: NOW, verification: &verification };
        let result = providers::verify(black_box(template), black_box(&check));
        assert_eq!(result, Ok(()), "the signature is right");
    }
}

fn describe(times: u32) {
    let template = Some(TemplateId::Stripe);
    let (_, headers) = signed(template, VerificationKind::HmacSha256);
    let body = body();
    for _ in 0..times {
        let described = providers::describe(black_box(template), black_box(&headers), black_box(body.as_bytes()));
        assert_eq!(described.event_type.as_deref(), Some("invoice.paid"), "the type stands in the body");
    }
}

fn signed(template: Option<TemplateId>, kind: VerificationKind) -> (Verification, HeaderMap) {
    let input = SourceInput {
        name: "hot".to_owned(),
        template,
        verification: Some(VerificationInput {
            kind: template.is_none().then_some(kind),
            secrets: vec![SECRET.to_owned()],
            ..VerificationInput::default()
        }),
        ..SourceInput::default()
    };
    let verification = input.parse().expect("a valid source").verification;
    let signature = providers::sign(template, &verification, body().as_bytes(), "invoice.paid", NOW);
    let own = |(name, value): (String, String)| {
        (name.parse::<HeaderName>().expect("a name"), value.parse::<HeaderValue>().expect("a value"))
    };
    (verification, signature.into_iter().map(own).collect())
}

fn plan_routes(count: u32, times: u32) {
    let routes: Vec<_> = (0..count)
        .map(|number| Route {
            connection_id: ConnectionId::new(NOW, number.into()),
            destination_id: DestinationId::new(NOW, number.into()),
            held: false,
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
    for _ in 0..times {
        let planned = black_box(plan(black_box(&event), black_box(&routes)));
        assert_eq!(planned.len(), routes.len(), "a delivery for each route");
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
            status,
            headers: ["content-type", "date"].map(header).to_vec(),
            body: "ok".to_owned(),
            retry_after: (status == 503).then_some(Duration::from_mins(1)),
        }),
        error: (status != 200).then(|| SendError::new(ErrorClass::Status, "the receiver answered 503")),
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
