//! Where time and randomness come from: the only place that asks the system for them.

use std::time::{SystemTime, UNIX_EPOCH};

use domain::time::Timestamp;

/// The system's clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system for the time")]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Bits for an id.
#[must_use]
pub fn id_bits() -> u128 {
    rand::random()
}

/// Bytes that nobody can guess: for keys, secrets and nonces.
#[must_use]
pub fn secret_bytes<const N: usize>() -> [u8; N] {
    rand::random()
}

/// Evenly between -1 and 1, to spread retries.
#[must_use]
pub fn spread() -> f64 {
    rand::random::<f64>() * 2.0 - 1.0
}

/// A number by which a node is known while it runs. Never 0, never negative.
#[must_use]
pub fn node_number() -> i64 {
    (rand::random::<i64>() & i64::MAX).max(1)
}
