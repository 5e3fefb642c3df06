//! Adyen: each item of the body carries `additionalData.hmacSignature`, HMAC-SHA256 over eight of its fields with colons
//! between them. What is not among these fields is not covered.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

use super::{
    Check, Mismatch,
    digest::{hmac_sha256, is_equal},
    mismatch::{shortened, shown},
};

/// The fields that are signed, in their order, as paths into an item.
const SIGNED: [&str; 8] = [
    "/pspReference",
    "/originalReference",
    "/merchantAccountCode",
    "/merchantReference",
    "/amount/value",
    "/amount/currency",
    "/eventCode",
    "/success",
];
const SIGNATURE: &str = "additionalData.hmacSignature";
/// How many items one request may have. Adyen sends one.
const MAX_ITEMS: usize = 100;

pub(super) fn verify(check: &Check<'_>) -> Result<(), Mismatch> {
    let malformed = Mismatch::MalformedBody { expected: "an object in JSON with notificationItems" };
    let body: Value = serde_json::from_slice(check.body).map_err(|_| malformed.clone())?;
    let items = body.get("notificationItems").and_then(Value::as_array).ok_or_else(|| malformed.clone())?;
    if items.is_empty() || items.len() > MAX_ITEMS {
        return Err(malformed);
    }
    let keys: Option<Vec<_>> = check.verification.secrets.iter().map(|secret| key_of(secret)).collect();
    let keys = keys.ok_or(Mismatch::BadSecret)?;
    for item in items {
        let item = item.get("NotificationRequestItem").ok_or_else(|| malformed.clone())?;
        verify_item(item, &keys)?;
    }
    Ok(())
}

fn verify_item(item: &Value, keys: &[Vec<u8>]) -> Result<(), Mismatch> {
    let place = || format!("{SIGNATURE} in the body");
    let given = item.pointer("/additionalData/hmacSignature").and_then(Value::as_str);
    let given = given.ok_or_else(|| Mismatch::MissingField { place: place() })?;
    let tag = BASE64_STANDARD.decode(given).ok().filter(|tag| tag.len() == 32);
    let malformed = || Mismatch::MalformedField { place: place(), expected: "32 bytes in base64", seen: shown(given) };
    let tag = tag.ok_or_else(malformed)?;
    let content = signed_content(item)
        .ok_or(Mismatch::MalformedBody { expected: "an object whose signed fields are texts, numbers or booleans" })?;
    let mut found = false;
    for key in keys {
        found |= is_equal(&hmac_sha256(key, &[content.as_bytes()]), &tag);
    }
    if found {
        return Ok(());
    }
    Err(Mismatch::WrongSignature {
        place: place(),
        expected: "HMAC-SHA256 over the documented eight fields with a secret of this source".to_owned(),
        seen: shortened(given),
    })
}

pub(super) fn key_of(secret: &str) -> Option<Vec<u8>> {
    hex::decode(secret).ok().filter(|key| !key.is_empty())
}

/// The signed fields; `None` when one of them is a list or an object.
pub(super) fn signed_content(item: &Value) -> Option<String> {
    let texts: Option<Vec<_>> = SIGNED
        .iter()
        .map(|path| match item.pointer(path) {
            None | Some(Value::Null) => Some(String::new()),
            Some(Value::String(text)) => Some(text.clone()),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => Some(value.to_string()),
            Some(Value::Array(_) | Value::Object(_)) => None,
        })
        .collect();
    texts.map(|texts| texts.join(":"))
}
