//! Why a delivery came more than once.
//!
//! A delivery may be made again only when its node could not know, or could not write down, that it had been made:
//!
//! - the receiver had not said yes in time;
//! - the node died before it wrote down the answer;
//! - the node was cut off from the database for so long that others had to take it for dead. Only with PostgreSQL: an
//!   SQLite file has one process, which nobody takes anything over from;
//! - the node stood still while the answer lay there, until it was too late for it.
//!
//! A request does not say which node sent it, so a fault of any node explains it, but only at the time that counts:
//! from the request until the answer must have been written down. That takes moments ([`RECORDED`]), and as long as
//! anything was cut off from the database meanwhile, since records wait for it.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use super::{
    receiver::{Arrival, TIMEOUT},
    timeline::{Incident, Reach},
};

/// Why a delivery was made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    Receiver,
    NodeDied,
    CutOff,
    Froze,
}

/// What came again, by its cause, and what came again without one.
#[derive(Default)]
pub struct Repeats {
    pub explained: BTreeMap<Cause, usize>,
    pub unexplained: Vec<String>,
}

/// How long it takes at most to write an answer down when nothing stands against it, on a machine with much else to do.
const RECORDED: Duration = Duration::from_secs(3);
/// A request may lie with the receiver for so long before it is noted.
const NOTED: Duration = Duration::from_secs(1);
/// A node is taken for dead 7 s after its last heartbeat, and there is one every second.
const ROBBED_AFTER: Duration = Duration::from_secs(5);
/// Between two faults that follow each other so closely, no heartbeat need have come through.
const HEARTBEAT: Duration = Duration::from_secs(2);

impl Repeats {
    /// `arrivals` are in the order in which they came.
    pub fn of(arrivals: &[Arrival], incidents: &[Incident], nodes: usize) -> Self {
        let history = History::of(incidents, nodes);
        let mut repeats = Self::default();
        let mut last: HashMap<&str, &Arrival> = HashMap::new();
        for next in arrivals {
            let Some(previous) = last.insert(&next.delivery, next) else { continue };
            match history.explain(previous, next) {
                Some(cause) => *repeats.explained.entry(cause).or_default() += 1,
                None => {
                    repeats.unexplained.push(format!("{previous:?} and {:?} later {next:?}", next.at - previous.at));
                }
            }
        }
        repeats
    }
}

type Span = (Instant, Instant);

struct History {
    /// When nodes died, and with what they had not written down.
    deaths: Vec<Instant>,
    freezes: Vec<Span>,
    /// When records may have waited.
    impaired: Vec<Span>,
    /// When a node may have been taken for dead.
    robbed: Vec<Span>,
}

impl History {
    fn of(incidents: &[Incident], nodes: usize) -> Self {
        let of = |wanted: &dyn Fn(Reach) -> bool| -> Vec<Span> {
            let wanted = incidents.iter().filter(|incident| wanted(incident.reach));
            wanted.map(|incident| (incident.from, incident.to)).collect()
        };
        let freezes = of(&|reach| matches!(reach, Reach::Froze(_)));
        let cut_off = |node| {
            move |reach: Reach| {
                matches!(reach, Reach::AllCutOff) || [Reach::Froze(node), Reach::CutOff(node)].contains(&reach)
            }
        };
        let mut deaths: Vec<Instant> = of(&|reach| matches!(reach, Reach::Died(_))).iter().map(|span| span.0).collect();
        let mut robbed = Vec::new();
        for node in 0..nodes {
            let spans = joined(of(&cut_off(node)), HEARTBEAT);
            // Asked to stop while it was cut off, it had to give up in the end.
            let stops = of(&|reach| reach == Reach::Stopped(node));
            deaths
                .extend(stops.iter().filter(|stop| spans.iter().any(|span| overlap(**stop, *span))).map(|stop| stop.1));
            // Alone, nobody takes anything over.
            if nodes > 1 {
                robbed.extend(spans.into_iter().filter(|(from, to)| *to - *from >= ROBBED_AFTER));
            }
        }
        let impaired =
            of(&|reach| matches!(reach, Reach::AllCutOff | Reach::CutOff(_) | Reach::Froze(_) | Reach::Stopped(_)));
        Self { deaths, freezes, impaired: joined(impaired, RECORDED), robbed }
    }

