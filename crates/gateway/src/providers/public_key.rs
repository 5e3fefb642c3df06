//! Signatures by a key that only the sender has.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use domain::{template::scheme::Algorithm, verification::without_armour};

/// Keys are given with and without padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What stands before the key itself in SPKI form.
const P256_SPKI_HEAD: usize = 26;
const ED25519_SPKI_HEAD: usize = 12;
/// An uncompressed point, and an Ed25519 key.
const P256_POINT: usize = 65;
pub const ED25519_KEY: usize = 32;
const ED25519_SIGNATURE: usize = 64;
/// Two numbers of 32 bytes: how some write an ECDSA signature instead of DER.
const P256_FIXED_SIGNATURE: usize = 64;

/// A key as `verify` wants it; `None` when it is no key of the algorithm.
pub fn key_of(algorithm: Algorithm, text: &str) -> Option<Vec<u8>> {
    match algorithm {
        Algorithm::Ed25519 if text.len() == ED25519_KEY * 2 => hex::decode(text).ok(),
        Algorithm::Ed25519 => match decode(text)? {
            key if key.len() == ED25519_KEY => Some(key),
            spki if spki.len() == ED25519_SPKI_HEAD + ED25519_KEY => Some(spki[ED25519_SPKI_HEAD..].to_vec()),
            _ => None,
        },
        Algorithm::EcdsaP256 => {
            let spki = decode(text)?;
            (spki.len() == P256_SPKI_HEAD + P256_POINT).then(|| spki[P256_SPKI_HEAD..].to_vec())
        }
        Algorithm::HmacSha256 | Algorithm::HmacSha1 | Algorithm::HmacSha512 => None,
    }
}

/// Base64 of a key, in one line or as PEM.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    LENIENT.decode(without_armour(text)).ok()
}

/// Whether the signature is the key's over the message.
pub fn is_signed(algorithm: Algorithm, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let by = |algorithm: &'static dyn VerificationAlgorithm| {
        UnparsedPublicKey::new(algorithm, key).verify(message, signature).is_ok()
    };
    match algorithm {
        Algorithm::Ed25519 => key.len() == ED25519_KEY && signature.len() == ED25519_SIGNATURE && by(&ED25519),
        Algorithm::EcdsaP256 => {
            by(&ECDSA_P256_SHA256_ASN1) || (signature.len() == P256_FIXED_SIGNATURE && by(&ECDSA_P256_SHA256_FIXED))
        }
        Algorithm::HmacSha256 | Algorithm::HmacSha1 | Algorithm::HmacSha512 => false,
    }
}
