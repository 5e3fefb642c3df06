//! The server has no window: nothing here does anything.

use std::time::Duration;

use domain::time::Timestamp;

use super::Heard;
use crate::shell::Theme;

/// Runs until it is dropped.
#[derive(Debug)]
pub struct Ticker;

/// Open until it is dropped.
pub struct Socket;

/// The visitor's clock.
#[must_use]
pub const fn now() -> Option<Timestamp> {
    None
}

/// Puts `text` on the clipboard and says whether that worked.
pub fn copy(_text: String, _done: impl FnOnce(bool) + 'static) {}

/// Shows the page in `theme` and keeps it in the cookie that the server reads.
pub const fn set_theme(_theme: Theme) {}

/// The theme that the page is shown in.
#[must_use]
pub const fn theme() -> Option<Theme> {
    None
}

/// Calls `tick` each `period`.
pub fn every(_period: Duration, _tick: impl Fn() + 'static) -> Option<Ticker> {
    None
}

/// Calls `run` once after `delay`.
pub fn after(_delay: Duration, _run: impl FnOnce() + 'static) {}

/// Opens a WebSocket.
pub fn connect(_path: &str, _greeting: &'static str, _heard: impl Fn(Heard) + 'static) -> Option<Socket> {
    None
}

/// Moves the focus to the element.
pub const fn focus(_id: &str) {}

/// Opens a `<dialog>` as a modal one.
pub const fn open_dialog(_id: &str) {}

/// Closes a `<dialog>`; the focus goes back to where it was.
pub const fn close_dialog(_id: &str) {}

/// Opens a `<details>`.
pub const fn open_details(_id: &str) {}

/// Closes a `<details>`.
pub const fn close_details(_id: &str) {}

/// Closes a popover, if it is one and open.
pub const fn hide_popover(_id: &str) {}

/// The behaviour that the whole page shares: menus close on Escape and on clicks elsewhere, `j` and `k` walk over the
/// rows of a table, `/` goes to the search field, arrows walk over tabs. Installed once, however often it is called.
pub const fn install_page_keys() {}
