//! Claims that go through a gate: no more than it lets pass.

use std::time::Duration;

use domain::{
    circuit::{Circuit, Probe, Shut},
    id::{DestinationId, EnvId},
    rate_limit::Pace,
    time::Timestamp,
};
use sea_orm::ConnectionTrait;

use super::{Locked, WRITE, order, written};
use crate::{
    connection::Transaction,
    db::Store,
    error::Result,
    queue::{CLAIM_COLUMNS, Claimed, claimed},
    row::{get, uuid},
    signals::Signal,
};

/// What a destination's gate lets pass.
#[derive(Debug, Clone, Copy)]
pub struct Gate {
    pub env_id: EnvId,
    pub destination: DestinationId,
    /// Whether the circuit breaker has a say.
    pub has_breaker: bool,
    /// How long the outcome of a probe is awaited.
    pub probe_for: Duration,
    pub pace: Option<Pace>,
    pub max_in_flight: Option<u32>,
    pub is_ordered: bool,
}

/// What was let through.
#[derive(Debug)]
pub struct Passed {
    pub claimed: Vec<Claimed>,
    /// It is the one delivery by which an open circuit is tried.
    pub is_probe: bool,
    pub again: Again,
}

/// When it is worth coming again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    AtOnce,
    After(Duration),
    /// When one of those that are being sent has ended, which all nodes are told of.
    WhenOneEnds,
    /// When something else is due.
    WhenDue,
}

impl Passed {
    fn nothing(again: Again) -> Self {
        Self { claimed: Vec::new(), is_probe: false, again }
    }
}

/// How many may pass, and why no more.
struct Room {
    count: u32,
    bound: Bound,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    /// Whoever claims wants no more.
    Wanted,
    Pace,
    InFlight,
    Probe,
}

impl Room {
    fn at_most(self, count: u32, bound: Bound) -> Self {
        if count <= self.count { Self { count, bound } } else { self }
    }
}

impl Store {
    /// Takes up to `wanted` of a destination's deliveries that are due at `due`, as many as its gate lets pass.
    pub async fn claim_through(&self, gate: &Gate, node: i64, due: Timestamp, wanted: u32) -> Result<Passed> {
        let transaction = self.begin().await?;
        let locked = self.lock_gate(&transaction, gate.env_id, gate.destination).await?;
        let now = locked.now;
        let circuit = if gate.has_breaker {
            let probe = Probe { owner: node, until: now.plus(gate.probe_for) };
            match locked.circuit.passing(probe, locked.is_probe_lost, now) {
                Ok(circuit) => circuit,
                Err(Shut::Until(at) | Shut::Probing(at)) => {
                    transaction.rollback().await?;
                    return Ok(Passed::nothing(Again::After(at.since(now))));
                }
            }
        } else {
            locked.circuit
        };
        let is_probe = gate.has_breaker && matches!(circuit, Circuit::HalfOpen { .. });

        let mut room = Room { count: wanted, bound: Bound::Wanted };
        if is_probe {
            room = room.at_most(1, Bound::Probe);
        }
        if let Some(pace) = gate.pace {
            room = room.at_most(pace.allowed(locked.tat, now.as_micros()), Bound::Pace);
        }
        if let Some(most) = gate.max_in_flight {
            let free = most.saturating_sub(self.in_flight(&transaction, gate.destination, most).await?);
            room = room.at_most(free, Bound::InFlight);
        }
        if room.count == 0 {
            transaction.rollback().await?;
            return Ok(Passed::nothing(again(room.bound, gate.pace, &locked, locked.tat)));
        }

        let wanted = usize::try_from(room.count).unwrap_or(usize::MAX);
        let mut claimed = self.take(&transaction, gate.destination, node, due, now, room.count).await?;
        let mut parked = 0;
        if gate.is_ordered && claimed.len() < wanted {
            parked = self.park(&transaction, gate.env_id, gate.destination, due, now).await?;
            if parked > 0 {
                // Behind those there may be others.
                let left = room.count - u32::try_from(claimed.len()).unwrap_or(0);
                claimed.extend(self.take(&transaction, gate.destination, node, due, now, left).await?);
            }
        }
        let taken = gate.pace.filter(|_| !claimed.is_empty());
        let tat = taken.map_or(locked.tat, |pace| pace.after(locked.tat, now.as_micros(), claimed.len()));
        let begins_probe = is_probe && !claimed.is_empty();
        for delivery in &mut claimed {
            delivery.is_probe = begins_probe;
        }
        if tat != locked.tat || begins_probe {
            let circuit = if begins_probe { circuit } else { locked.circuit };
            self.write_gate(&transaction, &locked, circuit, tat).await?;
        }
        // What a power cut undoes was not sent either, or is sent again.
        transaction.commit().await?;
        if begins_probe {
            self.gate_changed(gate.env_id, gate.destination);
        }
        let again = if claimed.len() == wanted {
            again(room.bound, gate.pace, &locked, tat)
        } else if parked >= order::WINDOW / 2 {
            // More of them may be due than were looked at.
            Again::AtOnce
        } else {
            Again::WhenDue
        };
        Ok(Passed { claimed, is_probe: begins_probe, again })
    }

