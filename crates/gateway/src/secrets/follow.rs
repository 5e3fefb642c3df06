//! Keeps a node's keys as its key file and the other nodes have them.

use std::{path::PathBuf, sync::Arc, time::Duration};

use store::{Result, Store};
use tokio_util::sync::CancellationToken;

use super::{Keys, Vault, rotation};
use crate::registry::Registry;

/// How often the file and the other nodes are asked.
const EVERY: Duration = Duration::from_secs(2);
/// A file of this length holds more than keys.
const MAX_FILE: usize = 64 << 10;

/// What it takes.
pub(crate) struct Follower {
    pub store: Store,
    pub vault: Arc<Vault>,
    pub registry: Registry,
    pub node: i64,
    pub file: Option<PathBuf>,
}

impl Follower {
    /// Says which keys this node has, and seals with the first that all have.
    pub async fn agree(&self) -> Result<()> {
        if !self.store.is_shared() {
            self.vault.agree(&[]);
            return Ok(());
        }
        let own = self.vault.ids();
        self.store.tell_secret_keys(self.node, &own).await?;
        let mut nodes = self.store.secret_keys_of_nodes().await?;
        nodes.push(own);
        self.vault.agree(&nodes);
        Ok(())
    }

    /// Tells of keys that are needed and that nobody gave.
    pub async fn tell_missing(&self) -> Result<()> {
        let census = rotation::Census::take(&self.store).await?;
        for (id, count) in census.missing(&self.vault.ids()) {
            let message = rotation::describe_missing(id, count);
            tracing::error!(key.id = id, values = count.total(), "{message}");
        }
        Ok(())
    }

    /// Goes on until `stop`.
    pub async fn follow(self, stop: CancellationToken) {
        let mut last = self.read();
        // It may have changed since it was read at the start.
        if let Some(text) = &last
            && Keys::parse(text).is_ok_and(|keys| keys.ids() != self.vault.ids())
        {
            self.take(text).await;
        }
        loop {
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = stop.cancelled() => return,
            }
            let now = self.read();
            if now != last {
                if let Some(text) = &now {
                    self.take(text).await;
                }
                last = now;
            }
            if let Err(error) = self.agree().await {
                tracing::debug!(%error, "the keys of the other nodes could not be read; what seals stays the same");
            }
        }
    }

    fn read(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.file.as_ref()?).ok()?;
        (text.len() <= MAX_FILE).then_some(text)
    }

    async fn take(&self, text: &str) {
        match Keys::parse(text) {
            Ok(keys) => {
                tracing::info!(key.ids = keys.ids().join(" "), "the key file has changed");
                self.vault.replace(keys);
                // What could not be opened may be by now.
                let done = async {
                    self.registry.reload().await?;
                    self.tell_missing().await
                };
                if let Err(error) = done.await {
                    tracing::warn!(%error, "what the new keys open could not be read anew");
                }
            }
            Err(error) => {
                tracing::error!(%error, "the key file is not valid any more; the keys that were read before stay in use");
            }
        }
    }
}
