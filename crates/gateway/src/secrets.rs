//! Secrets at rest: XChaCha20-Poly1305 with a random nonce. The sealed text names its key and is bound to the place it
//! stands in, so that one cannot be moved to another row.
//!
//! `v1:<key id>:<base64 of nonce and ciphertext>`
//!
//! A server may have several keys, so that one can take the place of another while everything goes on: each opens what it
//! has sealed, one of them seals. [`rotation`] brings what the others have sealed under that one.

pub(crate) mod follow;
pub mod rotation;

use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::{Engine, prelude::BASE64_STANDARD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::clock;

/// Seals and opens secrets with the server's keys.
pub struct Vault {
    ring: ArcSwap<Ring>,
}

/// The server's keys, in the order in which they were given.
#[derive(Clone)]
pub struct Keys(Vec<Arc<Key>>);

struct Key {
    id: String,
    cipher: XChaCha20Poly1305,
}

struct Ring {
    keys: Keys,
    /// The place of the one that seals.
    sealing: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    #[error("a secret key must be 32 bytes written as 64 hexadecimal characters")]
    BadKey,
    #[error("there must be 1 to {MAX_KEYS} different secret keys")]
    BadNumber,
    #[error("a stored secret was sealed with the secret key {0}, which this server does not have")]
    OtherKey(String),
    #[error("a stored secret cannot be read")]
    Unreadable,
}

/// One that seals, one that did, and a few that nobody has taken away yet.
pub const MAX_KEYS: usize = 8;
const NONCE_BYTES: usize = 24;
const VERSION: &str = "v1:";

impl Keys {
    /// From keys of 64 hexadecimal characters with commas or white space between them. The first one is to seal. A line that
    /// begins with `#` is a remark.
    pub fn parse(text: &str) -> Result<Self, VaultError> {
        let mut keys: Vec<Arc<Key>> = Vec::new();
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let words = lines.flat_map(|line| line.split(|c: char| c == ',' || c.is_whitespace()));
        for word in words.filter(|word| !word.is_empty()) {
            let key = Key::parse(word)?;
            if keys.iter().all(|known| known.id != key.id) {
                keys.push(Arc::new(key));
            }
        }
        if keys.is_empty() || keys.len() > MAX_KEYS {
            return Err(VaultError::BadNumber);
        }
        Ok(Self(keys))
    }

    /// By which they are known; nobody can tell a key by its id.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.0.iter().map(|key| key.id.clone()).collect()
    }
}

impl Key {
    fn parse(text: &str) -> Result<Self, VaultError> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        hex::decode_to_slice(text, &mut *bytes).map_err(|_| VaultError::BadKey)?;
        let id = hex::encode(&Sha256::digest(*bytes)[..4]);
        Ok(Self { id, cipher: XChaCha20Poly1305::new(&chacha20poly1305::Key::from(*bytes)) })
    }
}

impl Vault {
    #[must_use]
    pub fn new(keys: Keys) -> Self {
        Self { ring: ArcSwap::from_pointee(Ring { keys, sealing: 0 }) }
    }

    /// A new key as text.
    #[must_use]
    pub fn generate_key() -> String {
        hex::encode(clock::secret_bytes::<32>())
    }

    /// Opens by these keys from now on. What seals stays the same, where it is among them.
    pub fn replace(&self, keys: Keys) {
        let sealing = keys.0.iter().position(|key| key.id == self.sealing_id()).unwrap_or(0);
        self.ring.store(Arc::new(Ring { keys, sealing }));
    }

    /// Seals from now on with the first key that every node has, given the ids of those that each of them has. Where there
    /// is none, with the last one: the new one comes first.
    pub fn agree(&self, nodes: &[Vec<String>]) {
        let ring = self.ring.load();
        let is_everywhere = |key: &Arc<Key>| nodes.iter().all(|ids| ids.contains(&key.id));
        let sealing = ring.keys.0.iter().position(is_everywhere).unwrap_or(ring.keys.0.len() - 1);
        if sealing != ring.sealing {
            let keys = ring.keys.clone();
            tracing::info!(key.id = keys.0[sealing].id, "every process has this secret key; it seals from now on");
            self.ring.store(Arc::new(Ring { keys, sealing }));
        }
    }

