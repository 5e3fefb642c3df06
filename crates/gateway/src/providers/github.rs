//! GitHub: `X-Hub-Signature-256: sha256=<hex>`, HMAC-SHA256 over the body.

use domain::time::Timestamp;
use http::HeaderMap;

use super::{Check, Described, Mismatch, Provider, any_matches, header, hmac};

pub(super) const PROVIDER: Provider = Provider { verify, describe, sign };

const HEADER: &str = "X-Hub-Signature-256";

fn verify(check: &Check<'_>) -> Result<(), Mismatch> {
    let text = header(check.headers, HEADER)?;
    let signature = text
        .trim()
        .strip_prefix("sha256=")
        .and_then(|text| hex::decode(text).ok())
        .ok_or_else(|| Mismatch::MalformedHeader(HEADER.to_owned()))?;
    any_matches(&check.verification.secrets, &[signature], |secret, signature| {
        hmac::sha256_matches(secret.as_bytes(), &[check.body], signature)
    })
}

fn describe(headers: &HeaderMap, _: &[u8]) -> Described {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Described { event_type: text("X-GitHub-Event"), provider_event_id: text("X-GitHub-Delivery") }
}

fn sign(secret: &str, body: &[u8], event_type: &str, now: Timestamp) -> Vec<(&'static str, String)> {
    let signature = hmac::sha256(secret.as_bytes(), &[body]);
    vec![
        (HEADER, format!("sha256={}", hex::encode(signature))),
        ("X-GitHub-Event", event_type.to_owned()),
        ("X-GitHub-Delivery", format!("test-{}", now.as_micros())),
    ]
}
