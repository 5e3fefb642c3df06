//! Every type of destination against a real peer: what is delivered is read back from the peer by its own means, and
//! what goes wrong is said so that a person can mend it. `docs/destinations.md` has the table of them.
//!
//! The peers' programs are installed by `cargo xtask peers`; [`process`] starts them. One serves all tests of its kind, each
//! of which has queues, topics and names of its own. Where a peer cannot be brought to do a thing, a [`front`] before
//! it does.

/// Runs tests on SQLite alone: what they show has nothing to do with the database.
macro_rules! on_sqlite {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name().await;
                }
            )*
        }
    };
}

mod front;
pub mod process;
mod trip;

mod aws;
mod http;
mod kafka;
mod pubsub;
mod rabbitmq;
mod websocket;

use crate::world::Proxy;

/// A proxy before a peer at `http://127.0.0.1:…`.
async fn proxy_before(url: &str) -> Proxy {
    Proxy::before(&format!("{}/", url.trim_end_matches('/').replacen("http://", "http://peer@", 1))).await
}