    /// The ids of the keys that open.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.ring.load().keys.ids()
    }

    /// The id of the key that seals.
    #[must_use]
    pub fn sealing_id(&self) -> String {
        let ring = self.ring.load();
        ring.keys.0[ring.sealing].id.clone()
    }

    /// `place` says where the secret stands, as in `src_…/verification`.
    pub fn seal(&self, place: &str, secret: &str) -> Result<String, VaultError> {
        let ring = self.ring.load();
        let key = &ring.keys.0[ring.sealing];
        let nonce = clock::secret_bytes::<NONCE_BYTES>();
        let payload = Payload { msg: secret.as_bytes(), aad: place.as_bytes() };
        let sealed = key.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| VaultError::Unreadable)?;
        Ok(format!("{VERSION}{}:{}", key.id, BASE64_STANDARD.encode([&nonce[..], &sealed].concat())))
    }

    pub fn open(&self, place: &str, sealed: &str) -> Result<String, VaultError> {
        let (key_id, text) = parts(sealed).ok_or(VaultError::Unreadable)?;
        let ring = self.ring.load();
        let Some(key) = ring.keys.0.iter().find(|key| key.id == key_id) else {
            return Err(VaultError::OtherKey(key_id.to_owned()));
        };
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| VaultError::Unreadable)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(VaultError::Unreadable)?;
        let payload = Payload { msg: sealed, aad: place.as_bytes() };
        let opened = key.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| VaultError::Unreadable)?;
        String::from_utf8(opened).map_err(|_| VaultError::Unreadable)
    }
}

/// The id of the key that has sealed a text.
#[must_use]
pub fn key_of(sealed: &str) -> Option<&str> {
    parts(sealed).map(|(id, _)| id)
}

fn parts(sealed: &str) -> Option<(&str, &str)> {
    sealed.strip_prefix(VERSION)?.split_once(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(keys: &[&str]) -> Vault {
        Vault::new(Keys::parse(&keys.join(",")).expect("keys"))
    }

    #[test]
    fn a_secret_opens_only_in_its_place_and_with_its_key() {
        let (key, other) = (Vault::generate_key(), Vault::generate_key());
        let vault_a = vault(&[&key]);
        let sealed = vault_a.seal("src_1/verification", "whsec_x").expect("seals");
        assert!(!sealed.contains("whsec_x"));
        assert_eq!(key_of(&sealed), Some(vault_a.sealing_id().as_str()));
        assert_eq!(vault_a.open("src_1/verification", &sealed), Ok("whsec_x".to_owned()));
        assert_eq!(vault_a.open("src_2/verification", &sealed), Err(VaultError::Unreadable));
        let missing = VaultError::OtherKey(vault_a.sealing_id());
        assert_eq!(vault(&[&other]).open("src_1/verification", &sealed), Err(missing));
        assert_eq!(vault(&[&other, &key]).open("src_1/verification", &sealed), Ok("whsec_x".to_owned()));
        assert_ne!(vault_a.seal("p", "x"), vault_a.seal("p", "x"), "a nonce is used once");
    }

    #[test]
    fn keys_are_32_bytes_in_hexadecimal_and_a_few() {
        let key = "ab".repeat(32);
        for bad in ["", "#", "abc", &"zz".repeat(32), &key[1..], &format!("{key}0")] {
            assert!(Keys::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Keys::parse(&format!(" {key}\n")).expect("a key").ids().len(), 1);
        let two = format!("# of 2026\n{}\n# of 2025\n{key}\n{key}\n", "cd".repeat(32));
        assert_eq!(Keys::parse(&two).expect("keys").ids().len(), 2);
        let many: Vec<_> = (0..9).map(|n| format!("{n:064x}")).collect();
        assert_eq!(Keys::parse(&many.join(",")).map(|keys| keys.ids()), Err(VaultError::BadNumber));
    }

    #[test]
    fn what_seals_is_the_first_key_that_all_have() {
        let (new, old) = ("ab".repeat(32), "cd".repeat(32));
        let vault = vault(&[&new, &old]);
        let ids = vault.ids();
        assert_eq!(vault.sealing_id(), ids[0]);
        vault.agree(&[ids.clone(), vec![ids[1].clone()]]);
        assert_eq!(vault.sealing_id(), ids[1], "one has not got the new one");
        vault.agree(&[ids.clone(), vec![]]);
        assert_eq!(vault.sealing_id(), ids[1], "of one nothing is known");
        vault.agree(&[ids.clone(), ids.clone()]);
        assert_eq!(vault.sealing_id(), ids[0]);
        vault.replace(Keys::parse(&old).expect("a key"));
        assert_eq!(vault.ids(), [ids[1].clone()]);
        vault.replace(Keys::parse(&format!("{new} {old}")).expect("keys"));
        assert_eq!(vault.sealing_id(), ids[1], "until all have it");
    }
}
