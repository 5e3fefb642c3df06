//! Gates: what all nodes must agree on before a destination is sent anything.
//!
//! A destination whose breaker, rate limit or order has anything to say has a row, which is the lock that everything
//! about it is done under. A limited or ordered destination's deliveries are claimed through it ([`pass`]); so is the one
//! delivery that an open circuit lets through. What attempts say of their receivers is noted in the commit that records
//! them ([`settle`]). Deliveries that must wait for others of their key are parked, and brought back in the transaction
//! that ends the one before them ([`order`]).
//!
//! Locks are taken in this order: gates by their destination, then deliveries and events.

pub(crate) mod order;
mod pass;
pub(crate) mod settle;

use domain::{
    circuit::{Circuit, CircuitState, CircuitStatus, Probe},
    id::{DestinationId, EnvId},
    time::Timestamp,
};
use sea_orm::{ConnectionTrait, QueryResult, Value, prelude::Uuid};

pub use self::{
    pass::{Again, Gate, Passed},
    settle::{GateReport, Said},
};
use crate::{
    connection::Transaction,
    db::Store,
    error::{Result, StoreError},
    row::{at, get, number, parse, uuid},
    scope::Scope,
    signals::Signal,
};

const MAKE: &str = "INSERT INTO gates (destination_id, env_id, state, failure_count, tat) VALUES ($1, $2, 'closed', 0, 0) \
    ON CONFLICT DO NOTHING";
const COLUMNS: &str =
    "g.destination_id, g.state, g.failure_count, g.changed_at, g.retry_at, g.probe_owner, g.probe_until, g.tat";
const IS_PROBE_LOST: &str = "(g.probe_owner IS NOT NULL AND g.probe_owner NOT IN (SELECT id FROM nodes))";
/// A node that holds a gate and stops answering must not keep the others from it for ever.
const GIVE_UP_LOCK: &str = "set_config('idle_in_transaction_session_timeout', '5s', true)";

/// A gate's row, under lock.
#[derive(Debug)]
pub(crate) struct Locked {
    pub destination: DestinationId,
    pub circuit: Circuit,
    /// The node that tries the probe is no longer alive.
    pub is_probe_lost: bool,
    /// When the delivery after the next would be on time, in microseconds.
    pub tat: i64,
    /// By the database's clock.
    pub now: Timestamp,
}

/// A circuit that is not plainly closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Noted {
    pub destination: DestinationId,
    pub circuit: Circuit,
    /// The node that tries the probe is no longer alive.
    pub is_probe_lost: bool,
    /// When it was read, by the database's clock, which the circuit's times go by.
    pub now: Timestamp,
}

impl Store {
    /// All circuits that are not plainly closed.
    pub async fn noted_circuits(&self) -> Result<Vec<Noted>> {
        let sql = format!(
            "SELECT {COLUMNS}, {clock} AS now, {IS_PROBE_LOST} AS is_probe_lost FROM gates g \
             WHERE g.state <> 'closed' OR g.failure_count > 0",
            clock = self.database_clock()
        );
        let rows = self.reader().query_all_raw(self.statement(sql, [])).await?;
        rows.iter()
            .map(|row| {
                let Locked { destination, circuit, is_probe_lost, now, .. } = locked(row)?;
                Ok(Noted { destination, circuit, is_probe_lost, now })
            })
            .collect()
    }

    /// Locks a gate, and makes it where there is none.
    pub(crate) async fn lock_gate(
        &self,
        transaction: &Transaction,
        env: EnvId,
        destination: DestinationId,
    ) -> Result<Locked> {
        let id: Value = uuid(destination.as_u128()).into();
        let read = async || transaction.query_one_raw(self.statement(self.lock_sql("= $1"), [id.clone()])).await;
        let mut row = read().await?;
        if row.is_none() {
            let values = [id.clone(), uuid(env.as_u128()).into()];
            transaction.execute_raw(self.statement(MAKE, values)).await?;
            row = read().await?;
        }
        locked(&row.ok_or_else(|| StoreError::corrupt("gates", "destination_id", "the row is missing"))?)
    }

    /// Reads the gates of `which` destinations under lock.
    pub(crate) fn lock_sql(&self, which: &str) -> String {
        let (give_up, lock) =
            if self.is_shared() { (GIVE_UP_LOCK, "ORDER BY g.destination_id FOR UPDATE") } else { ("NULL", "") };
        format!(
            "SELECT {COLUMNS}, {clock} AS now, {IS_PROBE_LOST} AS is_probe_lost, {give_up} AS give_up FROM gates g \
             WHERE g.destination_id {which} {lock}",
            clock = self.database_clock()
        )
    }
}

