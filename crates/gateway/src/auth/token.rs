//! What is long and random enough to be kept as a plain SHA-256: links that are sent, ids of sessions, recovery codes.

use domain::id::UserId;
use sha2::{Digest, Sha256};

use super::totp::base32;
use crate::clock;

/// Recovery codes of a second factor.
pub const RECOVERY_CODES: usize = 10;

/// A new token for a link: 256 bits in hexadecimal digits.
#[must_use]
pub fn generate() -> String {
    hex::encode(clock::secret_bytes::<32>())
}

#[must_use]
pub fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// What a session is kept by, given the id in its cookie.
#[must_use]
pub fn session_hash(id: i128) -> Vec<u8> {
    Sha256::digest(id.to_be_bytes()).to_vec()
}

/// New recovery codes: 80 bits each, as `abcd-efgh-ijkl-mnop`.
#[must_use]
pub fn recovery_codes() -> Vec<String> {
    let code = || {
        let letters = base32(&clock::secret_bytes::<10>()).to_lowercase();
        let parts: Vec<&str> = (0..letters.len()).step_by(4).map(|at| &letters[at..at + 4]).collect();
        parts.join("-")
    };
    (0..RECOVERY_CODES).map(|_| code()).collect()
}

/// What a recovery code is kept by, however it was typed.
#[must_use]
pub fn recovery_hash(user: UserId, code: &str) -> Vec<u8> {
    let letters: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    hash(&format!("{user}:{}", letters.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_codes_are_known_however_they_are_typed() {
        let codes = recovery_codes();
        assert_eq!(codes.len(), RECOVERY_CODES);
        assert!(codes.iter().all(|code| code.len() == 19), "{codes:?}");
        let (ana, ben) = (UserId::from_u128(1), UserId::from_u128(2));
        assert_eq!(recovery_hash(ana, "abcd-efgh-ijkl-mnop"), recovery_hash(ana, " ABCD EFGH IJKLMNOP "));
        assert_ne!(recovery_hash(ana, &codes[0]), recovery_hash(ben, &codes[0]));
    }
}
