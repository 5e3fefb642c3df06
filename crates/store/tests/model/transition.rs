//! What can happen to the queue, and which of it can happen next.

use std::{collections::BTreeMap, time::Duration};

use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    sample::{Index, select},
    strategy::Union,
};
use store::writer::Start;

use crate::{
    reference::{Belief, EPOCH, Listing, Node, Reference, Sharing},
    view::{DESTINATIONS, ROUTES},
};

#[derive(Debug, Clone)]
pub enum Transition {
    /// A process begins, and shows that it is there.
    Start,
    /// It is gone without a word, and with it what it knew.
    Kill {
        node: i64,
    },
    /// It has not shown for too long that it is alive, though it may be.
    FallSilent {
        node: i64,
    },
    Heartbeat {
        node: i64,
    },
    TakeOver {
        node: i64,
    },
    /// It ends in order.
    Leave {
        node: i64,
    },
    /// Events that share a commit, each with its connections.
    Accept {
        node: i64,
        events: Vec<BTreeMap<usize, Start>>,
    },
    Claim {
        node: i64,
        destination: usize,
        limit: u32,
    },
    /// What became of deliveries that a node holds, or believes to.
    Record {
        node: i64,
        outcomes: Vec<(Belief, Outcome)>,
    },
    /// The answer to a commit was lost, and the outcome is handed over once more.
    RecordAgain {
        record: usize,
    },
    Hold {
        node: i64,
        belief: Belief,
    },
    GiveBack {
        node: i64,
        belief: Belief,
        seconds: u32,
    },
    Drop {
        node: i64,
        belief: Belief,
    },
    /// By a person, as is a retry.
    Cancel {
        delivery: u32,
    },
    Retry {
        delivery: u32,
    },
    /// The held deliveries of a connection may go.
    Release {
        route: usize,
    },
    Pass {
        seconds: u32,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Succeeded,
    RetryIn { seconds: u32 },
    GaveUp,
}

/// Processes at once.
const NODES: usize = 3;
/// Outcomes of one commit.
const TOGETHER: usize = 4;

impl Transition {
    /// Whether it can happen, also after what led to it was taken out of a list of transitions.
    pub fn can_follow(&self, state: &Reference) -> bool {
        let node = |number: &i64| state.nodes.get(number);
        let works = |number: &i64| node(number).is_some_and(|node| node.is_working);
        let believes = |number: &i64, belief: &Belief| node(number).is_some_and(|node| node.beliefs.contains(belief));
        match self {
            Self::Start => state.nodes.values().filter(|node| node.is_working).count() < NODES,
            Self::Kill { node: number } => node(number).is_some_and(is_there),
            Self::FallSilent { node: number } => {
                state.sharing == Sharing::Shared && node(number).is_some_and(|node| node.listing == Listing::Alive)
            }
            Self::Heartbeat { node }
            | Self::TakeOver { node }
            | Self::Leave { node }
            | Self::Accept { node, .. }
            | Self::Claim { node, .. } => works(node),
            Self::Record { node, outcomes } => {
                let mut deliveries: Vec<u32> = outcomes.iter().map(|(belief, _)| belief.delivery).collect();
                deliveries.sort_unstable();
                let are_different = deliveries.windows(2).all(|pair| pair[0] != pair[1]);
                are_different && outcomes.iter().all(|(belief, _)| believes(node, belief))
            }
            Self::RecordAgain { record } => *record < state.records.len(),
            Self::Hold { node, belief } | Self::GiveBack { node, belief, .. } | Self::Drop { node, belief } => {
                believes(node, belief)
            }
            Self::Cancel { delivery } | Self::Retry { delivery } => state.deliveries.contains_key(delivery),
            Self::Release { .. } | Self::Pass { .. } => true,
        }
    }