impl Scope {
    /// Where a destination's circuit stands.
    pub async fn circuit(&self, destination: DestinationId) -> Result<CircuitStatus> {
        let sql = format!("SELECT {COLUMNS} FROM gates g WHERE g.env_id = $1 AND g.destination_id = $2");
        let values = [self.env_uuid().into(), uuid(destination.as_u128()).into()];
        let row = self.store.reader().query_one_raw(self.store.statement(sql, values)).await?;
        let Some(row) = row else { return Ok(status(Circuit::NEW, None)) };
        Ok(status(circuit(&row)?, get::<Option<i64>>(&row, "changed_at")?.map(at)))
    }

    /// Closes a circuit, whatever it was. Returns whether that changed anything.
    pub async fn reset_circuit(&self, destination: DestinationId) -> Result<bool> {
        let sql = format!(
            "UPDATE gates SET changed_at = CASE WHEN state = 'closed' THEN changed_at ELSE {clock} END, state = 'closed', \
             failure_count = 0, retry_at = NULL, probe_owner = NULL, probe_until = NULL \
             WHERE env_id = $1 AND destination_id = $2 AND (state <> 'closed' OR failure_count > 0)",
            clock = self.store.database_clock()
        );
        let values = [self.env_uuid().into(), uuid(destination.as_u128()).into()];
        let changed = self.store.writer().execute_raw(self.store.statement(sql, values)).await?.rows_affected() > 0;
        if changed {
            self.store.sync().await?;
            self.store.gate_changed(self.env_id, destination);
        }
        Ok(changed)
    }
}

impl Store {
    /// Tells everybody. To be called after the commit.
    pub(crate) fn gate_changed(&self, env: EnvId, destination: DestinationId) {
        self.signals().send(Signal::Gate(destination));
        self.signals().send(Signal::Activity(env));
    }
}

fn status(circuit: Circuit, changed_at: Option<Timestamp>) -> CircuitStatus {
    let retry_at = if let Circuit::Open { retry_at, .. } = circuit { Some(retry_at) } else { None };
    CircuitStatus { state: circuit.state(), failure_count: circuit.failures(), changed_at, retry_at }
}

fn destination(row: &QueryResult) -> Result<DestinationId> {
    Ok(DestinationId::from_u128(get::<Uuid>(row, "destination_id")?.as_u128()))
}

fn circuit(row: &QueryResult) -> Result<Circuit> {
    const T: &str = "gates";
    let failures = number(T, "failure_count", get(row, "failure_count")?)?;
    let needed = |column: &'static str| -> Result<i64> {
        get::<Option<i64>>(row, column)?.ok_or_else(|| StoreError::corrupt(T, column, "nothing, which its state needs"))
    };
    Ok(match parse(T, "state", &get::<String>(row, "state")?)? {
        CircuitState::Closed => Circuit::Closed { failures },
        CircuitState::Open => Circuit::Open { failures, retry_at: at(needed("retry_at")?) },
        CircuitState::HalfOpen => {
            let probe = Probe { owner: needed("probe_owner")?, until: at(needed("probe_until")?) };
            Circuit::HalfOpen { failures, probe }
        }
    })
}

fn locked(row: &QueryResult) -> Result<Locked> {
    Ok(Locked {
        destination: destination(row)?,
        circuit: circuit(row)?,
        is_probe_lost: get(row, "is_probe_lost")?,
        tat: get(row, "tat")?,
        now: at(get(row, "now")?),
    })
}

const WRITE: &str = "UPDATE gates SET changed_at = CASE WHEN state <> v.column2 THEN v.column7 ELSE changed_at END, \
    state = v.column2, failure_count = v.column3, retry_at = v.column4, probe_owner = v.column5, probe_until = v.column6, \
    tat = v.column8 FROM ({rows}) AS v WHERE gates.destination_id = v.column1";

/// The row of [`WRITE`] that makes `gate` so.
fn written(gate: &Locked, circuit: Circuit, tat: i64) -> Vec<Value> {
    let (retry_at, probe) = match circuit {
        Circuit::Closed { .. } => (None, None),
        Circuit::Open { retry_at, .. } => (Some(retry_at), None),
        Circuit::HalfOpen { probe, .. } => (None, Some(probe)),
    };
    vec![
        uuid(gate.destination.as_u128()).into(),
        circuit.state().as_str().into(),
        i64::from(circuit.failures()).into(),
        Value::BigInt(retry_at.map(Timestamp::as_micros)),
        Value::BigInt(probe.map(|probe| probe.owner)),
        Value::BigInt(probe.map(|probe| probe.until.as_micros())),
        gate.now.as_micros().into(),
        tat.into(),
    ]
}
