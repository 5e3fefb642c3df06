//! Standard Webhooks: `webhook-id`, `webhook-timestamp` and `webhook-signature: v1,<base64> v1,<base64>`, HMAC-SHA256
//! over `<id>.<timestamp>.<body>` with the key that stands in base64 after `whsec_`. Incoming requests are verified by
//! it, and deliveries are signed by it.

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::time::Timestamp;

use super::{Check, Mismatch, check_time, header, hmac};

const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";
const DEFAULT_TOLERANCE: u32 = 300;

/// The key of a `whsec_` secret.
#[must_use]
pub fn key_of(secret: &str) -> Option<Vec<u8>> {
    let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_")?).ok()?;
    (!key.is_empty()).then_some(key)
}

/// A new secret of 32 random bytes.
#[must_use]
pub fn generate_secret() -> String {
    format!("whsec_{}", BASE64_STANDARD.encode(crate::clock::secret_bytes::<32>()))
}

/// One `v1,…` for each key, separated by spaces.
#[must_use]
pub fn signature(keys: &[Vec<u8>], id: &str, timestamp: &str, body: &[u8]) -> String {
    let pieces = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
    let signatures = keys.iter().map(|key| format!("v1,{}", BASE64_STANDARD.encode(hmac::sha256(key, &pieces))));
    signatures.collect::<Vec<_>>().join(" ")
}

pub(super) fn verify(check: &Check<'_>) -> Result<(), Mismatch> {
    let id = header(check.headers, ID)?;
    let timestamp = header(check.headers, TIMESTAMP)?;
    let signatures = header(check.headers, SIGNATURE)?;
    let malformed = |name: &str| Mismatch::MalformedHeader(name.to_owned());
    if !timestamp.bytes().all(|b| b.is_ascii_digit()) {
        return Err(malformed(TIMESTAMP));
    }
    let seconds: i64 = timestamp.parse().map_err(|_| malformed(TIMESTAMP))?;
    check_time(seconds, check.now, check.verification.tolerance_seconds.unwrap_or(DEFAULT_TOLERANCE))?;
    let given: Vec<Vec<u8>> = signatures
        .split(' ')
        .filter_map(|part| part.strip_prefix("v1,"))
        .filter_map(|text| BASE64_STANDARD.decode(text).ok())
        .collect();
    if given.is_empty() {
        return Err(malformed(SIGNATURE));
    }
    let pieces = [id.as_bytes(), b".", timestamp.as_bytes(), b".", check.body];
    let mut found = false;
    for secret in &check.verification.secrets {
        let key = key_of(secret).ok_or(Mismatch::BadSecret)?;
        for signature in &given {
            found |= hmac::sha256_matches(&key, &pieces, signature);
        }
    }
    if found { Ok(()) } else { Err(Mismatch::WrongSignature) }
}

/// The headers of a signed request.
#[must_use]
pub fn sign(secret: &str, id: &str, body: &[u8], now: Timestamp) -> Vec<(&'static str, String)> {
    let keys: Vec<_> = key_of(secret).into_iter().collect();
    let timestamp = now.as_secs().to_string();
    let signature = signature(&keys, id, &timestamp, body);
    vec![(ID, id.to_owned()), (TIMESTAMP, timestamp), (SIGNATURE, signature)]
}
