//! The pages. Each asks the server functions for its data ([`loaded`]), keeps it fresh while it is looked at ([`live`]),
//! and changes things through forms ([`forms`]). All but the signed-out ones stand in the frame of a project
//! ([`project`]), which says what the visitor may do there.

#![allow(clippy::wildcard_imports, reason = "a page is put together from the whole component kit")]

pub mod account;
mod answers;
pub mod connections;
pub mod dead_letters;
pub mod destinations;
pub mod device;
pub mod events;
pub mod forms;
pub mod home;
pub mod invitation;
pub mod issues;
pub mod live;
pub mod loaded;
pub mod new_organization;
pub mod new_project;
pub mod no_such_page;
pub mod overview;
pub mod project;
pub mod replays;
pub mod settings;
pub mod sources;
pub mod visitor;

use crate::components::count;

/// `1 event`, `1,204 events`.
fn counted(number: u64, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{} {thing}s", count(number)) }
}
