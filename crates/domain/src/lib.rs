//! What hookstream speaks about: sources, destinations, connections, events, deliveries and the people who own them.
//!
//! Everything here is data and pure functions. There is no clock, no randomness, no database and no runtime, so the
//! same types serve the server, the REST API and the browser. A value that comes from outside is *parsed* at the edge
//! (`*Input::parse`) into a type that cannot hold what is not allowed; errors name the field ([`field::FieldErrors`]).
//!
//! Wire names are the serde names of these types: the REST API answers with them as they stand.

pub mod api_key;
pub mod audit;
pub mod bulk;
pub mod checks;
pub mod circuit;
pub mod configuration;
pub mod connection;
pub mod dedup;
pub mod delivery;
pub mod destination;
pub mod device;
pub mod event;
pub mod event_path;
pub mod event_type;
pub mod field;
pub mod filter;
pub mod forward;
pub mod health;
pub mod id;
pub mod ip_rules;
pub mod issue;
pub mod ordering;
pub mod org;
pub mod page;
pub mod patch;
pub mod permission;
pub mod project;
pub mod publish;
pub mod rate_limit;
pub mod rehearsal;
pub mod rejection;
pub mod replay;
pub mod retry;
pub mod routes;
#[cfg(feature = "schema")]
pub mod schema;
pub mod session;
pub mod signed_content;
pub mod source;
pub mod team;
pub mod template;
pub mod time;
pub mod verification;
