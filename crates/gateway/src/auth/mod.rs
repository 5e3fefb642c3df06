//! Passwords of people and keys of programs: made here, kept only as hashes.

pub mod key;
pub mod limits;
pub mod password;
pub mod strength;
pub mod token;
pub mod totp;
