//! The queue in the plainest terms, without a database: the store has to behave as this does.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::{
    delivery::{DeliveryStatus, Trigger},
    time::Timestamp,
};
use store::writer::Start;

use crate::{
    transition::{Outcome, Transition},
    view::{Answer, ROUTES, Seen, Taken, Tally, View},
};

pub const EPOCH: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);

/// Whom a node takes for gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// Many nodes at once: whoever has not shown for too long that it is alive (PostgreSQL).
    Shared,
    /// One after the other: everybody else (SQLite).
    Alone,
}

#[derive(Debug, Clone)]
pub struct Reference {
    pub sharing: Sharing,
    pub now: Timestamp,
    pub nodes: BTreeMap<i64, Node>,
    pub deliveries: BTreeMap<u32, Delivery>,
    /// The deliveries of each event.
    pub events: BTreeMap<u32, Vec<u32>>,
    /// All outcomes that were ever handed to the store, in their order; the place of one is its attempt's number.
    pub records: Vec<Record>,
    /// What the last transition gave back.
    pub answer: Answer,
}

#[derive(Debug, Clone, Default)]
pub struct Node {
    /// It may accept and claim. One that is not may still have last words: its outcomes come late.
    pub is_working: bool,
    pub listing: Listing,
    /// What it believes it holds, rightly or not.
    pub beliefs: Vec<Belief>,
}

/// How a node stands in the list of nodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Listing {
    #[default]
    Absent,
    Alive,
    /// Its last sign of life is too long ago.
    Expired,
}

/// A delivery as it was when it was given to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Belief {
    pub delivery: u32,
    pub attempts: u32,
    pub trigger: Trigger,
}

#[derive(Debug, Clone)]
pub struct Delivery {
    pub event: u32,
    pub route: usize,
    pub standing: Standing,
    /// Attempts that counted.
    pub attempts: u32,
    pub trigger: Trigger,
    /// Attempts that were made, whether they counted or not.
    pub made: Vec<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Pending { due: Timestamp },
    Waiting { due: Timestamp },
    Taken { by: i64 },
    Held,
    Succeeded,
    Failed,
    Cancelled,
    Skipped,
}

/// An outcome that was handed to the store.
#[derive(Debug, Clone, Copy)]
pub struct Record {
    pub node: i64,
    pub belief: Belief,
    pub outcome: Outcome,
    pub at: Timestamp,
}

impl Reference {
    pub fn new(sharing: Sharing) -> Self {
        Self {
            sharing,
            now: EPOCH,
            nodes: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            events: BTreeMap::new(),
            records: Vec::new(),
            answer: Answer::Nothing,
        }
    }

    /// The number of the next node, event or delivery: they count up.
    pub fn next_node(&self) -> i64 {
        self.nodes.keys().max().map_or(1, |last| last + 1)
    }

    pub fn next_event(&self) -> u32 {
        u32::try_from(self.events.len()).expect("few events")
    }

    pub fn next_delivery(&self) -> u32 {
        u32::try_from(self.deliveries.len()).expect("few deliveries")
    }

    pub fn later(&self, seconds: u32) -> Timestamp {
        self.now.plus(Duration::from_secs(u64::from(seconds)))
    }

    pub fn apply(&mut self, transition: &Transition) {
        self.answer = self.step(transition);
    }

