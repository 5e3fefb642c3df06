//! What really happened when, to tell afterwards what followed from what. A failed test shows it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// All faults of a run, in the order of their ends.
pub struct Timeline {
    start: Instant,
    incidents: Mutex<Vec<Incident>>,
}

#[derive(Debug, Clone, Copy)]
pub struct Incident {
    /// As the report counts it.
    pub kind: &'static str,
    pub reach: Reach,
    pub from: Instant,
    pub to: Instant,
}

/// What a fault can lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The node of this number died at `from`, with all that it had not recorded.
    Died(usize),
    /// The node of this number was asked to end: it records what it can.
    Stopped(usize),
    /// The node of this number stood still.
    Froze(usize),
    /// The node of this number did not come through to its database as usual.
    CutOff(usize),
    /// None did.
    AllCutOff,
    /// Nothing that a delivery would have to be repeated for, but for what the receiver itself knows of.
    Nothing,
}

impl Timeline {
    pub fn new() -> Self {
        Self { start: Instant::now(), incidents: Mutex::default() }
    }

    /// Notes what began at `from` and ends now.
    pub fn note(&self, kind: &'static str, reach: Reach, from: Instant) {
        self.note_until(kind, reach, from, Instant::now());
    }

    /// Notes what ends at `to`.
    pub fn note_until(&self, kind: &'static str, reach: Reach, from: Instant, to: Instant) {
        let incident = Incident { kind, reach, from, to };
        let (begun, took) = (from.saturating_duration_since(self.start), incident.to - from);
        println!("{:8.3} s  {kind} {reach:?}, for {:.3} s", begun.as_secs_f64(), took.as_secs_f64());
        self.incidents.lock().unwrap_or_else(PoisonError::into_inner).push(incident);
    }

    pub fn incidents(&self) -> Vec<Incident> {
        self.incidents.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// When the last of them is over.
    pub fn over(&self) -> Option<Instant> {
        self.incidents().iter().map(|incident| incident.to).max()
    }

    /// How many of each kind there were.
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for incident in self.incidents() {
            *counts.entry(incident.kind).or_default() += 1;
        }
        counts
    }

    /// The longest that a node stood still.
    pub fn longest_freeze(&self) -> Duration {
        let freezes = self.incidents().into_iter().filter(|incident| matches!(incident.reach, Reach::Froze(_)));
        freezes.map(|freeze| freeze.to - freeze.from).max().unwrap_or_default()
    }
}
