//! The dashboard: what the server draws and the browser brings to life.
//!
//! [`App`] holds the router. A page (`pages/`) asks server functions (`api/`) for data and puts it together from the
//! component kit (`components/`) within a frame (`layout/`). Links are typed (`paths`). What only a browser can do is
//! behind `browser`; pages and components never ask where they run.

#![recursion_limit = "512"]

pub mod api;
mod app;
pub mod browser;
pub mod components;
pub mod layout;
pub mod pages;
pub mod paths;
pub mod shell;

pub use app::App;