    fn step(&mut self, transition: &Transition) -> Answer {
        match transition {
            Transition::Start => self.start(),
            Transition::Kill { node } => {
                let node = self.node(*node);
                node.is_working = false;
                node.beliefs.clear();
            }
            Transition::FallSilent { node } => self.node(*node).listing = Listing::Expired,
            Transition::Heartbeat { node } => self.node(*node).listing = Listing::Alive,
            Transition::TakeOver { node } => return Answer::Count(self.take_over(*node)),
            Transition::Leave { node } => {
                *self.node(*node) = Node::default();
                return Answer::Count(self.release(*node));
            }
            Transition::Accept { node, events } => {
                for routes in events {
                    self.accept(*node, routes);
                }
            }
            Transition::Claim { node, destination, limit } => {
                return Answer::Taken(self.claim(*node, *destination, *limit));
            }
            Transition::Record { node, outcomes } => {
                for (belief, outcome) in outcomes {
                    self.forget(*node, belief);
                    let record = Record { node: *node, belief: *belief, outcome: *outcome, at: self.now };
                    self.records.push(record);
                    let delivery = self.delivery(belief.delivery);
                    delivery.made.push(belief.attempts + 1);
                    delivery.made.sort_unstable();
                    self.settle(record);
                }
            }
            Transition::RecordAgain { record } => self.settle(self.records[*record]),
            Transition::Hold { node, belief } => self.put_back(*node, belief, |_| Standing::Held),
            Transition::GiveBack { node, belief, seconds } => {
                let due = self.later(*seconds);
                self.put_back(*node, belief, |delivery| delivery.queued_again(due));
            }
            Transition::Drop { node, belief } => self.put_back(*node, belief, |_| Standing::Cancelled),
            Transition::Cancel { delivery } => {
                let delivery = self.delivery(*delivery);
                let may = delivery.status().may_cancel();
                if may {
                    delivery.standing = Standing::Cancelled;
                }
                return Answer::Changed(may);
            }
            Transition::Retry { delivery } => {
                let now = self.now;
                let delivery = self.delivery(*delivery);
                let may = delivery.status().may_retry();
                if may {
                    delivery.standing = Standing::Pending { due: now };
                    delivery.trigger = Trigger::Manual;
                }
                return Answer::Changed(may);
            }
            Transition::Release { route } => {
                return Answer::Count(self.queue_again(|it| it.route == *route && it.standing == Standing::Held));
            }
            Transition::Pass { seconds } => self.now = self.later(*seconds),
        }
        Answer::Nothing
    }

    fn start(&mut self) {
        if self.sharing == Sharing::Alone {
            self.nodes.values_mut().for_each(|node| node.is_working = false);
        }
        let node = Node { is_working: true, listing: Listing::Alive, beliefs: Vec::new() };
        self.nodes.insert(self.next_node(), node);
    }

    fn accept(&mut self, node: i64, routes: &BTreeMap<usize, Start>) {
        let event = self.next_event();
        let mut of_event = Vec::new();
        for (route, start) in routes {
            let number = self.next_delivery();
            let standing = match start {
                Start::Leased => Standing::Taken { by: node },
                Start::Due => Standing::Pending { due: self.now },
                Start::DueAt(due) => Standing::Pending { due: *due },
                Start::Held => Standing::Held,
                Start::Skipped => Standing::Skipped,
            };
            let trigger = Trigger::Initial;
            let delivery = Delivery { event, route: *route, standing, attempts: 0, trigger, made: Vec::new() };
            if *start == Start::Leased {
                self.node(node).beliefs.push(Belief { delivery: number, attempts: 0, trigger });
            }
            self.deliveries.insert(number, delivery);
            of_event.push(number);
        }
        self.events.insert(event, of_event);
    }

    fn claim(&mut self, node: i64, destination: usize, limit: u32) -> Vec<Taken> {
        let mut due: Vec<(Timestamp, u32)> = self
            .deliveries
            .iter()
            .filter(|(_, delivery)| ROUTES[delivery.route] == destination)
            .filter_map(|(number, delivery)| delivery.due().map(|due| (due, *number)))
            .filter(|(due, _)| *due <= self.now)
            .collect();
        due.sort_unstable();
        let mut numbers: Vec<u32> = due.into_iter().take(limit as usize).map(|(_, number)| number).collect();
        numbers.sort_unstable();
        let mut taken = Vec::new();
        for number in numbers {
            let delivery = self.delivery(number);
            delivery.standing = Standing::Taken { by: node };
            let Delivery { event, route, attempts, trigger, .. } = *delivery;
            self.node(node).beliefs.push(Belief { delivery: number, attempts, trigger });
            taken.push(Taken { delivery: number, event, route, attempts, trigger });
        }
        taken
    }

    /// An outcome counts for whoever holds the delivery, and once.
    fn settle(&mut self, record: Record) {
        let delivery = self.delivery(record.belief.delivery);
        if delivery.standing != (Standing::Taken { by: record.node }) || delivery.attempts != record.belief.attempts {
            return;
        }
        delivery.attempts += 1;
        delivery.trigger = Trigger::Retry;
        delivery.standing = match record.outcome {
            Outcome::Succeeded => Standing::Succeeded,
            Outcome::GaveUp => Standing::Failed,
            Outcome::RetryIn { seconds } => {
                Standing::Waiting { due: record.at.plus(Duration::from_secs(u64::from(seconds))) }
            }
        };
    }

