//! API keys. They are long and random, so that a plain SHA-256 is enough to keep them by.

use domain::{api_key::key_text, project::Mode};
use sha2::{Digest, Sha256};

use crate::clock;

/// How much of a key is kept to recognise it by.
const PREFIX_LENGTH: usize = 12;

/// A new key: its text, which is shown once, what is kept of it, and what it is recognised by.
pub struct GeneratedKey {
    pub text: String,
    pub hash: Vec<u8>,
    pub prefix: String,
}

#[must_use]
pub fn generate(mode: Mode) -> GeneratedKey {
    let text = key_text(mode, clock::secret_bytes());
    GeneratedKey { hash: hash(&text), prefix: text[..PREFIX_LENGTH].to_owned(), text }
}

#[must_use]
pub fn hash(key: &str) -> Vec<u8> {
    Sha256::digest(key.as_bytes()).to_vec()
}
