//! Stripe: `Stripe-Signature: t=<seconds>,v1=<hex>,…`, HMAC-SHA256 over `<t>.<body>`. Several `v1` may stand there.

use domain::time::Timestamp;
use http::HeaderMap;
use serde::Deserialize;

use super::{Check, Described, Mismatch, Provider, any_matches, check_time, header, hmac};

pub(super) const PROVIDER: Provider = Provider { verify, describe, sign };

const HEADER: &str = "Stripe-Signature";
const DEFAULT_TOLERANCE: u32 = 300;

fn verify(check: &Check<'_>) -> Result<(), Mismatch> {
    let malformed = || Mismatch::MalformedHeader(HEADER.to_owned());
    let mut time = None;
    let mut signatures = Vec::new();
    for part in header(check.headers, HEADER)?.split(',') {
        match part.trim().split_once('=') {
            Some(("t", value)) if time.is_none() => time = Some(value),
            Some(("v1", value)) => signatures.extend(hex::decode(value)),
            _ => {}
        }
    }
    // The time is signed as it is written; only digits are ever written.
    let time = time.filter(|text| text.bytes().all(|b| b.is_ascii_digit())).ok_or_else(malformed)?;
    let seconds: i64 = time.parse().map_err(|_| malformed())?;
    if signatures.is_empty() {
        return Err(malformed());
    }
    check_time(seconds, check.now, check.verification.tolerance_seconds.unwrap_or(DEFAULT_TOLERANCE))?;
    any_matches(&check.verification.secrets, &signatures, |secret, signature| {
        hmac::sha256_matches(secret.as_bytes(), &[time.as_bytes(), b".", check.body], signature)
    })
}

fn describe(_: &HeaderMap, body: &[u8]) -> Described {
    #[derive(Deserialize)]
    struct Envelope {
        id: Option<String>,
        r#type: Option<String>,
    }
    serde_json::from_slice::<Envelope>(body)
        .map(|envelope| Described { event_type: envelope.r#type, provider_event_id: envelope.id })
        .unwrap_or_default()
}

fn sign(secret: &str, body: &[u8], _: &str, now: Timestamp) -> Vec<(&'static str, String)> {
    let time = now.as_secs().to_string();
    let signature = hmac::sha256(secret.as_bytes(), &[time.as_bytes(), b".", body]);
    vec![(HEADER, format!("t={time},v1={}", hex::encode(signature)))]
}
