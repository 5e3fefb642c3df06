//! One destination's lane: how much it is sent at once, and the pump that claims what is due.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use domain::{destination::DestinationStatus, id::DestinationId, time::Timestamp};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::{Workers, send::Room};
use crate::clock;

/// Deliveries of one claim.
const CLAIM: usize = 64;
/// While more is waiting, a pump lets this much room gather before it claims again, or waits this long.
const WORTH_A_CLAIM: usize = 16;
const GATHER_ROOM: Duration = Duration::from_millis(2);
/// The longest a pump sleeps without looking.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);
const AFTER_ERROR: Duration = Duration::from_secs(1);
const NEVER: i64 = i64::MAX;

/// Deliveries that one destination is sent at once.
const WIDTH: usize = 64;
/// Of these, how many need no room and no memory that other lanes could have taken.
const OWN_WIDTH: usize = 2;

/// What a node knows of one destination's queue.
pub(super) struct Lane {
    pub destination: DestinationId,
    width: Arc<Semaphore>,
    /// Room that is this lane's alone, so that it moves whatever the others do.
    own: Arc<Semaphore>,
    /// Room that all lanes of the node share.
    common: Arc<Semaphore>,
    /// More is due than the last claim could take.
    is_backlogged: AtomicBool,
    /// When something is known to be due next, in microseconds.
    due_hint: AtomicI64,
    wake: Notify,
}

/// Room for one delivery to be sent.
pub(super) struct Place {
    _width: OwnedSemaphorePermit,
    _share: OwnedSemaphorePermit,
    /// Of the room that all lanes share, so that its event counts against the memory that they share.
    pub is_common: bool,
}

impl Lane {
    pub fn new(destination: DestinationId, common: Arc<Semaphore>) -> Self {
        Self {
            destination,
            width: Arc::new(Semaphore::new(WIDTH)),
            own: Arc::new(Semaphore::new(OWN_WIDTH)),
            common,
            // Until the first claim has shown otherwise.
            is_backlogged: AtomicBool::new(true),
            due_hint: AtomicI64::new(NEVER),
            wake: Notify::new(),
        }
    }

    /// Room for one more, unless others are waiting for it.
    pub fn room(&self) -> Option<Place> {
        if self.is_backlogged.load(Ordering::Relaxed) { None } else { self.free_place() }
    }

    fn free_place(&self) -> Option<Place> {
        let width = Arc::clone(&self.width).try_acquire_owned().ok()?;
        let (share, is_common) = match Arc::clone(&self.own).try_acquire_owned() {
            Ok(own) => (own, false),
            Err(_) => (Arc::clone(&self.common).try_acquire_owned().ok()?, true),
        };
        Some(Place { _width: width, _share: share, is_common })
    }

    async fn next_place(&self) -> Option<Place> {
        let width = Arc::clone(&self.width).acquire_owned().await.ok()?;
        let (share, is_common) = tokio::select! {
            biased;
            own = Arc::clone(&self.own).acquire_owned() => (own, false),
            common = Arc::clone(&self.common).acquire_owned() => (common, true),
        };
        Some(Place { _width: width, _share: share.ok()?, is_common })
    }

    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Tells that something will be due at `at`.
    pub fn note_due(&self, at: Timestamp) {
        if self.due_hint.fetch_min(at.as_micros(), Ordering::Relaxed) > at.as_micros() {
            self.wake.notify_one();
        }
    }

    /// A hint whose time has come has served; one for later stays, since its row may not be committed yet.
    fn forget_passed(&self, now: Timestamp) {
        let hint = self.due_hint.load(Ordering::Relaxed);
        if hint <= now.as_micros() {
            // When it was changed meanwhile, the new one counts.
            let _ = self.due_hint.compare_exchange(hint, NEVER, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// One place, and as many more as there are at that moment, up to a claim's worth.
    async fn take_places(&self) -> Vec<Place> {
        let Some(first) = self.next_place().await else { return Vec::new() };
        if self.is_backlogged.load(Ordering::Relaxed) && self.width.available_permits() < WORTH_A_CLAIM {
            tokio::time::sleep(GATHER_ROOM).await;
        }
        let mut taken = vec![first];
        while taken.len() < CLAIM
            && let Some(more) = self.free_place()
        {
            taken.push(more);
        }
        taken
    }
}

impl Workers {
    /// Claims what is due for a destination and has it sent, until the node stops.
    pub(super) async fn pump(self, lane: Arc<Lane>) {
        while !self.inner.stop.is_cancelled() {
            let sleep = self.pump_once(&lane).await;
            if sleep.is_zero() {
                continue;
            }
            tokio::select! {
                () = self.inner.stop.cancelled() => return,
                () = lane.wake.notified() => {}
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    /// Claims once. Returns how long to sleep before the next time.
    async fn pump_once(&self, lane: &Arc<Lane>) -> Duration {
        let snapshot = self.inner.registry.snapshot();
        let is_paused = snapshot
            .target(lane.destination)
            .is_some_and(|target| target.destination.status == DestinationStatus::Paused);
        if is_paused {
            return LONGEST_SLEEP;
        }
        let Some(epoch) = self.inner.lease.epoch() else { return AFTER_ERROR };
        let places = tokio::select! {
            places = lane.take_places() => places,
            () = self.inner.stop.cancelled() => return LONGEST_SLEEP,
        };
        let now = clock::now();
        lane.forget_passed(now);
        let wanted = places.len();
        let limit = u32::try_from(wanted).unwrap_or(u32::MAX);
        let claimed = match self.inner.store.claim(self.inner.lease.node(), lane.destination, now, limit).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(destination.id = %lane.destination, %error, "claiming deliveries failed; trying again");
                return AFTER_ERROR;
            }
        };
        let is_backlogged = claimed.len() == wanted;
        lane.is_backlogged.store(is_backlogged, Ordering::Relaxed);
        for (delivery, place) in claimed.into_iter().zip(places) {
            self.start_send(delivery, None, epoch, Room { place, memory: None });
        }
        if is_backlogged {
            return Duration::ZERO;
        }
        match self.inner.store.next_due(lane.destination).await {
            Ok(due) => {
                let due = due.map_or(NEVER, Timestamp::as_micros).min(lane.due_hint.load(Ordering::Relaxed));
                // At least a moment, so that a row that another node is about to take is not asked for in a loop.
                Timestamp::from_micros(due).since(clock::now()).clamp(Duration::from_millis(1), LONGEST_SLEEP)
            }
            Err(_) => AFTER_ERROR,
        }
    }
}
