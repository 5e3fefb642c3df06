//! Connections: the picture and the list of routes, and the editor of one.

mod delete;
mod editor;
mod list;
mod picture;
mod rules;
mod table;
mod why;

pub use editor::{ConnectionPage, NewConnectionPage};
pub use list::ConnectionsPage;
pub use table::ConnectionTable;
pub use why::{because, pointers};