    fn explain(&self, previous: &Arrival, next: &Arrival) -> Option<Cause> {
        if !previous.is_success() {
            return Some(Cause::Receiver);
        }
        let open = (previous.at.checked_sub(NOTED)?, self.recorded(previous.answered_by()).min(next.at));
        if self.deaths.iter().any(|death| open.0 <= *death && *death <= open.1) {
            return Some(Cause::NodeDied);
        }
        if self.robbed.iter().any(|span| overlap(*span, open)) {
            return Some(Cause::CutOff);
        }
        let answered = (open.0, previous.at + TIMEOUT);
        let is_long = |span: &&Span| span.1 - span.0 >= TIMEOUT / 2;
        self.freezes.iter().filter(is_long).any(|span| overlap(*span, answered)).then_some(Cause::Froze)
    }

    /// When the answer to a request must have been written down, had its node lived.
    fn recorded(&self, at: Instant) -> Instant {
        let soon = at + RECORDED;
        let waiting = self.impaired.iter().find(|span| overlap(**span, (at, soon)));
        waiting.map_or(soon, |span| span.1 + RECORDED)
    }
}

/// Spans in the order of time, those in one that have less than `gap` between them.
fn joined(mut spans: Vec<Span>, gap: Duration) -> Vec<Span> {
    spans.sort_unstable();
    let mut joined: Vec<Span> = Vec::new();
    for (from, to) in spans {
        match joined.last_mut() {
            Some(last) if from <= last.1 + gap => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

fn overlap(one: Span, other: Span) -> bool {
    one.0 <= other.1 && other.0 <= one.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::schedule::ReceiverFault;

    fn arrival(at: Instant, fault: Option<ReceiverFault>) -> Arrival {
        let (event, delivery) = ("evt".to_owned(), "dlv".to_owned());
        Arrival { event, delivery, attempt: 1, body: [0; 32], at, fault }
    }

    /// The cause of a repeat 20 s after a first request at 100 s, of which the receiver thought `fault`.
    fn cause(fault: Option<ReceiverFault>, happened: &[(Reach, u64, u64)]) -> Option<Cause> {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let incidents: Vec<_> = happened
            .iter()
            .map(|(reach, from, to)| Incident { kind: "any", reach: *reach, from: at(*from), to: at(*to) })
            .collect();
        let repeats = Repeats::of(&[arrival(at(100), fault), arrival(at(120), None)], &incidents, 3);
        assert_eq!(repeats.explained.len() + repeats.unexplained.len(), 1);
        repeats.explained.into_keys().next()
    }

    #[test]
    fn a_repeat_needs_a_cause_at_its_time() {
        assert_eq!(cause(None, &[]), None);
        assert_eq!(cause(Some(ReceiverFault::Hangs), &[]), Some(Cause::Receiver));
        assert_eq!(cause(Some(ReceiverFault::Dribbles), &[]), None);
        assert_eq!(cause(None, &[(Reach::Died(2), 101, 103)]), Some(Cause::NodeDied));
        assert_eq!(cause(None, &[(Reach::Died(2), 110, 112)]), None, "it was written down long before");
        assert_eq!(cause(None, &[(Reach::Stopped(0), 101, 103)]), None, "it had time to write it down");
        let waits = Some(ReceiverFault::Dribbles);
        assert_eq!(cause(waits, &[(Reach::Died(2), 105, 106)]), Some(Cause::NodeDied), "the body had no end yet");
        assert_eq!(cause(waits, &[(Reach::Died(2), 110, 111)]), None);
    }

    #[test]
    fn records_wait_for_the_database() {
        let outage = (Reach::AllCutOff, 98, 102);
        assert_eq!(cause(None, &[outage]), None, "nobody is taken for dead so soon");
        assert_eq!(cause(None, &[outage, (Reach::Died(1), 105, 106)]), Some(Cause::NodeDied));
        assert_eq!(cause(None, &[outage, (Reach::Stopped(1), 101, 105)]), Some(Cause::NodeDied));
        assert_eq!(cause(None, &[(Reach::CutOff(1), 98, 106)]), Some(Cause::CutOff));
        assert_eq!(cause(None, &[(Reach::CutOff(1), 98, 101), (Reach::Froze(1), 103, 106)]), Some(Cause::CutOff));
        assert_eq!(cause(None, &[(Reach::CutOff(1), 98, 101), (Reach::CutOff(2), 103, 106)]), None);
        assert_eq!(cause(None, &[(Reach::Froze(1), 100, 103)]), Some(Cause::Froze));
    }
}
