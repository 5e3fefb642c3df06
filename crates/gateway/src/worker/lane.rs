//! One destination's lane: what is on its way to it, how much of that is sent at once, and what may still come in.
//!
//! A [`Parcel`] is a delivery that this node has leased. It is sent when the lane has a place for it, and waits in the lane
//! until then; how many may wait follows from how quickly the receiver takes them. A few of each lane are sent whatever the
//! other lanes do, and need no memory that is shared, so that no lane stands still because others took everything.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use domain::{
    id::{DestinationId, EnvId},
    time::Timestamp,
};
use store::{
    queue::Claimed,
    quota::{Quota, Share},
    writer::NewEvent,
};
use tokio::sync::Notify;

use super::width::{Response, Width};

/// Of what a lane holds, how many need nothing of what all lanes share.
const OWN: usize = 2;
/// For each that is sent at once so many are claimed ahead.
const CLAIMED_AHEAD: usize = 2;
/// While more is due, fewer than this are not claimed, so that a claim is worth its while.
const WORTH_A_CLAIM: usize = 8;
/// Deliveries of one claim.
const MOST_CLAIMED: usize = 128;
const NEVER: i64 = i64::MAX;

/// A delivery that this node has leased, and what it needs to be sent.
pub(super) struct Parcel {
    pub claimed: Claimed,
    pub content: Content,
    pub epoch: u64,
    /// Its part of the memory that all lanes share; `None` where it is one of the lane's own.
    pub memory: Option<Share>,
}

/// What is sent of an event.
pub(super) enum Content {
    /// From its acceptance.
    Fresh(Arc<NewEvent>),
    /// From the database.
    Stored(store::Content),
    /// It is read back when its turn comes.
    ToBeRead,
}

/// A parcel whose turn has come.
pub(super) struct Turn {
    pub parcel: Parcel,
    /// One of the places that all lanes share.
    pub place: Option<Share>,
}

/// What all lanes of a node share.
#[derive(Clone)]
pub(super) struct Common {
    /// Deliveries that are sent at once.
    pub places: Arc<Quota>,
    /// Memory for what is on its way, in units.
    pub memory: Arc<Quota>,
}

/// What a node knows of one destination's queue.
pub(super) struct Lane {
    pub destination: DestinationId,
    common: Common,
    state: Mutex<State>,
    wake: Notify,
}

struct State {
    width: Width,
    waiting: VecDeque<Parcel>,
    sending: usize,
    /// Room that was promised to acceptances which are not yet stored.
    promised: usize,
    /// More is due in the database than was claimed, and goes before what comes new.
    is_backlogged: bool,
    /// When something is known to be due next, in microseconds.
    due_hint: i64,
    is_closed: bool,
    /// Nothing more may pass its gate for now, whatever else becomes due.
    is_full: bool,
}

/// Room in a lane for a delivery that is about to be stored.
pub struct Reservation {
    lane: Arc<Lane>,
    memory: Option<Share>,
    epoch: u64,
}

impl Reservation {
    pub(super) fn lane(&self) -> &Arc<Lane> {
        &self.lane
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.lane.lock().promised -= 1;
    }
}

impl Lane {
    pub fn new(destination: DestinationId, common: Common) -> Self {
        let state = State {
            width: Width::new(),
            waiting: VecDeque::new(),
            sending: 0,
            promised: 0,
            // Until the first claim has shown otherwise.
            is_backlogged: true,
            due_hint: NEVER,
            is_closed: false,
            is_full: false,
        };
        Self { destination, common, state: Mutex::new(state), wake: Notify::new() }
    }

    /// Room for one that is about to be stored, unless older ones wait for it in the database.
    pub fn reserve(self: &Arc<Self>, project: EnvId, units: usize, epoch: u64) -> Option<Reservation> {
        let mut state = self.lock();
        let held = state.held();
        if state.is_backlogged || held >= state.width.limit() + state.width.ahead() {
            return None;
        }
        let memory = if held < OWN { None } else { Some(self.common.memory.try_acquire(project, units)?) };
        state.promised += 1;
        drop(state);
        Some(Reservation { lane: Arc::clone(self), memory, epoch })
    }

    /// Takes in a delivery that was stored as leased. Returns what is to be sent now.
    pub fn take_reserved(&self, mut reservation: Reservation, claimed: Claimed, event: Arc<NewEvent>) -> Vec<Turn> {
        let memory = reservation.memory.take();
        let parcel = Parcel { claimed, content: Content::Fresh(event), epoch: reservation.epoch, memory };
        drop(reservation);
        self.take_in([parcel])
    }

    /// Takes in parcels. Returns what is to be sent now.
    pub fn take_in(&self, parcels: impl IntoIterator<Item = Parcel>) -> Vec<Turn> {
        let mut state = self.lock();
        state.waiting.extend(parcels);
        self.next_turns(&mut state)
    }

    /// Takes in parcels that are sent now, however many are being sent.
    pub fn take_in_past_all(&self, parcels: impl IntoIterator<Item = Parcel>) -> Vec<Turn> {
        let turns: Vec<_> = parcels.into_iter().map(|parcel| Turn { parcel, place: None }).collect();
        self.lock().sending += turns.len();
        turns
    }

