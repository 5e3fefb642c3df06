//! The frames that pages stand in: the dashboard's, the one of the signed-out pages, the ones of errors.

pub mod auth;
pub mod error_page;
pub mod frame;
pub mod logo;
pub mod theme_switch;
pub mod two_pane;

pub use auth::*;
pub use error_page::*;
pub use frame::*;
pub use logo::*;
pub use theme_switch::*;
pub use two_pane::*;
