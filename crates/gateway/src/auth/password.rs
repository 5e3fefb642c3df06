//! Passwords: argon2id, off the async threads, a few at a time, since each takes 19 MiB and tens of milliseconds.

use std::sync::LazyLock;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;

use crate::clock;

/// How many are hashed at once; others wait.
const AT_ONCE: usize = 2;
static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);

/// The hash of a password nobody has: a sign-in with an unknown e-mail takes as long as one with a wrong password.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash_now("nobody has this password").unwrap_or_default());

#[derive(Debug, thiserror::Error)]
#[error("the password could not be hashed: {0}")]
pub struct HashError(String);

pub async fn hash(password: String) -> Result<String, HashError> {
    in_turn(move || hash_now(&password)).await?
}

/// Whether `password` is the one that `hash` was made of. Without a hash it works as long, and says no.
pub async fn verify(password: String, hash: Option<String>) -> Result<bool, HashError> {
    in_turn(move || {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY.clone());
        let parsed = PasswordHash::new(&hash).map_err(|error| HashError(error.to_string()))?;
        Ok(Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok() && known)
    })
    .await?
}

async fn in_turn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, HashError> {
    let _turn = TURNS.acquire().await.map_err(|error| HashError(error.to_string()))?;
    tokio::task::spawn_blocking(work).await.map_err(|error| HashError(error.to_string()))
}

fn hash_now(password: &str) -> Result<String, HashError> {
    let salt = clock::secret_bytes::<16>();
    let hash: PasswordHash = Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(|error| HashError(error.to_string()))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_opens() {
        let hash = hash("correct horse".into()).await.expect("hashes");
        assert!(hash.starts_with("$argon2id$"));
        assert!(verify("correct horse".into(), Some(hash.clone())).await.expect("verifies"));
        assert!(!verify("wrong horse".into(), Some(hash)).await.expect("verifies"));
        assert!(!verify("nobody has this password".into(), None).await.expect("verifies"));
    }
}
