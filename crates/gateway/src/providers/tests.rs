//! Every provider against what its own SDK signed, and against the same list of refusals.

use domain::source::{SourceInput, VerificationInput};
use http::{HeaderName, HeaderValue};
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Fixtures {
    secret: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    body: String,
    headers: std::collections::BTreeMap<String, String>,
    timestamp: Option<i64>,
}

fn fixtures(text: &str) -> Fixtures {
    serde_json::from_str(text).expect("the fixtures read")
}

fn verification(template: TemplateId, secrets: &[&str]) -> Verification {
    let secrets = secrets.iter().map(|secret| (*secret).to_owned()).collect();
    let input = SourceInput {
        name: "s".into(),
        template: Some(template),
        verification: Some(VerificationInput { secrets, ..VerificationInput::default() }),
        ..SourceInput::default()
    };
    input.parse().expect("a valid source").verification
}

fn header_map(headers: impl IntoIterator<Item = (String, String)>) -> HeaderMap {
    headers
        .into_iter()
        .map(|(name, value)| {
            (name.parse::<HeaderName>().expect("a name"), value.parse::<HeaderValue>().expect("a value"))
        })
        .collect()
}

fn run(template: TemplateId, secrets: &[&str], headers: &HeaderMap, body: &[u8], now: i64) -> Result<(), Mismatch> {
    let verification = verification(template, secrets);
    let now = Timestamp::from_micros(now * 1_000_000);
    super::verify(Some(template), &Check { headers, body, now, verification: &verification })
}

const ALL: [(TemplateId, &str, &str); 2] = [
    (TemplateId::Stripe, "Stripe-Signature", include_str!("../../../../tests/fixtures/stripe.json")),
    (TemplateId::Github, "X-Hub-Signature-256", include_str!("../../../../tests/fixtures/github.json")),
];

#[test]
fn what_the_sdk_signed_is_accepted_and_what_was_touched_is_not() {
    for (template, signature_header, text) in ALL {
        let fixtures = fixtures(text);
        assert!(!fixtures.cases.is_empty());
        for case in &fixtures.cases {
            let name = format!("{} {}", template.as_str(), case.name);
            let headers = header_map(case.headers.clone());
            let now = case.timestamp.unwrap_or(1_760_000_000);
            let secret = fixtures.secret.as_str();
            let check =
                |secrets: &[&str], headers: &HeaderMap, body: &[u8], now| run(template, secrets, headers, body, now);
            assert_eq!(check(&[secret], &headers, case.body.as_bytes(), now), Ok(()), "{name}");
            assert_eq!(check(&["old secret", secret], &headers, case.body.as_bytes(), now), Ok(()), "{name}: rotation");

            assert_eq!(
                check(&["wrong"], &headers, case.body.as_bytes(), now),
                Err(Mismatch::WrongSignature),
                "{name}: wrong secret"
            );
            let tampered = format!("{} ", case.body);
            assert_eq!(
                check(&[secret], &headers, tampered.as_bytes(), now),
                Err(Mismatch::WrongSignature),
                "{name}: tampered"
            );
            let original = case.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(signature_header));
            let original = original.expect("the fixture has the header").1;
            for bad in ["", "sha256=", "t=1,v1=", "v1,", &original[..original.len() - 2], "garbage"] {
                let mut headers = headers.clone();
                headers.insert(signature_header.parse::<HeaderName>().expect("a name"), bad.parse().expect("a value"));
                assert!(check(&[secret], &headers, case.body.as_bytes(), now).is_err(), "{name}: {bad:?}");
            }
            let mut without = headers.clone();
            without.remove(signature_header);
            assert_eq!(
                check(&[secret], &without, case.body.as_bytes(), now),
                Err(Mismatch::MissingHeader(signature_header.to_owned())),
                "{name}: missing"
            );
        }
    }
}

#[test]
fn a_stripe_signature_is_neither_old_nor_ahead() {
    let fixtures = fixtures(ALL[0].2);
    let case = &fixtures.cases[0];
    let signed = case.timestamp.expect("Stripe signs a time");
    let headers = header_map(case.headers.clone());
    let at = |now| run(TemplateId::Stripe, &[&fixtures.secret], &headers, case.body.as_bytes(), now);
    assert_eq!(at(signed + 300), Ok(()));
    assert_eq!(at(signed + 301), Err(Mismatch::TooOld { seconds: 301, tolerance: 300 }));
    assert_eq!(at(signed - 300), Ok(()));
    assert_eq!(at(signed - 301), Err(Mismatch::TooNew { seconds: 301, tolerance: 300 }));
}