    /// One of those that can follow, the usual ones more often.
    pub fn any_after(state: &Reference) -> BoxedStrategy<Self> {
        let mut any = vec![
            (1, (1_u32..90).prop_map(|seconds| Self::Pass { seconds }).boxed()),
            (1, (0..ROUTES.len()).prop_map(|route| Self::Release { route }).boxed()),
        ];
        if Self::Start.can_follow(state) {
            any.push((1, Just(Self::Start).boxed()));
        }
        add(&mut any, 1, nodes(state, is_there), |node| Self::Kill { node });
        if state.sharing == Sharing::Shared {
            let listed = nodes(state, |node| node.listing == Listing::Alive);
            add(&mut any, 1, listed, |node| Self::FallSilent { node });
        }
        let working = nodes(state, |node| node.is_working);
        add(&mut any, 1, working.clone(), |node| Self::Heartbeat { node });
        add(&mut any, 2, working.clone(), |node| Self::TakeOver { node });
        add(&mut any, 1, working.clone(), |node| Self::Leave { node });
        if !working.is_empty() {
            any.push((5, accept(working.clone())));
            let claim = (select(working), 0..DESTINATIONS, 1_u32..6);
            let claim = claim.prop_map(|(node, destination, limit)| Self::Claim { node, destination, limit });
            any.push((5, claim.boxed()));
        }
        let believing = nodes(state, |node| !node.beliefs.is_empty());
        for (weight, node) in believing.into_iter().map(|number| (6, number)) {
            let beliefs = state.nodes[&node].beliefs.clone();
            any.push((weight, record(node, beliefs.clone())));
            let belief = select(beliefs);
            any.push((1, belief.clone().prop_map(move |belief| Self::Hold { node, belief }).boxed()));
            any.push((1, belief.clone().prop_map(move |belief| Self::Drop { node, belief }).boxed()));
            let give_back = (belief, 0_u32..60);
            let give_back = give_back.prop_map(move |(belief, seconds)| Self::GiveBack { node, belief, seconds });
            any.push((1, give_back.boxed()));
        }
        if !state.records.is_empty() {
            let again = (0..state.records.len()).prop_map(|record| Self::RecordAgain { record });
            any.push((2, again.boxed()));
        }
        let deliveries: Vec<u32> = state.deliveries.keys().copied().collect();
        add(&mut any, 1, deliveries.clone(), |delivery| Self::Cancel { delivery });
        add(&mut any, 2, deliveries, |delivery| Self::Retry { delivery });
        Union::new_weighted(any).boxed()
    }
}

type Weighted = (u32, BoxedStrategy<Transition>);

fn add<T: Clone + std::fmt::Debug + 'static>(
    any: &mut Vec<Weighted>,
    weight: u32,
    of: Vec<T>,
    make: impl Fn(T) -> Transition + 'static,
) {
    if !of.is_empty() {
        any.push((weight, select(of).prop_map(make).boxed()));
    }
}

/// A process that is running, or whose last words may still come.
fn is_there(node: &Node) -> bool {
    node.is_working || !node.beliefs.is_empty()
}

fn nodes(state: &Reference, which: impl Fn(&Node) -> bool) -> Vec<i64> {
    state.nodes.iter().filter(|(_, node)| which(node)).map(|(number, _)| *number).collect()
}

fn accept(nodes: Vec<i64>) -> BoxedStrategy<Transition> {
    let later = (0_u64..120).prop_map(|seconds| Start::DueAt(EPOCH.plus(Duration::from_secs(seconds))));
    let start = prop_oneof![
        4 => Just(Start::Due),
        4 => Just(Start::Leased),
        2 => Just(Start::Held),
        1 => later,
        1 => Just(Start::Skipped)
    ];
    let events = vec(btree_map(0..ROUTES.len(), start, 0..=3), 1..=3);
    (select(nodes), events).prop_map(|(node, events)| Transition::Accept { node, events }).boxed()
}

fn record(node: i64, beliefs: Vec<Belief>) -> BoxedStrategy<Transition> {
    let outcome = prop_oneof![
        3 => Just(Outcome::Succeeded),
        3 => (0_u32..60).prop_map(|seconds| Outcome::RetryIn { seconds }),
        2 => Just(Outcome::GaveUp),
    ];
    vec((any::<Index>(), outcome), 1..=TOGETHER)
        .prop_map(move |picked| {
            let mut outcomes: Vec<(Belief, Outcome)> = Vec::new();
            for (index, outcome) in picked {
                let belief = *index.get(&beliefs);
                // One commit has one outcome of a delivery.
                if outcomes.iter().all(|(other, _)| other.delivery != belief.delivery) {
                    outcomes.push((belief, outcome));
                }
            }
            Transition::Record { node, outcomes }
        })
        .boxed()
}
