//! How requests are verified: a file for each provider, and a file for each scheme that several share.
//!
//! [`verify`] looks at the raw bytes as they were received. Whatever it does not know, it refuses.

mod github;
mod hmac;
mod plain_hmac;
pub mod standard_webhooks;
mod stripe;

use domain::{
    source::{Verification, VerificationKind},
    template::TemplateId,
    time::Timestamp,
};
use http::HeaderMap;

/// Why a request was not accepted as the provider's. For the owner of the source; the sender learns nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    #[error("the header {0} is missing")]
    MissingHeader(String),
    #[error("the header {0} is malformed")]
    MalformedHeader(String),
    #[error("the signature is {seconds} s old, more than the {tolerance} s allowed")]
    TooOld { seconds: i64, tolerance: u32 },
    #[error("the signature's time is {seconds} s ahead, more than the {tolerance} s allowed")]
    TooNew { seconds: i64, tolerance: u32 },
    #[error("no signature matches any of the source's secrets")]
    WrongSignature,
    #[error("a secret of the source is malformed")]
    BadSecret,
}

/// What is checked, and against what.
pub struct Check<'a> {
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
    pub now: Timestamp,
    /// With its secrets opened.
    pub verification: &'a Verification,
}

/// What a request says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Described {
    pub event_type: Option<String>,
    pub provider_event_id: Option<String>,
}

/// Names and values of the headers that carry a signature.
type SignedHeaders = Vec<(&'static str, String)>;

/// A provider's part.
struct Provider {
    verify: fn(&Check<'_>) -> Result<(), Mismatch>,
    describe: fn(&HeaderMap, &[u8]) -> Described,
    /// The headers that the provider would send with a body: for test events.
    sign: fn(secret: &str, body: &[u8], event_type: &str, now: Timestamp) -> SignedHeaders,
}

const fn provider(id: TemplateId) -> &'static Provider {
    match id {
        TemplateId::Stripe => &stripe::PROVIDER,
        TemplateId::Github => &github::PROVIDER,
    }
}

/// Checks that a request comes from whom the source expects.
pub fn verify(template: Option<TemplateId>, check: &Check<'_>) -> Result<(), Mismatch> {
    match (template, check.verification.kind) {
        (Some(id), _) => (provider(id).verify)(check),
        (None, VerificationKind::None) => Ok(()),
        (None, VerificationKind::HmacSha256 | VerificationKind::HmacSha1) => plain_hmac::verify(check),
        (None, VerificationKind::StandardWebhooks) => standard_webhooks::verify(check),
    }
}

/// Finds the type and the provider's id of an event, for people to see and filter by.
#[must_use]
pub fn describe(template: Option<TemplateId>, headers: &HeaderMap, body: &[u8]) -> Described {
    let mut described = match template {
        Some(id) => (provider(id).describe)(headers, body),
        None => plain_hmac::describe(headers, body),
    };
    for text in [&mut described.event_type, &mut described.provider_event_id] {
        // Both come from outside, and are kept in every row.
        *text = text.take().filter(|text| !text.is_empty() && text.len() <= 200 && !text.contains('\0'));
    }
    described
}

/// The headers that make `body` a request of the provider, signed with the first secret.
#[must_use]
pub fn sign(
    template: Option<TemplateId>,
    verification: &Verification,
    body: &[u8],
    event_type: &str,
    now: Timestamp,
) -> Vec<(String, String)> {
    let Some(secret) = verification.secrets.first() else { return Vec::new() };
    let own = |headers: SignedHeaders| headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    match (template, verification.kind) {
        (Some(id), _) => own((provider(id).sign)(secret, body, event_type, now)),
        (None, VerificationKind::None) => Vec::new(),
        (None, VerificationKind::HmacSha256 | VerificationKind::HmacSha1) => {
            plain_hmac::sign(verification, secret, body)
        }
        (None, VerificationKind::StandardWebhooks) => {
            own(standard_webhooks::sign(secret, &format!("msg_test_{}", now.as_micros()), body, now))
        }
    }
}

/// The text of a header that must be there, once and in ASCII.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Mismatch> {
    let value = headers.get(name).ok_or_else(|| Mismatch::MissingHeader(name.to_owned()))?;
    value.to_str().map_err(|_| Mismatch::MalformedHeader(name.to_owned()))
}

/// Checks a signed time (seconds) both ways.
fn check_time(signed: i64, now: Timestamp, tolerance: u32) -> Result<(), Mismatch> {
    let age = now.as_secs().saturating_sub(signed);
    if age > i64::from(tolerance) {
        return Err(Mismatch::TooOld { seconds: age, tolerance });
    }
    if age < -i64::from(tolerance) {
        return Err(Mismatch::TooNew { seconds: age.saturating_neg(), tolerance });
    }
    Ok(())
}

/// Whether any of the signatures was made with any of the secrets. All pairs are tried, whatever fits.
fn any_matches(
    secrets: &[String],
    signatures: &[Vec<u8>],
    matches: impl Fn(&str, &[u8]) -> bool,
) -> Result<(), Mismatch> {
    let mut found = false;
    for secret in secrets {
        for signature in signatures {
            found |= matches(secret, signature);
        }
    }
    if found { Ok(()) } else { Err(Mismatch::WrongSignature) }
}

#[cfg(test)]
mod tests;
