//! Standard Webhooks: `webhook-id`, `webhook-timestamp` and `webhook-signature: v1,<base64> v1a,<base64>`, over
//! `<id>.<timestamp>.<body>`. `v1` is HMAC-SHA256 with the key that stands in base64 after `whsec_`, `v1a` Ed25519 with
//! the public key after `whpk_`. Svix calls the headers `svix-…`. Incoming requests are verified by it, and deliveries are
//! signed by it.

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::{
    template::scheme::{Algorithm, StandardHeaders},
    time::Timestamp,
    verification::TimestampUnit,
};

use super::{
    Check, Mismatch,
    digest::{hmac_sha256, is_equal},
    given::{self, MAX_SIGNATURES, check_time, time_words},
    mismatch::shortened,
    public_key::{self, ED25519_KEY},
};

const DEFAULT_TOLERANCE: u32 = 300;
const FORM: &str = "v1,<signature in base64>";

struct Names {
    id: &'static str,
    timestamp: &'static str,
    signature: &'static str,
}

const fn names(headers: StandardHeaders) -> Names {
    match headers {
        StandardHeaders::Webhook => {
            Names { id: "webhook-id", timestamp: "webhook-timestamp", signature: "webhook-signature" }
        }
        StandardHeaders::Svix => Names { id: "svix-id", timestamp: "svix-timestamp", signature: "svix-signature" },
    }
}

/// The key of a `whsec_` secret.
#[must_use]
pub fn key_of(secret: &str) -> Option<Vec<u8>> {
    let key = public_key::decode(secret.strip_prefix("whsec_")?)?;
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
    let signatures = keys.iter().map(|key| format!("v1,{}", BASE64_STANDARD.encode(hmac_sha256(key, &pieces))));
    signatures.collect::<Vec<_>>().join(" ")
}

pub(super) fn verify(check: &Check<'_>, headers: StandardHeaders) -> Result<(), Mismatch> {
    let names = names(headers);
    let lines = given::lines(check.headers, names.signature, || FORM.to_owned())?;
    let timestamp = given::line(check.headers, names.timestamp, time_words(TimestampUnit::Seconds))?;
    let id = given::line(check.headers, names.id, "the id of the message")?;
    let seconds = given::seconds(timestamp, TimestampUnit::Seconds)
        .ok_or_else(|| given::malformed(names.timestamp, time_words(TimestampUnit::Seconds).to_owned(), timestamp))?;
    if id.is_empty() {
        return Err(given::malformed(names.id, "the id of the message".to_owned(), id));
    }
    let signatures = Signatures::read(&lines);
    if signatures.hmac.is_empty() && signatures.ed25519.is_empty() {
        return Err(given::malformed(names.signature, FORM.to_owned(), lines.first().copied().unwrap_or_default()));
    }
    check_time(seconds, check.now, check.verification.tolerance_seconds.unwrap_or(DEFAULT_TOLERANCE))?;
    let pieces = [id.as_bytes(), b".", timestamp.as_bytes(), b".", check.body];
    let mut found = false;
    for secret in &check.verification.secrets {
        match Secret::read(secret).ok_or(Mismatch::BadSecret)? {
            Secret::Shared(key) => {
                let tag = hmac_sha256(&key, &pieces);
                for signature in &signatures.hmac {
                    found |= is_equal(&tag, signature);
                }
            }
            Secret::Public(key) => {
                let message = pieces.concat();
                for signature in &signatures.ed25519 {
                    found |= public_key::is_signed(Algorithm::Ed25519, &key, &message, signature);
                }
            }
        }
    }
    if found {
        return Ok(());
    }
    Err(Mismatch::WrongSignature {
        place: names.signature.to_owned(),
        expected: format!(
            "HMAC-SHA256 over {{{}}}.{{{}}}.{{body}} with a secret of this source, as {FORM}",
            names.id, names.timestamp
        ),
        seen: shortened(lines.first().copied().unwrap_or_default()),
    })
}

/// A secret's key, by what stands before it.
enum Secret {
    Shared(Vec<u8>),
    Public(Vec<u8>),
}

impl Secret {
    fn read(text: &str) -> Option<Self> {
        match text.strip_prefix("whpk_") {
            Some(key) => public_key::decode(key).filter(|key| key.len() == ED25519_KEY).map(Self::Public),
            None => key_of(text).map(Self::Shared),
        }
    }
}

#[derive(Default)]
struct Signatures {
    hmac: Vec<Vec<u8>>,
    ed25519: Vec<Vec<u8>>,
}

impl Signatures {
    /// Those of known versions, separated by spaces. Others are passed over, as the specification wants it.
    fn read(lines: &[&str]) -> Self {
        let mut read = Self::default();
        for part in lines.iter().flat_map(|line| line.split_ascii_whitespace()).take(MAX_SIGNATURES) {
            let Some((version, text)) = part.split_once(',') else { continue };
            let Ok(bytes) = BASE64_STANDARD.decode(text) else { continue };
            match (version, bytes.len()) {
                ("v1", 32) => read.hmac.push(bytes),
                ("v1a", 64) => read.ed25519.push(bytes),
                _ => {}
            }
        }
        read
    }
}

/// The headers of a signed request.
#[must_use]
pub fn sign(secret: &str, id: &str, body: &[u8], now: Timestamp) -> Vec<(&'static str, String)> {
    sign_as(StandardHeaders::Webhook, secret, id, body, now)
}

/// The same under either names.
pub(super) fn sign_as(
    headers: StandardHeaders,
    secret: &str,
    id: &str,
    body: &[u8],
    now: Timestamp,
) -> Vec<(&'static str, String)> {
    let names = names(headers);
    let keys: Vec<_> = key_of(secret).into_iter().collect();
    let timestamp = now.as_secs().to_string();
    let signature = signature(&keys, id, &timestamp, body);
    vec![(names.id, id.to_owned()), (names.timestamp, timestamp), (names.signature, signature)]
}
