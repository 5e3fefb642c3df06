//! Delivers: a lane for each destination, so that a slow one holds nothing but itself, and a node's lease on what it
//! has taken.
//!
//! A delivery comes to a lane in one of two ways. The node that accepts an event asks [`Workers::reserve`] for room
//! before it stores the delivery; where there is room it is stored as leased and sent as soon as it is committed,
//! without another look into the database. Everything else is claimed by the lane's pump ([`lane`]): retries, what
//! found no room, what another node left behind. The second way alone is enough for every delivery to be made.
//!
//! Nothing waits in memory: a lane takes no more than it may send at once, and events that are held for sending count
//! against [`EVENT_BUDGET`]. A few deliveries of each lane need neither the room nor the memory that all lanes share, so
//! that no lane stands still because others took everything.

mod lane;
mod lease;
mod send;
mod sweep;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::{
    delivery::Trigger,
    id::{DeliveryId, DestinationId},
};
use store::{
    Result, Store,
    queue::Claimed,
    writer::{NewDelivery, NewEvent, Writer},
};
use tokio::sync::Semaphore;
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

use self::{lane::Lane, lease::Lease, send::Room};
use crate::{clock, http_client::HttpClient, registry::Registry};

/// Deliveries that a node sends at once, beside the few that each lane may send in any case.
const COMMON_WIDTH: usize = 1024;
/// Bytes of events that are kept in memory between their commit and their sending.
const EVENT_BUDGET: usize = 64 << 20;
/// The budget is counted in pieces of this size.
const BUDGET_UNIT: usize = 1024;
/// Events that are read back at once before it is known how large they are.
const READING_BACK: usize = 8;

/// What the workers stand on.
pub struct Parts {
    pub store: Store,
    pub registry: Registry,
    pub client: HttpClient,
    pub writer: Writer,
    pub node: i64,
    pub stop: CancellationToken,
    pub tasks: TaskTracker,
}

/// The running workers of this node. Clones share them.
#[derive(Clone)]
pub struct Workers {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    registry: Registry,
    client: HttpClient,
    /// Taken out at the end, so that the writer can end as well.
    writer: Mutex<Option<Writer>>,
    lease: Lease,
    stop: CancellationToken,
    /// Sends and the acceptances that lead to them.
    sends: TaskTracker,
    /// Ends sends that have not ended in time.
    abort: CancellationToken,
    lanes: Mutex<HashMap<DestinationId, Arc<Lane>>>,
    common_room: Arc<Semaphore>,
    event_budget: Arc<Semaphore>,
    reading_back: Semaphore,
    /// What this node has taken and not yet recorded, to tell leases that nobody works on.
    running: Mutex<HashSet<DeliveryId>>,
}

/// Room in a lane for one delivery.
pub struct Reservation {
    room: Room,
    epoch: u64,
}

impl Workers {
    /// Joins the other nodes, takes over what was left, and starts.
    pub async fn start(parts: Parts) -> Result<Self> {
        let started = clock::now();
        parts.store.heartbeat(parts.node, started).await?;
        let taken_over = parts.store.take_over(parts.node, started).await?;
        if taken_over > 0 {
            tracing::info!(deliveries = taken_over, "took over deliveries that a stopped process had begun");
        }
        let inner = Inner {
            lease: Lease::new(parts.node, parts.store.is_shared()),
            store: parts.store,
            registry: parts.registry,
            client: parts.client,
            writer: Mutex::new(Some(parts.writer)),
            stop: parts.stop,
            sends: TaskTracker::new(),
            abort: CancellationToken::new(),
            lanes: Mutex::default(),
            common_room: Arc::new(Semaphore::new(COMMON_WIDTH)),
            event_budget: Arc::new(Semaphore::new(EVENT_BUDGET / BUDGET_UNIT)),
            reading_back: Semaphore::new(READING_BACK),
            running: Mutex::default(),
        };
        let workers = Self { inner: Arc::new(inner) };
        parts.tasks.spawn(workers.clone().keep_lease(started));
        parts.tasks.spawn(workers.clone().sweep());
        parts.tasks.spawn(workers.clone().hear_signals());
        Ok(workers)
    }

    /// The writer, until the workers have stopped.
    #[must_use]
    pub fn writer(&self) -> Option<Writer> {
        lock(&self.inner.writer).clone()
    }

    /// As long as it is kept, the workers do not end.
    pub fn working(&self) -> TaskTrackerToken {
        self.inner.sends.token()
    }

    /// Room for an event of `bytes` in the lane of a destination, if it may be sent at once. A lane that has older
    /// deliveries waiting gives no room, so that they are not overtaken for ever.
    #[must_use]
    pub fn reserve(&self, destination: DestinationId, bytes: usize) -> Option<Reservation> {
        if self.inner.stop.is_cancelled() {
            return None;
        }
        let epoch = self.inner.lease.epoch()?;
        let place = self.lane(destination).room()?;
        let memory = if place.is_common {
            Some(Arc::clone(&self.inner.event_budget).try_acquire_many_owned(budget_units(bytes)).ok()?)
        } else {
            None
        };
        Some(Reservation { room: Room { place, memory }, epoch })
    }

    /// Sends a delivery that was stored as leased.
    pub fn send_reserved(&self, event: Arc<NewEvent>, delivery: &NewDelivery, reservation: Reservation) {
        let claimed = Claimed {
            env_id: event.env_id,
            id: delivery.id,
            event_id: event.id,
            connection_id: delivery.connection_id,
            destination_id: delivery.destination_id,
            attempt_count: 0,
            trigger: Trigger::Initial,
        };
        let Reservation { room, epoch } = reservation;
        self.start_send(claimed, Some(event), epoch, room);
    }

    /// Looks whether anything of a destination is due.
    pub fn wake(&self, destination: DestinationId) {
        self.lane(destination).wake();
    }

    /// Waits until nothing is being sent, or until `limit` has passed; then ends what is left.
    pub async fn finish(&self, limit: Duration) {
        self.inner.sends.close();
        if tokio::time::timeout(limit, self.inner.sends.wait()).await.is_err() {
            tracing::warn!(deliveries = lock(&self.inner.running).len(), "ending deliveries that did not end in time");
            self.inner.abort.cancel();
            self.inner.sends.wait().await;
        }
        // The last handle: the writer writes what it has, and ends.
        lock(&self.inner.writer).take();
    }

    /// Gives back what was taken and not recorded, and leaves the list of nodes.
    pub async fn leave(&self) {
        match self.inner.store.leave(self.inner.lease.node(), clock::now()).await {
            Ok(0) => {}
            Ok(deliveries) => tracing::info!(deliveries, "gave back deliveries that were not made"),
            Err(error) => tracing::warn!(%error, "leases could not be given back; other nodes will take them over"),
        }
    }

    fn lane(&self, destination: DestinationId) -> Arc<Lane> {
        let mut lanes = lock(&self.inner.lanes);
        if let Some(lane) = lanes.get(&destination) {
            return Arc::clone(lane);
        }
        let lane = Arc::new(Lane::new(destination, Arc::clone(&self.inner.common_room)));
        lanes.insert(destination, Arc::clone(&lane));
        self.inner.sends.spawn(self.clone().pump(Arc::clone(&lane)));
        lane
    }
}

/// How much of the budget an event takes; one that is larger than all of it takes all.
fn budget_units(bytes: usize) -> u32 {
    u32::try_from((bytes / BUDGET_UNIT + 1).min(EVENT_BUDGET / BUDGET_UNIT)).unwrap_or(u32::MAX)
}

/// A lock whose holder panicked still guards sound data: nothing here is changed in steps.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
