//! Sources without a template: an HMAC of the raw body in a header of the owner's choice, or nothing at all.

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::source::{Encoding, Verification, VerificationKind};
use http::HeaderMap;
use serde::Deserialize;

use super::{Check, Described, Mismatch, any_matches, header, hmac};

pub(super) fn verify(check: &Check<'_>) -> Result<(), Mismatch> {
    let verification = check.verification;
    // Without a name for the header nothing can be right.
    let name = verification.header.as_deref().unwrap_or_default();
    let malformed = || Mismatch::MalformedHeader(name.to_owned());
    let mut text = header(check.headers, name)?.trim();
    if let Some(prefix) = &verification.prefix {
        text = text.strip_prefix(prefix.as_str()).ok_or_else(malformed)?;
    }
    let signature = match verification.encoding.unwrap_or_default() {
        Encoding::Hex => hex::decode(text).map_err(|_| malformed())?,
        Encoding::Base64 => BASE64_STANDARD.decode(text).map_err(|_| malformed())?,
    };
    any_matches(&verification.secrets, &[signature], |secret, signature| match verification.kind {
        VerificationKind::HmacSha256 => hmac::sha256_matches(secret.as_bytes(), &[check.body], signature),
        VerificationKind::HmacSha1 => hmac::sha1_matches(secret.as_bytes(), check.body, signature),
        VerificationKind::None | VerificationKind::StandardWebhooks => false,
    })
}

pub(super) fn sign(verification: &Verification, secret: &str, body: &[u8]) -> Vec<(String, String)> {
    let Some(name) = verification.header.clone() else { return Vec::new() };
    let tag = match verification.kind {
        VerificationKind::HmacSha1 => hmac::sha1(secret.as_bytes(), body),
        _ => hmac::sha256(secret.as_bytes(), &[body]),
    };
    let text = match verification.encoding.unwrap_or_default() {
        Encoding::Hex => hex::encode(tag),
        Encoding::Base64 => BASE64_STANDARD.encode(tag),
    };
    vec![(name, format!("{}{text}", verification.prefix.as_deref().unwrap_or_default()))]
}

/// Many providers write `type` (or `event`) and `id` at the top of a JSON body.
pub(super) fn describe(headers: &HeaderMap, body: &[u8]) -> Described {
    #[derive(Deserialize)]
    struct Envelope {
        #[serde(default)]
        id: serde_json::Value,
        #[serde(default, alias = "event", alias = "event_type")]
        r#type: serde_json::Value,
    }
    let is_json = headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|text| text.contains("json"));
    let Some(envelope) = is_json.then(|| serde_json::from_slice::<Envelope>(body).ok()).flatten() else {
        return Described::default();
    };
    let text = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => Some(text),
        _ => None,
    };
    Described { event_type: text(envelope.r#type), provider_event_id: text(envelope.id) }
}