    /// Gives the right to try an open circuit back: the delivery that was taken for it is not sent.
    pub async fn probe_unused(&self, env: EnvId, destination: DestinationId, node: i64) -> Result<()> {
        let sql = format!(
            "UPDATE gates SET state = 'open', changed_at = {clock}, retry_at = {clock}, probe_owner = NULL, probe_until = NULL \
             WHERE destination_id = $1 AND state = 'half_open' AND probe_owner = $2",
            clock = self.database_clock()
        );
        let values = [uuid(destination.as_u128()).into(), node.into()];
        if self.writer().execute_raw(self.statement(sql, values)).await?.rows_affected() > 0 {
            self.gate_changed(env, destination);
            self.signals().send(Signal::Freed(destination));
        }
        Ok(())
    }

    /// How many of a destination are being sent, counted up to `most`.
    async fn in_flight(&self, transaction: &Transaction, destination: DestinationId, most: u32) -> Result<u32> {
        let sql = "SELECT count(*) AS n FROM (SELECT 1 FROM deliveries WHERE destination_id = $1 AND gated_at IS NOT NULL \
            AND lease_owner IS NOT NULL LIMIT $2) AS l";
        let values = [uuid(destination.as_u128()).into(), i64::from(most).into()];
        let row = transaction.query_one_raw(self.statement(sql, values)).await?;
        let count: i64 = row.map_or(Ok(0), |row| get(&row, "n"))?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    async fn take(
        &self,
        transaction: &Transaction,
        destination: DestinationId,
        node: i64,
        due: Timestamp,
        now: Timestamp,
        count: u32,
    ) -> Result<Vec<Claimed>> {
        let sql = format!("{}{CLAIM_COLUMNS}", order::CLAIM_FIRST);
        let values = [
            uuid(destination.as_u128()).into(),
            due.as_micros().into(),
            now.as_micros().into(),
            node.into(),
            i64::from(count).into(),
        ];
        let rows = transaction.query_all_raw(self.statement(sql, values)).await?;
        let mut claimed = rows.iter().map(claimed).collect::<Result<Vec<_>>>()?;
        claimed.sort_unstable_by_key(|delivery| delivery.id);
        Ok(claimed)
    }

    async fn write_gate(&self, transaction: &Transaction, gate: &Locked, circuit: Circuit, tat: i64) -> Result<()> {
        let row = written(gate, circuit, tat);
        let places: Vec<String> = (1..=row.len()).map(|number| format!("${number} AS column{number}")).collect();
        let sql = WRITE.replace("{rows}", &format!("SELECT {}", places.join(", ")));
        transaction.execute_raw(self.statement(sql, row)).await?;
        Ok(())
    }
}

fn again(bound: Bound, pace: Option<Pace>, gate: &Locked, tat: i64) -> Again {
    match bound {
        Bound::Wanted => Again::AtOnce,
        Bound::Pace => pace.map_or(Again::AtOnce, |pace| Again::After(pace.wait(tat, gate.now.as_micros()))),
        Bound::InFlight | Bound::Probe => Again::WhenOneEnds,
    }
}
