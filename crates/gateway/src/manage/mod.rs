//! What people and programs can do: the use cases of the dashboard, the API and the CLI, each of which checks who asks.
//!
//! A [`Caller`] gets [`Access`] to a project by [`Gateway::access`]; everything inside of the project takes that, and
//! asks it for the permission it needs. What belongs to the organization, as its members, takes an [`OrgAccess`]. There is no
//! other way in.

mod access;
mod accounts;
mod api_keys;
mod audit;
mod bulk;
mod channels;
mod configuration;
mod connections;
mod deliveries;
mod destinations;
pub(crate) mod devices;
mod environments;
mod error;
mod events;
mod forwards;
mod health;
mod idempotency;
mod ingest;
mod input;
mod invitations;
mod issues;
pub(crate) mod live;
mod members;
mod organizations;
pub mod people;
mod picture;
mod preview;
mod publish;
mod rehearsal;
mod rejections;
mod replays;
mod routes;
mod sources;
mod streams;

pub use self::{
    access::{Access, ApiKeyCaller, Caller, OrgAccess, Who},
    accounts::{Bootstrap, SignedUp},
    devices::NoToken,
    error::Error,
    idempotency::{Claim, Claimed, KeptAnswer, MAX_KEPT},
    ingest::{Acknowledged, Admission, Taken},
    input::parse_input,
    invitations::SentInvitation,
    live::Activity,
    people::{EmailChange, Origin, SignIn},
    streams::{Begin, Missed},
};
pub use crate::{
    pipeline::ingest::{BodyRoom, IngestRequest, Refusal, RequestHead},
    providers::Reply,
};

pub type Result<T> = std::result::Result<T, Error>;
