//! Secrets at rest: XChaCha20-Poly1305 with a random nonce. The sealed text names its key and is bound to the place it
//! stands in, so that one cannot be moved to another row.
//!
//! `v1:<key id>:<base64 of nonce and ciphertext>`

use base64::{Engine, prelude::BASE64_STANDARD};
use chacha20poly1305::{
    Key, KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::clock;

/// Seals and opens secrets with the server's key.
pub struct Vault {
    cipher: XChaCha20Poly1305,
    key_id: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    #[error("the secret key must be 32 bytes written as 64 hexadecimal characters")]
    BadKey,
    #[error("a stored secret was sealed with another secret key")]
    OtherKey,
    #[error("a stored secret cannot be read")]
    Unreadable,
}

const NONCE_BYTES: usize = 24;

impl Vault {
    /// From 64 hexadecimal characters.
    pub fn new(key: &str) -> Result<Self, VaultError> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        hex::decode_to_slice(key.trim(), &mut *bytes).map_err(|_| VaultError::BadKey)?;
        let key_id = hex::encode(&Sha256::digest(*bytes)[..4]);
        Ok(Self { cipher: XChaCha20Poly1305::new(&Key::from(*bytes)), key_id })
    }

    /// A new key as text.
    #[must_use]
    pub fn generate_key() -> String {
        hex::encode(clock::secret_bytes::<32>())
    }

    /// `place` says where the secret stands, as in `src_…/verification`.
    pub fn seal(&self, place: &str, secret: &str) -> Result<String, VaultError> {
        let nonce = clock::secret_bytes::<NONCE_BYTES>();
        let payload = Payload { msg: secret.as_bytes(), aad: place.as_bytes() };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| VaultError::Unreadable)?;
        Ok(format!("v1:{}:{}", self.key_id, BASE64_STANDARD.encode([&nonce[..], &sealed].concat())))
    }

    pub fn open(&self, place: &str, sealed: &str) -> Result<String, VaultError> {
        let rest = sealed.strip_prefix("v1:").ok_or(VaultError::Unreadable)?;
        let (key_id, text) = rest.split_once(':').ok_or(VaultError::Unreadable)?;
        if key_id != self.key_id {
            return Err(VaultError::OtherKey);
        }
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| VaultError::Unreadable)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(VaultError::Unreadable)?;
        let payload = Payload { msg: sealed, aad: place.as_bytes() };
        let opened = self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| VaultError::Unreadable)?;
        String::from_utf8(opened).map_err(|_| VaultError::Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_in_its_place_and_with_its_key() {
        let vault = Vault::new(&Vault::generate_key()).expect("a key");
        let sealed = vault.seal("src_1/verification", "whsec_x").expect("seals");
        assert!(!sealed.contains("whsec_x"));
        assert_eq!(vault.open("src_1/verification", &sealed), Ok("whsec_x".to_owned()));
        assert_eq!(vault.open("src_2/verification", &sealed), Err(VaultError::Unreadable));
        let other = Vault::new(&Vault::generate_key()).expect("a key");
        assert_eq!(other.open("src_1/verification", &sealed), Err(VaultError::OtherKey));
        assert!(Vault::new("short").is_err());
    }
}
