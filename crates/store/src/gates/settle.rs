//! What attempts mean for the gates of their destinations, noted in the commit that records them.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    circuit::{CircuitBreaker, Finding, Tally},
    id::{DestinationId, EnvId},
};
use sea_orm::{QueryResult, Value};

use super::{WRITE, locked, order::BRING_BACK, written};
use crate::{batch::RowStatement, db::Store, error::Result, row::uuid, signals::Signal};

/// What an attempt means for the gate of its destination.
#[derive(Debug, Clone, Copy)]
pub struct GateReport {
    pub destination: DestinationId,
    /// The key in which its delivery has a place.
    pub order_key: Option<i64>,
    /// Others may be waiting until it has ended.
    pub frees_place: bool,
    /// What it says to the circuit breaker, where that is to hear of it.
    pub said: Option<Said>,
}

/// What an attempt says of its receiver.
#[derive(Debug, Clone, Copy)]
pub struct Said {
    pub finding: Finding,
    pub breaker: CircuitBreaker,
    /// It was the one by which an open circuit was tried.
    pub is_probe: bool,
}

/// What a batch of attempts means for gates, by their destinations.
#[derive(Default)]
pub(crate) struct News {
    gates: BTreeMap<DestinationId, NewsOfOne>,
}

struct NewsOfOne {
    env: EnvId,
    said: Option<SaidTogether>,
    keys: BTreeSet<i64>,
    frees_place: bool,
}

#[derive(Clone, Copy)]
struct SaidTogether {
    breaker: CircuitBreaker,
    tally: Tally,
    probe: Option<Finding>,
}

impl News {
    pub fn of(reports: impl Iterator<Item = (EnvId, GateReport)>) -> Self {
        let mut news = Self::default();
        for (env, report) in reports {
            let one = news.gates.entry(report.destination).or_insert_with(|| NewsOfOne {
                env,
                said: None,
                keys: BTreeSet::new(),
                frees_place: false,
            });
            one.keys.extend(report.order_key);
            one.frees_place |= report.frees_place;
            if let Some(said) = report.said {
                let together = one.said.get_or_insert(SaidTogether {
                    breaker: said.breaker,
                    tally: Tally::default(),
                    probe: None,
                });
                // The newest settings are those that hold.
                together.breaker = said.breaker;
                if said.is_probe {
                    together.probe = Some(said.finding);
                } else {
                    together.tally = together.tally.with(said.finding, &said.breaker);
                }
            }
        }
        news
    }

    /// Whether no gate needs to be locked.
    pub fn changes_none(&self) -> bool {
        self.gates.values().all(|one| one.said.is_none() && one.keys.is_empty())
    }

    /// Makes the gates that are not there, and reads those of the news under lock.
    pub fn lock(&self, store: &Store) -> (RowStatement, RowStatement) {
        let changed = self.gates.iter().filter(|(_, one)| one.said.is_some() || !one.keys.is_empty());
        let rows: Vec<Vec<Value>> = changed
            .map(|(destination, one)| vec![uuid(destination.as_u128()).into(), uuid(one.env.as_u128()).into()])
            .collect();
        let make = "INSERT INTO gates (destination_id, env_id, state, failure_count, tat) \
            SELECT v.column1, v.column2, 'closed', 0, 0 FROM ({rows}) AS v WHERE 1 = 1 ON CONFLICT DO NOTHING";
        let read = store.lock_sql("IN (SELECT v.column1 FROM ({rows}) AS v)");
        (RowStatement::new("made_gates", make, rows.clone()), RowStatement::new("locked_gates", read, rows))
    }

    /// What follows once the attempts are recorded.
    pub fn follow_up(&self, locked_gates: &[QueryResult], node: i64) -> Result<Vec<RowStatement>> {
        let gates = locked_gates.iter().map(locked).collect::<Result<Vec<_>>>()?;
        let written = gates.iter().filter_map(|gate| {
            let said = self.gates.get(&gate.destination)?.said?;
            let mut next = gate.circuit.after(said.tally, &said.breaker, gate.now);
            if let Some(finding) = said.probe {
                next = next.probed(node, finding, &said.breaker, gate.now);
            }
            (next != gate.circuit).then(|| written(gate, next, gate.tat))
        });
        let keys = self.gates.iter().flat_map(|(destination, one)| {
            let destination = uuid(destination.as_u128());
            let env = uuid(one.env.as_u128());
            one.keys.iter().map(move |key| vec![destination.into(), (*key).into(), env.into()])
        });
        Ok(vec![
            RowStatement::new("gates_said", WRITE, written.collect()),
            RowStatement::new("brought_back", BRING_BACK, keys.collect()),
        ])
    }

    /// Tells who waits. To be called after the commit.
    pub fn tell(&self, store: &Store) {
        for (destination, one) in &self.gates {
            if one.said.is_some() {
                store.signals().send(Signal::Gate(*destination));
            }
            if one.frees_place || !one.keys.is_empty() {
                store.signals().send(Signal::Freed(*destination));
            }
        }
    }
}
