//! Gathers which types of events come to which sources, and what their payloads look like, beside the way of the events.
//! What was gathered in the last seconds is lost with the process; it is for people to read, not to count money by.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use domain::{
    event_type::Shape,
    id::{EnvId, SourceId},
    time::Timestamp,
};
use store::{Store, event_types::SeenType};
use tokio_util::sync::CancellationToken;

/// How often what was gathered is written down.
const EVERY: Duration = Duration::from_secs(3);
/// Types that are gathered meanwhile.
const MAX_GATHERED: usize = 2_000;
/// Payloads of a type that are looked at meanwhile, and how long they may be.
const SAMPLES: usize = 3;
const MAX_SAMPLE: usize = 64 << 10;

#[derive(Default)]
pub(crate) struct EventTypes {
    gathered: Mutex<BTreeMap<Key, Gathered>>,
}

/// By source first, so that nodes write them in one order.
type Key = (SourceId, Box<str>);

struct Gathered {
    env_id: EnvId,
    count: u64,
    first_at: Timestamp,
    last_at: Timestamp,
    samples: Vec<Bytes>,
}

impl EventTypes {
    /// Notes an event that was stored. `content` is its body, decompressed.
    pub fn note(&self, env: EnvId, source: SourceId, event_type: Option<&str>, at: Timestamp, content: &Bytes) {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = gathered.len() >= MAX_GATHERED;
        let key = (source, Box::from(event_type.unwrap_or_default()));
        if is_full && !gathered.contains_key(&key) {
            return;
        }
        let entry = gathered.entry(key).or_insert_with(|| Gathered {
            env_id: env,
            count: 0,
            first_at: at,
            last_at: at,
            samples: Vec::new(),
        });
        entry.count += 1;
        entry.last_at = entry.last_at.max(at);
        if entry.samples.len() < SAMPLES && content.len() <= MAX_SAMPLE {
            entry.samples.push(content.clone());
        }
    }

    /// Writes down what is gathered, until `stop`.
    pub async fn keep(&self, store: Store, stop: CancellationToken) {
        let mut is_last = false;
        while !is_last {
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = stop.cancelled() => is_last = true,
            }
            let gathered = std::mem::take(&mut *self.gathered.lock().unwrap_or_else(PoisonError::into_inner));
            if gathered.is_empty() {
                continue;
            }
            let Ok(seen) =
                tokio::task::spawn_blocking(move || gathered.into_iter().map(seen).collect::<Vec<_>>()).await
            else {
                continue;
            };
            if let Err(error) = store.add_event_types(&seen).await {
                tracing::warn!(%error, "the types of the last events could not be noted");
            }
        }
    }
}

fn seen((key, gathered): (Key, Gathered)) -> SeenType {
    let mut shape = Shape::default();
    for sample in gathered.samples {
        if let Ok(payload) = serde_json::from_slice(&sample) {
            shape.add(&payload);
        }
    }
    SeenType {
        env_id: gathered.env_id,
        source_id: key.0,
        name: key.1.into(),
        count: gathered.count,
        first_at: gathered.first_at,
        last_at: gathered.last_at,
        shape,
    }
}
