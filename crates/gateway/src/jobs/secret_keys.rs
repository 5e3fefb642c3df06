//! Brings what earlier secret keys have sealed under the one that comes first, once every node has that.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use store::Result;

use super::{Job, Progress, Turn};
use crate::secrets::{Vault, rotation};

/// How long a run may take.
const RUN: Duration = Duration::from_secs(5);
/// When it is looked again where there was nothing left: a node that had not yet heard of the new key may have sealed by the
/// old one.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

pub(super) struct SecretKeys {
    vault: Arc<Vault>,
    /// The key that had sealed everything, and when.
    seen: Option<(String, Instant)>,
}

impl SecretKeys {
    pub fn new(vault: Arc<Vault>) -> Self {
        Self { vault, seen: None }
    }
}

impl Job for SecretKeys {
    const NAME: &'static str = "secret_keys";
    const EVERY: Duration = Duration::from_secs(3);

    async fn run(&mut self, turn: &Turn) -> Result<Progress> {
        let (ids, key) = (self.vault.ids(), self.vault.sealing_id());
        // Nothing goes back under an old key because one node lacks the new one.
        if ids.len() < 2 || ids[0] != key {
            return Ok(Progress::Done);
        }
        if self.seen.as_ref().is_some_and(|(seen, at)| *seen == key && at.elapsed() < LOOK_AGAIN) {
            return Ok(Progress::Done);
        }
        let begun = Instant::now();
        let mut is_whole = true;
        let done = rotation::reseal(&turn.store, &self.vault, |_| {
            is_whole = !turn.is_over() && begun.elapsed() < RUN;
            is_whole
        })
        .await?;
        if done.rows > 0 {
            tracing::info!(key.id = key, rows = done.rows, "sealed stored secrets anew with the new key");
        }
        if !is_whole {
            return Ok(Progress::More);
        }
        if done.unreadable > 0 {
            tracing::error!(rows = done.unreadable, "stored secrets that cannot be opened were left as they are");
        }
        self.seen = Some((key, begun));
        Ok(Progress::Done)
    }
}
