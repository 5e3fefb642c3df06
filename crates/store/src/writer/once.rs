//! What requests to a source are known by, so that the same one is not delivered twice.
//!
//! A key is claimed in the commit that stores its event: an event that is not stored has claimed nothing, and of two that
//! come at one moment, on whichever nodes, one sees the other's claim. A claim whose time is over counts for nothing.

use std::collections::{BTreeMap, HashMap, btree_map::Entry};

use domain::{
    dedup::DedupKey,
    id::{EventId, SourceId},
    time::Timestamp,
};
use sea_orm::{QueryResult, Value, prelude::Uuid};

use super::accept::{Accept, NewEvent, Rows};
use crate::{
    batch::RowStatement,
    error::{Result, StoreError},
    row::{get, uuid},
};

/// Something that a request has in common with its repetitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnceKey {
    pub key: DedupKey,
    /// Until when another with this key is its repetition.
    pub expires_at: Timestamp,
    pub repeated: Repeated,
}

/// What becomes of a repetition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeated {
    /// It is stored as a duplicate, and goes nowhere.
    Duplicate,
    /// It is not stored.
    Refused,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    New,
    /// It was stored, as a repetition of this one.
    DuplicateOf(EventId),
    /// It was not stored: its [`Repeated::Refused`] key was seen before.
    Refused,
}

type Place = (SourceId, DedupKey);

/// Events with keys, on their way into a commit.
pub(super) struct Claims {
    events: Vec<Claiming>,
    is_shared: bool,
}

struct Claiming {
    event: std::sync::Arc<NewEvent>,
    once: Vec<OnceKey>,
    rows: Rows,
    /// Its place among all events of the commit.
    index: usize,
}

/// What a commit has to write of them, and what became of which.
pub(super) struct Settled {
    pub statements: Vec<RowStatement>,
    pub outcomes: Vec<(usize, Stored)>,
}

// Either way the row comes back, locked: with this event's id where it is a new claim, with another's where it is not.
const CLAIM: &str = "INSERT INTO once_keys AS k (env_id, source_id, key, event_id, claimed_at, expires_at) \
    SELECT v.column1, v.column2, v.column3, v.column4, v.column5, v.column6 FROM ({rows}) AS v WHERE 1 = 1 \
    ON CONFLICT (env_id, source_id, key) DO UPDATE SET \
    event_id = CASE WHEN k.expires_at <= excluded.claimed_at THEN excluded.event_id ELSE k.event_id END, \
    claimed_at = CASE WHEN k.expires_at <= excluded.claimed_at THEN excluded.claimed_at ELSE k.claimed_at END, \
    expires_at = CASE WHEN k.expires_at <= excluded.claimed_at THEN excluded.expires_at ELSE k.expires_at END \
    RETURNING source_id, key, event_id";
const TAKE_OVER: &str = "UPDATE once_keys SET event_id = v.column4, claimed_at = v.column5, expires_at = v.column6 FROM ({rows}) AS v \
    WHERE once_keys.env_id = v.column1 AND once_keys.source_id = v.column2 AND once_keys.key = v.column3";
const GIVE_UP: &str = "DELETE FROM once_keys WHERE (env_id, source_id, key, event_id) IN \
    (SELECT v.column1, v.column2, v.column3, v.column4 FROM ({rows}) AS v)";

impl Claims {
    pub fn new(is_shared: bool) -> Self {
        Self { events: Vec::new(), is_shared }
    }

    pub fn add(&mut self, index: usize, accept: &Accept, rows: Rows) {
        self.events.push(Claiming { event: accept.event.clone(), once: accept.once.clone(), rows, index });
    }

    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Claims every key once, for the first event that has it.
    pub fn claim(&self) -> RowStatement {
        // In one order, so that two nodes that claim the same ones do not wait for each other for ever.
        let mut first: BTreeMap<Place, Vec<Value>> = BTreeMap::new();
        for claiming in &self.events {
            for once in &claiming.once {
                if let Entry::Vacant(place) = first.entry((claiming.event.source_id, once.key)) {
                    place.insert(claiming.row(once));
                }
            }
        }
        RowStatement::new("claimed", CLAIM, first.into_values().collect())
    }

    /// Decides, once it is known who has which key.
    pub fn settle(self, claimed: &[QueryResult]) -> Result<Settled> {
        let mut owners = claimed.iter().map(owner).collect::<Result<HashMap<Place, EventId>>>()?;
        let (mut stored, mut outcomes, mut taken_over) = (Vec::new(), Vec::new(), Vec::new());
        // Keys whose owner turned out to be no event.
        let mut free: HashMap<Place, Vec<Value>> = HashMap::new();
        for claiming in self.events {
            let id = claiming.event.id;
            let outcome = claiming.outcome(&owners);
            for once in &claiming.once {
                let place = (claiming.event.source_id, once.key);
                if outcome == Stored::Refused && owners.get(&place) == Some(&id) {
                    owners.remove(&place);
                    free.insert(place, claiming.row(once));
                } else if outcome == Stored::New && free.remove(&place).is_some() {
                    owners.insert(place, id);
                    taken_over.push(claiming.row(once));
                }
            }
            outcomes.push((claiming.index, outcome));
            match outcome {
                Stored::New => stored.push(claiming.rows),
                Stored::DuplicateOf(first) => stored.push(claiming.rows.into_duplicate_of(&claiming.event, first)),
                Stored::Refused => {}
            }
        }
        let given_up = free.into_values().map(|mut row| {
            row.truncate(4);
            row
        });
        let mut statements = super::accept::inserts(stored, self.is_shared);
        statements.push(RowStatement::new("taken_over", TAKE_OVER, taken_over));
        statements.push(RowStatement::new("given_up", GIVE_UP, given_up.collect()));
        Ok(Settled { statements, outcomes })
    }
}

impl Claiming {
    fn row(&self, once: &OnceKey) -> Vec<Value> {
        vec![
            uuid(self.event.env_id.as_u128()).into(),
            uuid(self.event.source_id.as_u128()).into(),
            Value::Bytes(Some(once.key.to_vec())),
            uuid(self.event.id.as_u128()).into(),
            self.event.received_at.as_micros().into(),
            once.expires_at.as_micros().into(),
        ]
    }

    fn outcome(&self, owners: &HashMap<Place, EventId>) -> Stored {
        let id = self.event.id;
        let other = |repeated| {
            let keys = self.once.iter().filter(move |once| once.repeated == repeated);
            keys.filter_map(|once| owners.get(&(self.event.source_id, once.key))).find(|owner| **owner != id).copied()
        };
        if other(Repeated::Refused).is_some() {
            return Stored::Refused;
        }
        other(Repeated::Duplicate).map_or(Stored::New, Stored::DuplicateOf)
    }
}

fn owner(row: &QueryResult) -> Result<(Place, EventId)> {
    let id = |column| get::<Uuid>(row, column).map(|id| id.as_u128());
    let key: Vec<u8> = get(row, "key")?;
    let key = key.try_into().map_err(|_| StoreError::corrupt("once_keys", "key", "is not 16 bytes"))?;
    Ok(((SourceId::from_u128(id("source_id")?), key), EventId::from_u128(id("event_id")?)))
}
