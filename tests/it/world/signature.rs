//! Signatures as providers make them and as receivers check them, written anew from their descriptions, so that the
//! product's own code is not its own witness.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Received;

/// Whole seconds since 1970.
pub fn now() -> i64 {
    gateway::clock::now().as_secs()
}

pub fn hmac_sha256(key: &[u8], pieces: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key will do");
    for piece in pieces {
        mac.update(piece);
    }
    mac.finalize().into_bytes().to_vec()
}

/// `Stripe-Signature` of a body that was signed at `seconds`.
pub fn stripe(secret: &str, seconds: i64, body: &[u8]) -> String {
    let tag = hmac_sha256(secret.as_bytes(), &[seconds.to_string().as_bytes(), b".", body]);
    format!("t={seconds},v1={}", hex::encode(tag))
}

/// `X-Hub-Signature-256` of a body.
pub fn github(secret: &str, body: &[u8]) -> String {
    format!("sha256={}", hex::encode(hmac_sha256(secret.as_bytes(), &[body])))
}

/// `webhook-signature` of a message.
pub fn standard_webhooks(secret: &str, id: &str, seconds: i64, body: &[u8]) -> String {
    let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").expect("whsec_")).expect("base64");
    let tag = hmac_sha256(&key, &[id.as_bytes(), b".", seconds.to_string().as_bytes(), b".", body]);
    format!("v1,{}", BASE64_STANDARD.encode(tag))
}

/// Checks a delivery as a receiver that knows `secret` does.
///
/// # Panics
/// When it does not verify.
pub fn verify_delivery(secret: &str, delivery: &Received) {
    let id = delivery.header("webhook-id").expect("webhook-id");
    let seconds: i64 = delivery.header("webhook-timestamp").expect("webhook-timestamp").parse().expect("seconds");
    assert!((now() - seconds).abs() < 60, "the timestamp {seconds} is not of now");
    let expected = standard_webhooks(secret, id, seconds, &delivery.body);
    let signatures = delivery.header("webhook-signature").expect("webhook-signature");
    assert!(signatures.split(' ').any(|signature| signature == expected), "{signatures} does not hold {expected}");
}
