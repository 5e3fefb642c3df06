//! The types of destinations, a file each.

pub mod http;
