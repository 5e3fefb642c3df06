//! Passwords of people and keys of programs: made here, kept only as hashes.

pub mod key;
pub mod password;
