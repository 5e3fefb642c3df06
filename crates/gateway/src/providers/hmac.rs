//! HMACs over several pieces, compared in constant time over their whole length.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Whether `tag` is the HMAC-SHA256 of the pieces. A shorter or longer tag never is.
pub fn sha256_matches(key: &[u8], pieces: &[&[u8]], tag: &[u8]) -> bool {
    sha256_state(key, pieces).is_some_and(|mac| mac.verify_slice(tag).is_ok())
}

pub fn sha256(key: &[u8], pieces: &[&[u8]]) -> Vec<u8> {
    sha256_state(key, pieces).map(|mac| mac.finalize().into_bytes().to_vec()).unwrap_or_default()
}

fn sha256_state(key: &[u8], pieces: &[&[u8]]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    for piece in pieces {
        mac.update(piece);
    }
    Some(mac)
}

pub fn sha1_matches(key: &[u8], body: &[u8], tag: &[u8]) -> bool {
    sha1_state(key, body).is_some_and(|mac| mac.verify_slice(tag).is_ok())
}

pub fn sha1(key: &[u8], body: &[u8]) -> Vec<u8> {
    sha1_state(key, body).map(|mac| mac.finalize().into_bytes().to_vec()).unwrap_or_default()
}

fn sha1_state(key: &[u8], body: &[u8]) -> Option<Hmac<sha1::Sha1>> {
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(key).ok()?;
    mac.update(body);
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_tag_is_compared() {
        let tag = sha256(b"key", &[b"a", b"b"]);
        assert!(sha256_matches(b"key", &[b"ab"], &tag));
        assert!(!sha256_matches(b"key", &[b"ab"], &tag[..31]));
        assert!(!sha256_matches(b"key", &[b"ab"], b""));
        // RFC 2202, case 2.
        let tag = hex::encode(sha1(b"Jefe", b"what do ya want for nothing?"));
        assert_eq!(tag, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    }
}
