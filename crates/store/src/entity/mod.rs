//! The tables of configuration as sea-orm sees them. Private to the store.

pub mod api_key;
pub mod connection;
pub mod destination;
pub mod environment;
pub mod membership;
pub mod org;
pub mod source;
pub mod user;
