//! What only a browser can do: clipboard, cookies, focus, dialogs, timers, WebSockets.
//!
//! Two files offer the same functions: `dom` for the browser, `server` that does nothing. Components call these and
//! never ask where they run.

#[cfg(feature = "hydrate")]
mod dom;
#[cfg(not(feature = "hydrate"))]
mod server;

use leptos::prelude::*;

#[cfg(feature = "hydrate")]
pub use dom::*;
#[cfg(not(feature = "hydrate"))]
pub use server::*;

/// What comes by way of a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    Message(String),
    /// The connection has ended, or could not be made. Unless the server has sent the visitor away, it is tried again.
    Lost,
}

/// Keeps a WebSocket open for as long as the calling component lives; `None` closes it. Each time that it opens, `greeting` is
/// sent.
pub fn use_socket(path: Memo<Option<String>>, greeting: &'static str, on_heard: Callback<Heard>) {
    Effect::new(move |_: Option<Option<Socket>>| {
        path.get().and_then(|path| connect(&path, greeting, move |heard| on_heard.run(heard)))
    });
}
