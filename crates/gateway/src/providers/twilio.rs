//! Twilio: `X-Twilio-Signature`, HMAC-SHA1 over the public URL. Behind it stand the fields of a form, sorted, names and
//! values without anything between them; of any other body its SHA-256 stands in the URL, as `bodySHA256`.

use std::collections::{BTreeMap, BTreeSet};

use domain::{template::scheme::Algorithm, verification::Encoding};
use http::header::CONTENT_TYPE;

use super::{
    Check, Mismatch, RequestUrl,
    digest::{hmac, is_equal, sha256},
    given::{self, MAX_SIGNATURES, decode, encode},
    mismatch::shortened,
};

pub(super) const HEADER: &str = "X-Twilio-Signature";
pub(super) const BODY_HASH: &str = "bodySHA256";
const FORM: &str = "<signature in base64>";
const UNCOVERED: &str = "a form, or bodySHA256 in the URL";

pub(super) fn verify(check: &Check<'_>) -> Result<(), Mismatch> {
    let lines = given::lines(check.headers, HEADER, || FORM.to_owned())?;
    let signatures: Vec<_> = lines
        .iter()
        .flat_map(|line| line.split(','))
        .filter_map(|text| decode(text.trim(), Encoding::Base64))
        .filter(|bytes| bytes.len() == 20)
        .take(MAX_SIGNATURES)
        .collect();
    let first = lines.first().copied().unwrap_or_default();
    if signatures.is_empty() {
        return Err(given::malformed(HEADER, FORM.to_owned(), first));
    }
    let fields = covered_fields(check)?;
    let mut found = false;
    for url in written(&check.url) {
        for secret in check.verification.secrets.iter().filter(|secret| !secret.is_empty()) {
            let tag = signature(secret, &url, &fields);
            for signature in &signatures {
                found |= is_equal(&tag, signature);
            }
        }
    }
    if found {
        return Ok(());
    }
    Err(Mismatch::WrongSignature {
        place: HEADER.to_owned(),
        expected: format!("HMAC-SHA1 over {} and the form's sorted fields with a secret of this source", check.url),
        seen: shortened(first.trim()),
    })
}

pub(super) fn signature(secret: &str, url: &str, fields: &str) -> Vec<u8> {
    hmac(Algorithm::HmacSha1, secret.as_bytes(), &[url.as_bytes(), fields.as_bytes()])
}

/// What the signature covers of the body behind the URL. A body that it would not cover is refused.
fn covered_fields(check: &Check<'_>) -> Result<String, Mismatch> {
    let hashes: Vec<_> = check.url.parameters(BODY_HASH).collect();
    if let [hash] = hashes.as_slice() {
        let own = hex::encode(sha256(check.body));
        if is_equal(own.as_bytes(), hash.to_ascii_lowercase().as_bytes()) {
            return Ok(String::new());
        }
        return Err(Mismatch::WrongBodyHash { expected: shortened(&own), seen: shortened(hash) });
    }
    let kind = check.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_form = kind.trim_start().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
    match (hashes.is_empty(), check.body.is_empty(), is_form) {
        (true, true, _) => Ok(String::new()),
        (true, false, true) => Ok(sorted_fields(check.body)),
        _ => Err(Mismatch::UncoveredBody { expected: UNCOVERED }),
    }
}

/// The fields of a form as they are signed: by name, and each value of a name once.
pub(super) fn sorted_fields(body: &[u8]) -> String {
    let mut fields: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, value) in ::url::form_urlencoded::parse(body) {
        fields.entry(name.into_owned()).or_default().insert(value.into_owned());
    }
    let mut text = String::with_capacity(body.len());
    for (name, values) in &fields {
        for value in values {
            text.push_str(name);
            text.push_str(value);
        }
    }
    text
}

/// The URL as Twilio may write it: some of its products sign the port, others leave it out.
fn written(url: &RequestUrl<'_>) -> Vec<String> {
    let rest: String = url.pieces().skip(1).collect();
    let Ok(parsed) = ::url::Url::parse(url.base) else { return vec![url.to_string()] };
    let (Some(host), Some(port)) = (parsed.host_str(), parsed.port_or_known_default()) else {
        return vec![url.to_string()];
    };
    let bare = format!("{}://{host}", parsed.scheme());
    let path = parsed.path().trim_end_matches('/');
    vec![format!("{bare}{path}{rest}"), format!("{bare}:{port}{path}{rest}")]
}

pub(super) fn header_value(signature: &[u8]) -> String {
    encode(signature, Encoding::Base64)
}
