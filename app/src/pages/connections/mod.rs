//! Connections: the list of routes, a new one, one with its settings.

mod detail;
mod list;
mod new;
mod table;

pub use detail::ConnectionPage;
pub use list::ConnectionsPage;
pub use new::NewConnectionPage;
pub use table::ConnectionTable;
