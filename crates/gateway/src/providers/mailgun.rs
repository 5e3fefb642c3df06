//! Mailgun: the body's `signature` object, or three fields of a form. It is HMAC-SHA256 over a time and a token and does
//! not cover the rest of the body, so that a token may be taken once only.

use domain::verification::TimestampUnit;
use http::header::CONTENT_TYPE;

use super::{
    Check, Mismatch, Proof,
    digest::{hmac_sha256, is_equal},
    extract::{Wanted, fill},
    given::{check_time, seconds, time_words},
    mismatch::{shortened, shown},
};

const DEFAULT_TOLERANCE: u32 = 300;
/// Mailgun's have 50 characters.
const MAX_TOKEN: usize = 200;
const TIMESTAMP: &str = "signature.timestamp";
const TOKEN: &str = "signature.token";
const SIGNATURE: &str = "signature.signature";

pub(super) fn verify(check: &Check<'_>) -> Result<Proof, Mismatch> {
    let [timestamp, token, signature] = fields(check)?;
    let malformed = |place: &str, expected, seen: &str| Mismatch::MalformedField {
        place: format!("{place} in the body"),
        expected,
        seen: shown(seen),
    };
    let tag = hex::decode(&signature).ok().filter(|tag| tag.len() == 32);
    let tag = tag.ok_or_else(|| malformed(SIGNATURE, "64 hexadecimal digits", &signature))?;
    if token.is_empty() || token.len() > MAX_TOKEN {
        return Err(malformed(TOKEN, "a random text of 50 characters", &token));
    }
    let unit = TimestampUnit::Seconds;
    let signed_at = seconds(&timestamp, unit).ok_or_else(|| malformed(TIMESTAMP, time_words(unit), &timestamp))?;
    check_time(signed_at, check.now, check.verification.tolerance_seconds.unwrap_or(DEFAULT_TOLERANCE))?;
    let mut found = false;
    for secret in check.verification.secrets.iter().filter(|secret| !secret.is_empty()) {
        found |= is_equal(&self::signature(secret, &timestamp, &token), &tag);
    }
    if found {
        return Ok(Proof { nonce: Some(token) });
    }
    Err(Mismatch::WrongSignature {
        place: format!("{SIGNATURE} in the body"),
        expected: "HMAC-SHA256 over the timestamp and the token with a secret of this source".to_owned(),
        seen: shortened(&signature),
    })
}

pub(super) fn signature(secret: &str, timestamp: &str, token: &str) -> Vec<u8> {
    hmac_sha256(secret.as_bytes(), &[timestamp.as_bytes(), token.as_bytes()])
}

fn fields(check: &Check<'_>) -> Result<[String; 3], Mismatch> {
    let kind = check.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let found = if kind.to_ascii_lowercase().contains("x-www-form-urlencoded") {
        ["timestamp", "token", "signature"].map(|name| {
            let mut pairs = ::url::form_urlencoded::parse(check.body);
            pairs.find(|(given, _)| given == name).map(|(_, value)| value.into_owned())
        })
    } else {
        let mut wanted = [TIMESTAMP, TOKEN, SIGNATURE].map(Wanted::new);
        fill(check.body, &mut wanted);
        wanted.map(|wanted| wanted.found)
    };
    let missing = |place: &str| Mismatch::MissingField { place: format!("{place} in the body") };
    let [timestamp, token, signature] = found;
    Ok([
        timestamp.ok_or_else(|| missing(TIMESTAMP))?,
        token.ok_or_else(|| missing(TOKEN))?,
        signature.ok_or_else(|| missing(SIGNATURE))?,
    ])
}
