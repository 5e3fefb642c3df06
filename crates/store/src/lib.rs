//! What hookstream keeps, in SQLite or PostgreSQL, and the queue that deliveries wait in.
//!
//! [`Store`] is the door. Configuration (organizations, sources, destinations, connections…) is read and written through
//! sea-orm entities, a file a concept; everything of a project goes through [`scope::Scope`], which cannot leave it.
//! The hot path has two actors of its own: [`writer::Writer`] gathers accepted events and finished attempts into
//! group commits, and [`queue`] hands out deliveries to nodes, with leases. Rows never leave this crate: they become
//! types of `domain`, or an error that names the table and column which could not be read.

mod accounts;
mod api_keys;
mod apply;
pub mod arrivals;
pub mod attempts;
mod audit;
mod batch;
mod body;
pub mod bulk;
mod changes;
mod config;
mod connection;
mod connections;
pub mod credentials;
mod db;
mod deliveries;
mod destinations;
pub mod devices;
mod entity;
mod environments;
mod error;
mod event_search;
pub mod event_types;
mod events;
mod forwards;
pub mod gates;
pub mod health;
pub mod idempotency;
mod identities;
pub mod invitations;
pub mod issues;
pub mod jobs;
pub mod members;
mod orgs;
mod postgres;
pub mod queue;
pub mod quota;
pub mod rejections;
pub mod replays;
pub mod retention;
pub mod route_counts;
mod row;
pub mod scope;
mod sealed;
pub mod second_factors;
mod sessions;
pub mod signals;
mod sources;
mod sqlite;
mod wal;
pub mod writer;

pub use accounts::NewAccount;
pub use apply::ConfigChange;
pub use config::ConfigChanges;
pub use db::{Options, Store};
pub use error::{Result, StoreError};
pub use events::{Content, StoredEvent};
pub use identities::Identity;
pub use postgres::{Pooler, STATEMENT_LIMIT};
