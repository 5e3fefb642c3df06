//! The component kit: what every page is put together from.
//!
//! A file a component, with a style sheet of the same name in `style/`. Texts are `Signal<String>`, slots are
//! `ViewFnOnce`; every component returns a view of one erased type, so that pages compile fast and stay small; nothing here fetches anything, knows a page or asks on which side it runs ([`crate::browser`] does).

pub mod alert;
pub mod button;
pub mod card;
pub mod chart;
pub mod chips;
pub mod choice;
pub mod code;
pub mod copy;
pub mod dialog;
pub mod diff;
pub mod empty;
pub mod facts;
pub mod field;
pub mod figures;
pub mod form;
pub mod gallery;
pub mod header_list;
pub mod icon;
pub mod input;
pub mod json_view;
pub mod menu;
pub mod page_header;
pub mod skeleton;
pub mod stat;
pub mod status;
pub mod steps;
pub mod table;
pub mod tabs;
pub mod time;
pub mod timeline;
pub mod toast;

pub use alert::*;
pub use button::*;
pub use card::*;
pub use chart::*;
pub use chips::*;
pub use choice::*;
pub use code::*;
pub use copy::*;
pub use dialog::*;
pub use diff::*;
pub use empty::*;
pub use facts::*;
pub use field::*;
pub use figures::*;
pub use form::*;
pub use gallery::*;
pub use header_list::*;
pub use icon::*;
pub use input::*;
pub use json_view::*;
pub use menu::*;
pub use page_header::*;
pub use skeleton::*;
pub use stat::*;
pub use status::*;
pub use steps::*;
pub use table::*;
pub use tabs::*;
pub use time::*;
pub use timeline::*;
pub use toast::*;
