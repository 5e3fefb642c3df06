//! Wake-ups: something changed. They carry no data, may be lost, and may come twice; whoever listens looks into the
//! database, and looks from time to time without being told.
//!
//! Within a process they go over a broadcast channel. On PostgreSQL they also go to the other processes by NOTIFY,
//! gathered for a few milliseconds and sent outside of the transactions they speak of, since a NOTIFY inside one
//! makes all commits of the database wait for one another.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::id::{DestinationId, EnvId};
use sqlx::{PgPool, postgres::PgListener};
use tokio::sync::{Notify, broadcast};

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Sources, destinations, connections or keys.
    Config,
    /// Deliveries to this destination are due.
    Due(DestinationId),
    /// Events or deliveries of this project, as a person looking at them would see.
    Activity(EnvId),
    /// The connection to other nodes was lost for a while: anything may have changed.
    Missed,
}

/// How long signals are gathered before they go to the other processes.
const GATHER: Duration = Duration::from_millis(20);
/// How long activity is gathered before anybody hears of it: thousands of events a second are one piece of news.
const GATHER_ACTIVITY: Duration = Duration::from_millis(100);
const RECONNECT: Duration = Duration::from_secs(1);
/// Payloads of one NOTIFY statement; a backlog beyond it is told as `Missed`.
const MAX_GATHERED: usize = 1000;
const CHANNEL: &str = "hookstream";

#[derive(Clone)]
pub struct Signals {
    local: broadcast::Sender<Signal>,
    activity: Arc<Activity>,
    others: Option<Arc<Others>>,
}

#[derive(Default)]
struct Activity {
    gathered: Mutex<HashSet<EnvId>>,
    waiting: Notify,
}

struct Others {
    pool: PgPool,
    /// Tells one's own notifications from those of others.
    origin: String,
    gathered: Mutex<HashSet<Signal>>,
    waiting: Notify,
}

impl Signals {
    pub(crate) fn local() -> Self {
        Self { local: broadcast::channel(4096).0, activity: Arc::default(), others: None }
    }

    pub(crate) fn shared(pool: PgPool) -> Self {
        let origin = format!("{:016x}", random_origin());
        let others = Others { pool, origin, gathered: Mutex::default(), waiting: Notify::new() };
        Self { local: broadcast::channel(4096).0, activity: Arc::default(), others: Some(Arc::new(others)) }
    }

    /// Tells everybody; of activity a little later, and once for all that has come together.
    pub fn send(&self, signal: Signal) {
        if let Signal::Activity(env) = signal {
            if lock(&self.activity.gathered).insert(env) {
                self.activity.waiting.notify_one();
            }
        } else {
            self.spread(signal);
        }
    }

    fn spread(&self, signal: Signal) {
        // No receiver is no error: nobody waits.
        let _ = self.local.send(signal);
        self.tell_others(signal);
    }

    /// Tells the other processes alone.
    pub fn tell_others(&self, signal: Signal) {
        let Some(others) = &self.others else { return };
        let mut gathered = lock(&others.gathered);
        if gathered.contains(&Signal::Missed) {
            return;
        }
        if gathered.len() >= MAX_GATHERED {
            gathered.clear();
            gathered.insert(Signal::Missed);
        } else {
            gathered.insert(signal);
        }
        drop(gathered);
        others.waiting.notify_one();
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Signal> {
        self.local.subscribe()
    }

    /// Carries signals, within the process and to and from the others, until it is dropped.
    pub async fn run(&self) {
        match &self.others {
            Some(others) => {
                tokio::join!(self.tell_activity(), self.hear(others), tell(others));
            }
            None => self.tell_activity().await,
        }
    }

    async fn tell_activity(&self) {
        loop {
            self.activity.waiting.notified().await;
            tokio::time::sleep(GATHER_ACTIVITY).await;
            let gathered = std::mem::take(&mut *lock(&self.activity.gathered));
            for env in gathered {
                self.spread(Signal::Activity(env));
            }
        }
    }

    async fn hear(&self, others: &Others) {
        loop {
            match self.listen(others).await {
                Ok(()) => {}
                Err(error) => tracing::warn!(%error, "listening for changes of other nodes failed; polling goes on"),
            }
            tokio::time::sleep(RECONNECT).await;
            let _ = self.local.send(Signal::Missed);
        }
    }

    async fn listen(&self, others: &Others) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect_with(&others.pool).await?;
        listener.listen(CHANNEL).await?;
        while let Some(notification) = listener.try_recv().await? {
            let Some((origin, signal)) = notification.payload().split_once(' ') else { continue };
            if origin != others.origin
                && let Some(signal) = decode(signal)
            {
                let _ = self.local.send(signal);
            }
        }
        Ok(())
    }
}

/// A lock whose holder panicked still guards a sound set.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn tell(others: &Others) {
    loop {
        others.waiting.notified().await;
        tokio::time::sleep(GATHER).await;
        let gathered = std::mem::take(&mut *lock(&others.gathered));
        let payloads: Vec<String> =
            gathered.into_iter().map(|signal| format!("{} {}", others.origin, encode(signal))).collect();
        let sent = sqlx::query("SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload")
            .bind(CHANNEL)
            .bind(payloads)
            .execute(&others.pool)
            .await;
        if let Err(error) = sent {
            tracing::debug!(%error, "telling other nodes of a change failed; they will poll");
        }
    }
}

/// The standard library seeds its hash maps from the system's randomness, which is all that is needed here.
fn random_origin() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

fn encode(signal: Signal) -> String {
    match signal {
        Signal::Config => "config".into(),
        Signal::Missed => "missed".into(),
        Signal::Due(id) => format!("due {id}"),
        Signal::Activity(id) => format!("activity {id}"),
    }
}

fn decode(text: &str) -> Option<Signal> {
    match text.split_once(' ') {
        None if text == "config" => Some(Signal::Config),
        None if text == "missed" => Some(Signal::Missed),
        Some(("due", id)) => id.parse().ok().map(Signal::Due),
        Some(("activity", id)) => id.parse().ok().map(Signal::Activity),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_read_back() {
        for signal in [
            Signal::Config,
            Signal::Missed,
            Signal::Due(DestinationId::from_u128(7)),
            Signal::Activity(EnvId::from_u128(9)),
        ] {
            assert_eq!(decode(&encode(signal)), Some(signal));
        }
        assert_eq!(decode("due nonsense"), None);
    }
}
