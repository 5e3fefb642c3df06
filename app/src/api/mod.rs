//! The server functions: all that the browser can ask of the server, a file a resource.
//!
//! Each goes the same way. [`caller`] finds out who asks and opens the project for them (a foreign one is not found), the
//! gateway does the work and checks the permission, and its errors become an [`ApiError`], which knows its HTTP status.
//! Forms without JavaScript post here too: they are sent on to a page, or back to the form with what was wrong and what
//! was typed.
//!
//! All are `POST`, with fixed paths under `/api`. Ids come as text and are parsed here: a malformed id is not found,
//! like a foreign one.

pub mod account;
pub mod account_links;
pub mod api_keys;
pub mod audit;
#[cfg(feature = "ssr")]
pub mod caller;
pub mod connections;
pub mod dead_letters;
#[cfg(feature = "ssr")]
mod destination_form;
pub mod destinations;
pub mod device;
mod error;
pub mod events;
mod form;
pub mod invitations;
pub mod issues;
pub mod json_text;
pub mod names;
pub mod once;
pub mod organizations;
pub mod own_account;
pub mod page_status;
pub mod projects;
pub mod rehearsal;
pub mod replays;
pub mod routes;
pub mod sources;
pub mod team;

pub use error::ApiError;
pub use form::{Form, Typed};
