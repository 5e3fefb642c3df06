//! The stages of a webhook's way, in their order: [`ingest`], [`route`], [`deliver`], [`record`]. None calls another;
//! each takes what the one before it made, and [`crate::worker`] and the store carry it along.

pub mod deliver;
pub mod ingest;
pub mod record;
pub mod replay;
pub mod route;