    /// Takes out what waits, and lets nothing new in before what is in the database.
    pub fn take_out_waiting(&self) -> Vec<Parcel> {
        let mut state = self.lock();
        state.is_backlogged = true;
        state.waiting.drain(..).collect()
    }

    /// Sends few at once again, until its receiver was seen to take more.
    pub fn begin_low(&self) {
        let mut state = self.lock();
        state.width = Width::low();
        state.is_backlogged = true;
    }

    /// How many more could be sent at this moment. When none, the lane wakes its pump as soon as some could.
    pub fn free_places(&self) -> usize {
        let mut state = self.lock();
        let free = state.width.limit().saturating_sub(state.held()).min(MOST_CLAIMED);
        state.is_backlogged |= free == 0;
        state.is_full = false;
        free
    }

    pub fn note_backlog(&self, is_backlogged: bool) {
        self.lock().is_backlogged = is_backlogged;
    }

    /// Nothing more may pass the gate, until the pump looks again or [`Self::note_freed`].
    pub fn note_full(&self) {
        self.lock().is_full = true;
    }

    /// What kept others from passing the gate has ended, or may have.
    pub fn note_freed(&self) {
        self.lock().is_full = false;
        self.wake.notify_one();
    }

    /// Memory for an event that was read back, where there is some.
    pub fn memory_for(&self, project: EnvId, units: usize) -> Option<Share> {
        self.common.memory.try_acquire(project, units)
    }

    /// A delivery has ended; where it was sent, how its receiver took it. Returns what is to be sent next.
    pub fn ended(&self, sent: Option<(Response, Instant)>, now: Instant) -> Vec<Turn> {
        let mut state = self.lock();
        if let Some((response, started)) = sent {
            let was_full = state.sending >= state.width.limit();
            state.width.learn(response, started, now, was_full);
        }
        state.sending -= 1;
        let turns = self.next_turns(&mut state);
        let wants_more = state.is_backlogged && state.room_for_claims() >= WORTH_A_CLAIM.min(state.width.limit());
        drop(state);
        if wants_more {
            self.wake.notify_one();
        }
        turns
    }

    fn next_turns(&self, state: &mut State) -> Vec<Turn> {
        let mut turns = Vec::new();
        while state.sending < state.width.limit()
            && let Some(parcel) = state.waiting.front()
        {
            let place = if state.sending < OWN {
                None
            } else {
                // The lane's own ones end in any case, and then it is asked again.
                let Some(place) = self.common.places.try_acquire(parcel.claimed.env_id, 1) else { break };
                Some(place)
            };
            let Some(parcel) = state.waiting.pop_front() else { break };
            state.sending += 1;
            turns.push(Turn { parcel, place });
        }
        turns
    }

    /// How many may be claimed now. When none, the lane wakes its pump as soon as some may.
    pub fn room_for_claims(&self) -> usize {
        let mut state = self.lock();
        state.is_full = false;
        let room = state.room_for_claims();
        if room == 0 {
            // Something may be due, and must not be overtaken by what comes new.
            state.is_backlogged = true;
        }
        room
    }

    /// Whether the last claim has left something in the database that is due.
    pub fn note_claimed(&self, wanted: usize, claimed: usize) -> bool {
        let is_backlogged = claimed >= wanted;
        self.lock().is_backlogged = is_backlogged;
        is_backlogged
    }

    /// Ends the lane's pump, unless something is on its way. Returns whether it did.
    pub fn close_if_idle(&self) -> bool {
        let mut state = self.lock();
        state.is_closed = state.held() == 0;
        self.wake.notify_one();
        state.is_closed
    }

    pub fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// Something is due.
    pub fn wake(&self) {
        if !self.lock().is_full {
            self.wake.notify_one();
        }
    }

    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Tells that something will be due at `at`.
    pub fn note_due(&self, at: Timestamp) {
        let mut state = self.lock();
        if at.as_micros() < state.due_hint {
            state.due_hint = at.as_micros();
            drop(state);
            self.wake.notify_one();
        }
    }

    /// A hint whose time has come has served; one for later stays, since its row may not be committed yet.
    pub fn forget_passed(&self, now: Timestamp) {
        let mut state = self.lock();
        if state.due_hint <= now.as_micros() {
            state.due_hint = NEVER;
        }
    }

    /// How long until the earlier of `due` and what the lane was told of.
    pub fn wait_until(&self, due: Option<Timestamp>, now: Timestamp) -> Duration {
        let due = due.map_or(NEVER, Timestamp::as_micros).min(self.lock().due_hint);
        Timestamp::from_micros(due).since(now)
    }

    /// Nothing in here is changed in steps that a panic could come between.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn held(&self) -> usize {
        self.sending + self.waiting.len() + self.promised
    }

    fn room_for_claims(&self) -> usize {
        let ahead = self.width.limit() * (1 + CLAIMED_AHEAD);
        ahead.saturating_sub(self.held()).min(MOST_CLAIMED)
    }
}
