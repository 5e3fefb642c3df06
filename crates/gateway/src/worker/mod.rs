//! Delivers: a lane for each destination, so that a slow one holds nothing but itself, and a node's lease on what it
//! has taken.
//!
//! A delivery comes to a lane in one of two ways. The node that accepts an event asks [`Workers::reserve`] for room
//! before it stores the delivery; where there is room it is stored as leased and sent as soon as it is committed,
//! without another look into the database. Everything else is claimed by the lane's [`pump`]: retries, what
//! found no room, what another node left behind. The second way alone is enough for every delivery to be made.
//!
//! What is leased and waits in memory for its turn is bounded by how quickly its receiver takes it ([`lane`], [`width`]), and
//! by what all lanes share ([`Quota`]), of which no project gets all. What does not fit stays in the database.

mod gate;
mod lane;
mod lease;
mod pump;
mod send;
mod sweep;
mod width;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::{
    delivery::Trigger,
    id::{DeliveryId, DestinationId, EnvId},
    time::Timestamp,
};
use store::{
    Result, Store,
    queue::Claimed,
    quota::Quota,
    writer::{NewDelivery, NewEvent, Writer},
};
use tokio::sync::Semaphore;
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

pub use self::lane::Reservation;
use self::{
    lane::{Common, Lane},
    lease::Lease,
};
use crate::{
    circuits::Circuits, clock, http_client::HttpClient, hub::Hub, registry::Registry, route_counts::RouteCounts,
};

/// Deliveries that a node sends at once, beside the few that each lane may send in any case.
const COMMON_PLACES: usize = 2048;
/// Bytes of events that are kept in memory between their commit and their sending.
const EVENT_BUDGET: usize = 64 << 20;
/// The budget is counted in pieces of this size.
const BUDGET_UNIT: usize = 1024;
/// What an event takes in memory beside its body.
const EVENT_OVERHEAD: usize = 2048;
/// Events that are read back at once before it is known how large they are.
const READING_BACK: usize = 8;

/// What the workers stand on.
pub struct Parts {
    pub store: Store,
    pub registry: Registry,
    pub circuits: Circuits,
    pub client: HttpClient,
    pub hub: Hub,
    pub(crate) counts: Arc<RouteCounts>,
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
    circuits: Circuits,
    client: HttpClient,
    hub: Hub,
    counts: Arc<RouteCounts>,
    /// Taken out at the end, so that the writer can end as well.
    writer: Mutex<Option<Writer>>,
    lease: Lease,
    stop: CancellationToken,
    /// Sends and the acceptances that lead to them.
    sends: TaskTracker,
    /// Ends sends that have not ended in time.
    abort: CancellationToken,
    lanes: Mutex<HashMap<DestinationId, Arc<Lane>>>,
    common: Common,
    reading_back: Semaphore,
    /// What this node has taken and not yet recorded, to tell leases that nobody works on.
    running: Mutex<HashSet<DeliveryId>>,
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
            circuits: parts.circuits,
            client: parts.client,
            hub: parts.hub,
            counts: parts.counts,
            writer: Mutex::new(Some(parts.writer)),
            stop: parts.stop,
            sends: TaskTracker::new(),
            abort: CancellationToken::new(),
            lanes: Mutex::default(),
            common: Common { places: Quota::new(COMMON_PLACES), memory: Quota::new(EVENT_BUDGET / BUDGET_UNIT) },
            reading_back: Semaphore::new(READING_BACK),
            running: Mutex::default(),
        };
        let workers = Self { inner: Arc::new(inner) };
        parts.tasks.spawn(workers.clone().keep_lease(started));
        parts.tasks.spawn(workers.clone().sweep());
        parts.tasks.spawn(workers.clone().hear_signals());
        parts.tasks.spawn({
            let (circuits, stop) = (workers.inner.circuits.clone(), workers.inner.stop.clone());
            let workers = workers.clone();
            circuits.follow(stop, move |change| workers.circuit_changed(change))
        });
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

    /// Room for an event of `bytes` in the lane of a destination, if it may go the short way. A lane that has older
    /// deliveries waiting in the database gives no room, so that they are not overtaken for ever.
    #[must_use]
    pub fn reserve(&self, project: EnvId, destination: DestinationId, bytes: usize) -> Option<Reservation> {
        if self.inner.stop.is_cancelled() {
            return None;
        }
        if !self.inner.circuits.is_closed(destination) {
            return None;
        }
        let epoch = self.inner.lease.epoch()?;
        self.lane(destination).reserve(project, budget_units(bytes), epoch)
    }

    /// Sends a delivery that was stored as leased.
    pub fn send_reserved(&self, event: &Arc<NewEvent>, delivery: &NewDelivery, reservation: Reservation) {
        let claimed = Claimed {
            env_id: event.env_id,
            id: delivery.id,
            event_id: event.id,
            connection_id: delivery.connection_id,
            destination_id: delivery.destination_id,
            attempt_count: 0,
            trigger: Trigger::Initial,
            order_key: None,
            is_probe: false,
        };
        self.note_running([claimed.id]);
        let lane = Arc::clone(reservation.lane());
        let turns = lane.take_reserved(reservation, claimed, Arc::clone(event));
        self.begin(&lane, turns);
    }

    /// Looks whether anything of a destination is due.
    pub fn wake(&self, destination: DestinationId) {
        self.lane(destination).wake();
    }

    /// Tells that something of a destination will be due.
    pub fn note_due(&self, destination: DestinationId, at: Timestamp) {
        self.lane(destination).note_due(at);
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

    fn note_running(&self, deliveries: impl IntoIterator<Item = DeliveryId>) {
        self.running().extend(deliveries);
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashSet<DeliveryId>> {
        lock(&self.inner.running)
    }

    fn lane(&self, destination: DestinationId) -> Arc<Lane> {
        let mut lanes = lock(&self.inner.lanes);
        if let Some(lane) = lanes.get(&destination) {
            return Arc::clone(lane);
        }
        let lane = Arc::new(Lane::new(destination, self.inner.common.clone()));
        lanes.insert(destination, Arc::clone(&lane));
        self.inner.sends.spawn(self.clone().pump(Arc::clone(&lane)));
        lane
    }
}

/// How much of the budget an event takes.
const fn budget_units(body_bytes: usize) -> usize {
    (body_bytes + EVENT_OVERHEAD).div_ceil(BUDGET_UNIT)
}

/// A lock whose holder panicked still guards sound data: nothing here is changed in steps.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
