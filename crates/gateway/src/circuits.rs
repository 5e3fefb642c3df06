//! The circuits at hand: which destinations are not plainly closed, as this moment's snapshot.
//!
//! Most are closed and have seen no failure lately, and none of those is in here. [`Circuits::follow`] makes the next
//! snapshot when somebody says that a circuit has changed, or at the latest when it asks, twice a second.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use domain::{
    circuit::{Circuit, CircuitState},
    id::DestinationId,
};
use store::{Result, Store, gates::Noted, signals::Signal};
use tokio::sync::{Mutex, broadcast::error::RecvError};
use tokio_util::sync::CancellationToken;

/// How old a snapshot may be when no signal comes.
const POLL: Duration = Duration::from_millis(500);
/// Signals that come together are answered by one look.
const GATHER: Duration = Duration::from_millis(5);

/// The newest snapshot. Clones share it.
#[derive(Clone)]
pub struct Circuits {
    store: Store,
    current: Arc<ArcSwap<HashMap<DestinationId, Known>>>,
    /// One look at a time, so that none puts an older state over a newer one.
    turn: Arc<Mutex<()>>,
}

/// What is known of a circuit that is not plainly closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    circuit: Circuit,
    /// When it may be tried, by this node's steady clock: the one that circuits go by is the database's.
    try_at: Instant,
}

/// Whether a destination may be sent anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Open,
    /// Not before so long has passed.
    Shut(Duration),
    /// One delivery may be tried, by whoever is first.
    Try,
}

/// A circuit that is not what it was, but for its failures while it is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    pub destination: DestinationId,
    pub state: CircuitState,
}

impl Circuits {
    pub async fn load(store: Store) -> Result<Self> {
        let circuits = Self { store, current: Arc::default(), turn: Arc::default() };
        circuits.refresh().await?;
        Ok(circuits)
    }

    /// Whether deliveries to a destination may go out.
    #[must_use]
    pub fn way(&self, destination: DestinationId, now: Instant) -> Way {
        let current = self.current.load();
        match current.get(&destination) {
            Some(known) if known.circuit.state() != CircuitState::Closed => {
                let wait = known.try_at.saturating_duration_since(now);
                if wait.is_zero() { Way::Try } else { Way::Shut(wait) }
            }
            _ => Way::Open,
        }
    }

    /// Whether the circuit of a destination is closed.
    #[must_use]
    pub fn is_closed(&self, destination: DestinationId) -> bool {
        let current = self.current.load();
        current.is_empty()
            || current.get(&destination).is_none_or(|known| known.circuit.state() == CircuitState::Closed)
    }

    /// What a circuit is.
    #[must_use]
    pub fn state(&self, destination: DestinationId) -> CircuitState {
        self.current.load().get(&destination).map_or(CircuitState::Closed, |known| known.circuit.state())
    }

    /// Whether a success would change anything about it.
    #[must_use]
    pub fn has_failed(&self, destination: DestinationId) -> bool {
        self.current.load().contains_key(&destination)
    }

    /// Looks anew. Returns the circuits whose state has changed.
    pub async fn refresh(&self) -> Result<Vec<Change>> {
        let _turn = self.turn.lock().await;
        let noted = self.store.noted_circuits().await?;
        let read = Instant::now();
        let next: HashMap<_, _> = noted.iter().map(|noted| (noted.destination, known(noted, read))).collect();
        let before = self.current.swap(Arc::new(next.clone()));
        let ids = before.keys().chain(next.keys().filter(|id| !before.contains_key(*id)));
        Ok(ids
            .filter(|id| shut_in(&before, **id) != shut_in(&next, **id))
            .map(|id| Change {
                destination: *id,
                state: shut_in(&next, *id).map_or(CircuitState::Closed, Circuit::state),
            })
            .collect())
    }

    /// Keeps the snapshot true until `stop`, and hands on what changes.
    pub async fn follow(self, stop: CancellationToken, mut on_change: impl FnMut(Change)) {
        let mut signals = self.store.signals().subscribe();
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = poll.tick() => {}
                signal = signals.recv() => match signal {
                    Ok(Signal::Gate(_) | Signal::Missed) | Err(RecvError::Lagged(_)) => {
                        tokio::time::sleep(GATHER).await;
                        // What has come meanwhile is seen by the same look.
                        while let Ok(_) | Err(tokio::sync::broadcast::error::TryRecvError::Lagged(_)) = signals.try_recv() {}
                    }
                    Ok(_) => continue,
                    Err(RecvError::Closed) => return,
                },
            }
            match self.refresh().await {
                Ok(changes) => changes.into_iter().for_each(&mut on_change),
                Err(error) => tracing::warn!(%error, "circuits could not be read anew; what was known stays in use"),
            }
        }
    }
}

/// A circuit that is not closed.
fn shut_in(circuits: &HashMap<DestinationId, Known>, id: DestinationId) -> Option<Circuit> {
    circuits.get(&id).map(|known| known.circuit).filter(|circuit| circuit.state() != CircuitState::Closed)
}

fn known(noted: &Noted, read: Instant) -> Known {
    let wait = match noted.circuit {
        Circuit::Closed { .. } => Duration::ZERO,
        Circuit::Open { retry_at, .. } => retry_at.since(noted.now),
        Circuit::HalfOpen { .. } if noted.is_probe_lost => Duration::ZERO,
        Circuit::HalfOpen { probe, .. } => probe.until.since(noted.now),
    };
    Known { circuit: noted.circuit, try_at: read + wait }
}
