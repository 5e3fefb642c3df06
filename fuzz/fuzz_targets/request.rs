//! Feeds requests of any form to every template: reading of headers, extraction from bodies, handshakes.
//!
//! The input is text: a line of the method, one of the query, lines of headers, an empty line, and the body. Nothing may
//! panic, and nothing that is not signed may be accepted.

#![no_main]

use std::sync::LazyLock;

use domain::{
    source::SourceInput,
    template::{TemplateId, scheme::SecretForm},
    time::Timestamp,
    verification::{Verification, VerificationInput},
};
use gateway::providers::{Check, RequestUrl, describe, handshake, verify};
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;

static SOURCES: LazyLock<Vec<(TemplateId, Verification)>> = LazyLock::new(|| {
    TemplateId::ALL
        .into_iter()
        .filter(|id| *id != TemplateId::Custom)
        .flat_map(|id| id.template().schemes.iter().map(move |scheme| (id, scheme)))
        .map(|(id, scheme)| {
            let secret = match scheme.secret_form() {
                SecretForm::Text => "a secret that nobody knows",
                SecretForm::Whsec | SecretForm::WhsecOrWhpk => "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                SecretForm::Hex => "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056",
                SecretForm::Ed25519Key => "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                SecretForm::P256Key => {
                    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="
                }
            };
            let input = VerificationInput {
                kind: scheme.kind(),
                secrets: vec![secret.to_owned()],
                username: (scheme.kind() == Some(domain::verification::VerificationKind::Basic)).then(|| "name".to_owned()),
                ..VerificationInput::default()
            };
            let input = SourceInput { name: "s".into(), template: Some(id), verification: Some(input), ..SourceInput::default() };
            (id, input.parse().expect("the settings are right").verification)
        })
        .collect()
});

fuzz_target!(|data: &[u8]| {
    let (head, body) = match data.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (&data[..at], &data[at + 2..]),
        None => (data, &[][..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let method = lines.next().and_then(|line| std::str::from_utf8(line).ok()).unwrap_or("POST");
    let query = lines.next().and_then(|line| std::str::from_utf8(line).ok());
    let mut headers = HeaderMap::new();
    for line in lines.take(100) {
        let Some(at) = line.iter().position(|byte| *byte == b':') else { continue };
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(&line[..at]), HeaderValue::from_bytes(&line[at + 1..])) {
            headers.append(name, value);
        }
    }
    for (id, verification) in SOURCES.iter() {
        let check = Check {
            method,
            url: RequestUrl { base: "https://hooks.example.com", path: "/v1/ingest/src_1", query },
            headers: &headers,
            body,
            now: Timestamp::from_micros(1_760_000_000_000_000),
            verification,
        };
        if let Err(why) = verify(Some(*id), &check) {
            assert!(!why.reason().is_empty() && !why.expected().is_empty() && !why.seen().is_empty());
        } else {
            panic!("{} accepted what nobody signed", id.as_str());
        }
        let _ = describe(Some(*id), &headers, body);
        if let Ok(Some(reply)) = handshake(Some(*id), &check) {
            assert!(reply.body.len() <= 4096);
        }
    }
});