#[test]
fn one_of_several_stripe_signatures_is_enough() {
    let fixtures = fixtures(ALL[0].2);
    let case = &fixtures.cases[0];
    let (name, value) = case.headers.iter().next().expect("one header");
    let (time, rest) = value.split_once(',').expect("a time and a signature");
    let wrong = "0".repeat(64);
    let headers = header_map([(name.clone(), format!("{time},v1={wrong},{rest},v0=abc"))]);
    let now = case.timestamp.expect("a time");
    assert_eq!(run(TemplateId::Stripe, &[&fixtures.secret], &headers, case.body.as_bytes(), now), Ok(()));
}

#[test]
fn test_events_are_signed_as_the_provider_would() {
    for (template, _, _) in ALL {
        let verification = verification(template, &["secret"]);
        let now = Timestamp::from_micros(1_760_000_000_000_000);
        let sample = template.template();
        let headers =
            header_map(sign(Some(template), &verification, sample.sample_body.as_bytes(), sample.sample_type, now));
        let check = Check { headers: &headers, body: sample.sample_body.as_bytes(), now, verification: &verification };
        assert_eq!(super::verify(Some(template), &check), Ok(()));
        let described = describe(Some(template), &headers, sample.sample_body.as_bytes());
        assert_eq!(described.event_type.as_deref(), Some(sample.sample_type));
    }
}

#[test]
fn standard_webhooks_verify_what_they_sign_and_nothing_shorter() {
    let secret = standard_webhooks::generate_secret();
    let input = SourceInput {
        name: "s".into(),
        verification: Some(VerificationInput {
            kind: Some(VerificationKind::StandardWebhooks),
            secrets: vec![secret.clone()],
            ..VerificationInput::default()
        }),
        ..SourceInput::default()
    };
    let verification = input.parse().expect("valid").verification;
    let now = Timestamp::from_micros(1_760_000_000_000_000);
    let body = b"{}";
    let signed = standard_webhooks::sign(&secret, "msg_1", body, now);
    let with = |signature: Option<&str>| {
        let headers = signed.iter().map(|(name, value)| {
            let value = if *name == "webhook-signature" { signature.unwrap_or(value) } else { value };
            ((*name).to_owned(), value.to_owned())
        });
        let headers = header_map(headers);
        super::verify(None, &Check { headers: &headers, body, now, verification: &verification })
    };
    assert_eq!(with(None), Ok(()));
    assert!(with(Some("v1,")).is_err());
    assert!(with(Some("")).is_err());
    assert!(with(Some("v1,AAAA")).is_err());
    let good = signed[2].1.clone();
    assert_eq!(with(Some(&format!("v1,AAAA v2,x {good}"))), Ok(()));
}

#[test]
fn a_plain_hmac_needs_its_prefix_and_encoding() {
    for (kind, encoding) in [
        (VerificationKind::HmacSha256, domain::source::Encoding::Base64),
        (VerificationKind::HmacSha1, domain::source::Encoding::Hex),
    ] {
        let input = SourceInput {
            name: "s".into(),
            verification: Some(VerificationInput {
                kind: Some(kind),
                secrets: vec!["secret".into()],
                header: Some("X-Sig".into()),
                prefix: Some("mac=".into()),
                encoding: Some(encoding),
                tolerance_seconds: None,
            }),
            ..SourceInput::default()
        };
        let verification = input.parse().expect("valid").verification;
        let now = Timestamp::from_micros(0);
        let signed = sign(None, &verification, b"body", "", now);
        let headers = header_map(signed.clone());
        let check =
            |headers: &HeaderMap, body| super::verify(None, &Check { headers, body, now, verification: &verification });
        assert_eq!(check(&headers, b"body"), Ok(()));
        assert_eq!(check(&headers, b"bodY"), Err(Mismatch::WrongSignature));
        let bare = header_map([("X-Sig".to_owned(), signed[0].1.replace("mac=", ""))]);
        assert_eq!(check(&bare, b"body"), Err(Mismatch::MalformedHeader("X-Sig".into())));
    }
}
