//! What can be seen of a queue from outside, in the words of the model: the store is read into one of these, and the
//! reference is asked for another.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    delivery::{DeliveryStatus, Trigger},
    event::EventStatus,
    time::Timestamp,
};

/// Destinations are numbered, and so are connections; this says where each connection leads.
pub const ROUTES: [usize; 4] = [0, 0, 1, 2];
pub const DESTINATIONS: usize = 3;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    pub deliveries: BTreeMap<u32, Seen>,
    pub events: BTreeMap<u32, (EventStatus, Tally)>,
    /// The numbers of the attempts of each delivery that has any, as they count up.
    pub attempts: BTreeMap<u32, Vec<u32>>,
    pub nodes: BTreeSet<i64>,
    pub next_due: [Option<Timestamp>; DESTINATIONS],
    pub queued: Vec<(usize, Timestamp)>,
    pub held_connections: Vec<usize>,
    /// Of each node that has any.
    pub leased: BTreeMap<i64, BTreeSet<u32>>,
}

/// A delivery as its row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub event: u32,
    pub status: DeliveryStatus,
    pub due: Option<Timestamp>,
    pub owner: Option<i64>,
    pub attempts: u32,
    pub trigger: Trigger,
    pub is_dlq: bool,
}

/// What a node has been given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    pub delivery: u32,
    pub event: u32,
    pub route: usize,
    pub attempts: u32,
    pub trigger: Trigger,
}

/// What a call gave back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Nothing,
    Taken(Vec<Taken>),
    Count(u64),
    Changed(bool),
}

impl View {
    /// What has to be so whatever happened, said of the view alone.
    pub fn check(&self) {
        for (number, seen) in &self.deliveries {
            let is_open = !seen.status.is_final();
            assert!(seen.due.is_none() || seen.owner.is_none(), "delivery {number} is both due and leased: {seen:?}");
            assert_eq!(seen.owner.is_some(), seen.status == DeliveryStatus::InFlight, "delivery {number}: {seen:?}");
            let is_queued = matches!(seen.status, DeliveryStatus::Pending | DeliveryStatus::Waiting);
            assert_eq!(seen.due.is_some(), is_queued, "delivery {number}: {seen:?}");
            let is_reachable = seen.due.is_some() || seen.owner.is_some() || seen.status == DeliveryStatus::Held;
            assert_eq!(is_open, is_reachable, "delivery {number} is open but stuck, or final but queued: {seen:?}");
            assert_eq!(seen.is_dlq, seen.status == DeliveryStatus::Failed, "delivery {number}: {seen:?}");
            let attempts = self.attempts.get(number).map_or(0, Vec::len);
            assert!(
                seen.attempts as usize <= attempts,
                "delivery {number} counts attempts that are not there: {seen:?}"
            );
        }
        for (event, (status, tally)) in &self.events {
            let of_event = self.deliveries.values().filter(|seen| seen.event == *event);
            assert_eq!(*tally, Tally::of(of_event.map(|seen| seen.status)), "event {event}");
            assert_eq!(*status, tally.status(), "event {event}: {tally:?}");
        }
    }
}

/// How many deliveries of an event stand where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub open: u32,
    pub succeeded: u32,
    pub failed: u32,
}

impl Tally {
    pub fn of(deliveries: impl Iterator<Item = DeliveryStatus>) -> Self {
        let mut tally = Self::default();
        for status in deliveries {
            match status {
                DeliveryStatus::Succeeded => tally.succeeded += 1,
                DeliveryStatus::Failed => tally.failed += 1,
                _ if !status.is_final() => tally.open += 1,
                _ => {}
            }
        }
        tally
    }

    /// One that is out of attempts outweighs what is still to come, and that outweighs what has succeeded.
    pub const fn status(self) -> EventStatus {
        match self {
            Self { failed: 1.., .. } => EventStatus::Failed,
            Self { open: 1.., .. } => EventStatus::Processing,
            Self { succeeded: 1.., .. } => EventStatus::Delivered,
            _ => EventStatus::Received,
        }
    }
}
