//! HMACs over several pieces, and comparison in constant time.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use domain::template::scheme::Algorithm;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

/// An HMAC that is being made.
pub enum Hash {
    Sha256(Hmac<Sha256>),
    Sha1(Hmac<Sha1>),
    Sha512(Hmac<Sha512>),
}

impl Hash {
    /// `None` for algorithms that are no HMAC.
    pub fn new(algorithm: Algorithm, key: &[u8]) -> Option<Self> {
        match algorithm {
            Algorithm::HmacSha256 => Hmac::new_from_slice(key).ok().map(Self::Sha256),
            Algorithm::HmacSha1 => Hmac::new_from_slice(key).ok().map(Self::Sha1),
            Algorithm::HmacSha512 => Hmac::new_from_slice(key).ok().map(Self::Sha512),
            Algorithm::Ed25519 | Algorithm::EcdsaP256 => None,
        }
    }

    pub fn update(&mut self, piece: &[u8]) {
        match self {
            Self::Sha256(mac) => mac.update(piece),
            Self::Sha1(mac) => mac.update(piece),
            Self::Sha512(mac) => mac.update(piece),
        }
    }

    pub fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha256(mac) => mac.finalize().into_bytes().to_vec(),
            Self::Sha1(mac) => mac.finalize().into_bytes().to_vec(),
            Self::Sha512(mac) => mac.finalize().into_bytes().to_vec(),
        }
    }
}

/// The HMAC of the pieces, one after the other; empty where the algorithm is none, which is equal to nothing.
pub fn hmac(algorithm: Algorithm, key: &[u8], pieces: &[&[u8]]) -> Vec<u8> {
    let Some(mut hash) = Hash::new(algorithm, key) else { return Vec::new() };
    for piece in pieces {
        hash.update(piece);
    }
    hash.finish()
}

pub fn hmac_sha256(key: &[u8], pieces: &[&[u8]]) -> Vec<u8> {
    hmac(Algorithm::HmacSha256, key, pieces)
}

pub fn sha256(body: &[u8]) -> Vec<u8> {
    Sha256::digest(body).to_vec()
}

/// Whether both are the same over their whole length, in a time that does not depend on where they differ. Nothing is
/// equal to what is empty.
pub fn is_equal(one: &[u8], other: &[u8]) -> bool {
    !one.is_empty() && verify_slices_are_equal(one, other).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_tag_is_compared() {
        let tag = hmac_sha256(b"key", &[b"a", b"b"]);
        assert_eq!(tag, hmac_sha256(b"key", &[b"ab"]));
        assert!(is_equal(&tag, &tag.clone()));
        assert!(!is_equal(&tag, &tag[..31]));
        assert!(!is_equal(&tag, b""));
        assert!(!is_equal(b"", b""));
    }

    #[test]
    fn the_numbers_are_those_of_the_rfcs() {
        // RFC 2202 and RFC 4231, case 2.
        let tag = |algorithm| hex::encode(hmac(algorithm, b"Jefe", &[b"what do ya want ", b"for nothing?"]));
        assert_eq!(tag(Algorithm::HmacSha1), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        assert_eq!(tag(Algorithm::HmacSha256), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert!(
            tag(Algorithm::HmacSha512).starts_with("164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554")
        );
        assert!(hmac(Algorithm::Ed25519, b"k", &[b"x"]).is_empty());
    }
}
