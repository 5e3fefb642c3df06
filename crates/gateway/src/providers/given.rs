//! What stands in a request's headers: texts, times and signatures.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use domain::{
    time::Timestamp,
    verification::{Encoding, TimestampUnit},
};
use http::HeaderMap;

use super::mismatch::{Mismatch, shown};

/// How many signatures of one request are looked at.
pub const MAX_SIGNATURES: usize = 16;
/// Digits of a time; more are none.
const MAX_DIGITS: usize = 18;

/// The texts of a header, a line each. At least one, and all in ASCII.
pub fn lines<'a>(headers: &'a HeaderMap, name: &str, expected: impl Fn() -> String) -> Result<Vec<&'a str>, Mismatch> {
    let lines: Result<Vec<_>, _> = headers.get_all(name).iter().map(http::HeaderValue::to_str).collect();
    let malformed = |seen: String| Mismatch::MalformedHeader { header: name.to_owned(), expected: expected(), seen };
    match lines {
        Ok(lines) if lines.is_empty() => Err(Mismatch::MissingHeader { header: name.to_owned(), expected: expected() }),
        Ok(lines) => Ok(lines),
        Err(_) => Err(malformed("characters beyond ASCII".to_owned())),
    }
}

/// The text of a header that stands there once: one that is signed would otherwise have two meanings.
pub fn line<'a>(headers: &'a HeaderMap, name: &str, expected: &str) -> Result<&'a str, Mismatch> {
    match lines(headers, name, || expected.to_owned())?.as_slice() {
        [line] => Ok(line.trim()),
        _ => Err(Mismatch::RepeatedHeader { header: name.to_owned() }),
    }
}

pub fn malformed(header: &str, expected: String, seen: &str) -> Mismatch {
    Mismatch::MalformedHeader { header: header.to_owned(), expected, seen: shown(seen) }
}

/// How such a time is written, in words.
pub const fn time_words(unit: TimestampUnit) -> &'static str {
    match unit {
        TimestampUnit::Seconds => "seconds since 1970",
        TimestampUnit::Milliseconds => "milliseconds since 1970",
        TimestampUnit::Rfc3339 => "a time such as 2026-01-31T12:00:00Z",
    }
}

/// The second that a text names. Only what a sender would write is read: digits, or a time of RFC 3339.
pub fn seconds(text: &str, unit: TimestampUnit) -> Option<i64> {
    let digits = || -> Option<i64> {
        let is_number = !text.is_empty() && text.len() <= MAX_DIGITS && text.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| text.parse().ok()).flatten()
    };
    match unit {
        TimestampUnit::Seconds => digits(),
        TimestampUnit::Milliseconds => digits().map(|millis| millis.div_euclid(1000)),
        TimestampUnit::Rfc3339 => Timestamp::parse_rfc3339(text).ok().map(Timestamp::as_secs),
    }
}

/// A time as such a sender writes it.
pub fn write_time(now: Timestamp, unit: TimestampUnit) -> String {
    match unit {
        TimestampUnit::Seconds => now.as_secs().to_string(),
        TimestampUnit::Milliseconds => now.as_micros().div_euclid(1000).to_string(),
        TimestampUnit::Rfc3339 => Timestamp::from_micros(now.as_secs() * 1_000_000).to_rfc3339().replace(".000Z", "Z"),
    }
}

/// Checks a signed time both ways.
pub fn check_time(signed: i64, now: Timestamp, tolerance: u32) -> Result<(), Mismatch> {
    let age = now.as_secs().saturating_sub(signed);
    if age > i64::from(tolerance) {
        return Err(Mismatch::Stale { seconds: age, tolerance });
    }
    if age < -i64::from(tolerance) {
        return Err(Mismatch::Future { seconds: age.saturating_neg(), tolerance });
    }
    Ok(())
}

pub fn decode(text: &str, encoding: Encoding) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Hex => hex::decode(text).ok(),
        Encoding::Base64 => BASE64_STANDARD.decode(text).ok(),
        Encoding::Base64url => BASE64_URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok(),
    }
}

pub fn encode(bytes: &[u8], encoding: Encoding) -> String {
    match encoding {
        Encoding::Hex => hex::encode(bytes),
        Encoding::Base64 => BASE64_STANDARD.encode(bytes),
        Encoding::Base64url => BASE64_URL_SAFE_NO_PAD.encode(bytes),
    }
}
