//! What only a browser can do: clipboard, cookies, focus, dialogs, timers, server-sent events.
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

/// Listens to a stream of server-sent events for as long as the calling component lives; `None` closes it.
///
/// Each message's data goes to `on_message`. The browser reconnects by itself.
pub fn use_live(url: Signal<Option<String>>, on_message: Callback<String>) {
    Effect::new(move |_: Option<Option<Subscription>>| {
        url.get().and_then(|url| subscribe(&url, move |data| on_message.run(data)))
    });
}