    /// Ends a belief without an attempt.
    fn put_back(&mut self, node: i64, belief: &Belief, to: impl FnOnce(&Delivery) -> Standing) {
        self.forget(node, belief);
        let delivery = self.delivery(belief.delivery);
        if delivery.standing == (Standing::Taken { by: node }) {
            delivery.standing = to(delivery);
        }
    }

    fn take_over(&mut self, by: i64) -> u64 {
        for (number, node) in &mut self.nodes {
            if *number != by && (self.sharing == Sharing::Alone || node.listing == Listing::Expired) {
                node.listing = Listing::Absent;
            }
        }
        let gone = |(number, node): &(&i64, &Node)| **number != by && node.listing == Listing::Absent;
        let gone: Vec<i64> = self.nodes.iter().filter(gone).map(|(number, _)| *number).collect();
        gone.into_iter().map(|node| self.release(node)).sum()
    }

    fn release(&mut self, node: i64) -> u64 {
        self.queue_again(|delivery| delivery.standing == Standing::Taken { by: node })
    }

    fn queue_again(&mut self, which: impl Fn(&Delivery) -> bool) -> u64 {
        let mut count = 0;
        for delivery in self.deliveries.values_mut().filter(|delivery| which(delivery)) {
            delivery.standing = delivery.queued_again(self.now);
            count += 1;
        }
        count
    }

    fn forget(&mut self, node: i64, belief: &Belief) {
        self.node(node).beliefs.retain(|other| other != belief);
    }

    fn node(&mut self, number: i64) -> &mut Node {
        self.nodes.get_mut(&number).expect("a node that was started")
    }

    fn delivery(&mut self, number: u32) -> &mut Delivery {
        self.deliveries.get_mut(&number).expect("a delivery that was accepted")
    }

    pub fn view(&self) -> View {
        let mut view = View::default();
        for (number, delivery) in &self.deliveries {
            view.deliveries.insert(*number, delivery.seen());
            if !delivery.made.is_empty() {
                view.attempts.insert(*number, delivery.made.clone());
            }
            if let Standing::Taken { by } = delivery.standing {
                view.leased.entry(by).or_default().insert(*number);
            }
            if let Some(due) = delivery.due() {
                let first = &mut view.next_due[ROUTES[delivery.route]];
                *first = Some(first.map_or(due, |first| first.min(due)));
            }
        }
        for (event, deliveries) in &self.events {
            let statuses = deliveries.iter().map(|delivery| self.deliveries[delivery].status());
            let tally = Tally::of(statuses);
            view.events.insert(*event, (tally.status(), tally));
        }
        for (number, node) in &self.nodes {
            if node.listing != Listing::Absent {
                view.nodes.insert(*number);
            }
        }
        let queued = view.next_due.iter().enumerate();
        view.queued = queued.filter_map(|(destination, due)| due.map(|due| (destination, due))).collect();
        let held = self.deliveries.values().filter(|delivery| delivery.standing == Standing::Held);
        let held: BTreeSet<usize> = held.map(|delivery| delivery.route).collect();
        view.held_connections = held.into_iter().collect();
        view
    }
}

impl Delivery {
    pub fn status(&self) -> DeliveryStatus {
        match self.standing {
            Standing::Pending { .. } => DeliveryStatus::Pending,
            Standing::Waiting { .. } => DeliveryStatus::Waiting,
            Standing::Taken { .. } => DeliveryStatus::InFlight,
            Standing::Held => DeliveryStatus::Held,
            Standing::Succeeded => DeliveryStatus::Succeeded,
            Standing::Failed => DeliveryStatus::Failed,
            Standing::Cancelled => DeliveryStatus::Cancelled,
            Standing::Skipped => DeliveryStatus::Skipped,
        }
    }

    fn due(&self) -> Option<Timestamp> {
        match self.standing {
            Standing::Pending { due } | Standing::Waiting { due } => Some(due),
            _ => None,
        }
    }

    /// Where it goes when it comes back without having been tried.
    fn queued_again(&self, due: Timestamp) -> Standing {
        if self.attempts == 0 { Standing::Pending { due } } else { Standing::Waiting { due } }
    }

    fn seen(&self) -> Seen {
        let owner = match self.standing {
            Standing::Taken { by } => Some(by),
            _ => None,
        };
        Seen {
            event: self.event,
            status: self.status(),
            due: self.due(),
            owner,
            attempts: self.attempts,
            trigger: self.trigger,
            is_dlq: self.standing == Standing::Failed,
        }
    }
}
