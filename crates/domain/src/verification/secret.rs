//! What secrets may look like.

use super::{MAX_SECRET_BYTES, MAX_SECRETS, VerificationKind};
use crate::{field::FieldErrors, template::scheme::SecretForm};

/// Notes what is wrong with the secrets of a kind of verification.
pub(super) fn check_secrets(errors: &mut FieldErrors, kind: VerificationKind, form: SecretForm, secrets: &[String]) {
    let path = "verification.secrets";
    match (kind, secrets.len()) {
        (VerificationKind::None, 0) => {}
        (VerificationKind::None, _) => errors.push(path, "have no use without verification"),
        (VerificationKind::Ed25519 | VerificationKind::EcdsaP256, 0) => {
            errors.push(path, "must hold the public key that the sender's signatures are checked with");
        }
        (VerificationKind::Basic, 0) => errors.push(path, "must hold the password that the sender signs in with"),
        (VerificationKind::SharedToken, 0) => errors.push(path, "must hold the token that the sender sends along"),
        (_, 0) => errors.push(path, "must hold the secret that the provider signs with"),
        (_, 1..=MAX_SECRETS) => {}
        _ => errors.push(path, "must be at most 10"),
    }
    for (index, secret) in secrets.iter().enumerate() {
        let path = format!("{path}.{index}");
        if secret.len() > MAX_SECRET_BYTES {
            errors.push(path, "must be at most 500 bytes");
        } else if secret.contains('•') {
            errors.push(path, "is masked and matches none of the secrets kept");
        } else if secret.chars().any(char::is_control) && form != SecretForm::P256Key {
            errors.push(path, "must not contain control characters");
        } else {
            errors.check(&path, is_of_form(secret, form));
        }
    }
}

/// Where a P-256 key in SPKI form begins, and how long all of it is in base64.
const P256_SPKI: (&str, usize) = ("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE", 124);
/// The same of an Ed25519 key.
const ED25519_SPKI: (&str, usize) = ("MCowBQYDK2VwAyEA", 60);

pub(super) fn is_of_form(secret: &str, form: SecretForm) -> Result<(), &'static str> {
    let is_hex = |text: &str| text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit());
    let after = |prefix| secret.strip_prefix(prefix).is_some_and(|key| !key.is_empty() && is_base64(key));
    let is_key = |(begin, length): (&str, usize)| {
        let key = without_armour(secret);
        key.starts_with(begin) && key.len() == length && is_base64(&key)
    };
    let (is_right, wanted) = match form {
        SecretForm::Text => (true, ""),
        SecretForm::Whsec if !secret.starts_with("whsec_") => (false, "must begin with whsec_"),
        SecretForm::Whsec => (after("whsec_"), "must be base64 after whsec_"),
        SecretForm::WhsecOrWhpk if !secret.starts_with("whsec_") && !secret.starts_with("whpk_") => {
            (false, "must begin with whsec_, or with whpk_ when it is a public key")
        }
        SecretForm::WhsecOrWhpk => {
            let is_public = after("whpk_") && secret.trim_end_matches('=').len() == "whpk_".len() + 43;
            (after("whsec_") || is_public, "must be base64 after whsec_, or 32 bytes in base64 after whpk_")
        }
        SecretForm::Hex => (!secret.is_empty() && is_hex(secret), "must be hexadecimal digits, two a byte"),
        SecretForm::Ed25519Key => (
            (secret.len() == 64 && is_hex(secret))
                || (secret.trim_end_matches('=').len() == 43 && is_base64(secret))
                || is_key(ED25519_SPKI),
            "must be an Ed25519 public key: 64 hexadecimal digits, or base64",
        ),
        SecretForm::P256Key => {
            (is_key(P256_SPKI), "must be a P-256 public key in base64 (it begins with MFkwEwYHKoZIzj0C)")
        }
    };
    if is_right { Ok(()) } else { Err(wanted) }
}

fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    text.len() - digits.len() <= 2
        && digits.len() % 4 != 1
        && digits.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}

/// A key without the marks around it and without line breaks, also when those were lost in pasting.
#[must_use]
pub fn without_armour(key: &str) -> String {
    let is_mark = |part: &&str| part.starts_with("BEGIN ") || part.starts_with("END ");
    let parts = key.split("-----").filter(|part| !is_mark(part));
    parts.flat_map(str::chars).filter(|c| !c.is_whitespace()).collect()
}
