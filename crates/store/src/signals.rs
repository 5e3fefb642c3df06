//! Wake-ups: something changed. They carry no data, may be lost, and may come twice; whoever listens looks into the
//! database, and looks from time to time without being told. Two of them carry a question between nodes and its answer:
//! whoever asks waits for the answer of every node, and takes a silent one for a failure.
//!
//! Within a process they go over a broadcast channel; [`nodes`] carries them to the other processes on PostgreSQL and
//! from them.

mod nodes;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::id::{DeliveryId, DestinationId, EnvId, EventId};
use tokio::sync::{Notify, broadcast};

pub(crate) use self::nodes::Hearing;
use self::nodes::Nodes;
use crate::postgres::Postgres;

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Sources, destinations, connections or keys.
    Config,
    /// Deliveries to this destination are due.
    Due(DestinationId),
    /// Something that other deliveries to this destination waited for has ended.
    Freed(DestinationId),
    /// The circuit of this destination.
    Gate(DestinationId),
    /// Events or deliveries of this project, as a person looking at them would see.
    Activity(EnvId),
    /// A message for clients of other nodes.
    Pass(Passing),
    /// How many clients of a node got the message of this question.
    Passed { question: u64, node: i64, clients: u32 },
    /// The connection to other nodes was lost for a while: anything may have changed.
    Missed,
}

/// What a node needs in order to hand a message to its own clients: everything else stands in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Passing {
    /// Which the answers name.
    pub question: u64,
    pub env_id: EnvId,
    /// The digest of the channel's name.
    pub channel: u64,
    pub event_id: EventId,
    pub delivery_id: DeliveryId,
    /// The event is one that was made up, and stands nowhere.
    pub is_test: bool,
}

/// How long activity is gathered before anybody hears of it: thousands of events a second are one piece of news.
const GATHER_ACTIVITY: Duration = Duration::from_millis(100);

#[derive(Clone)]
pub struct Signals {
    local: broadcast::Sender<Signal>,
    activity: Arc<Activity>,
    nodes: Option<Arc<Nodes>>,
}

#[derive(Default)]
struct Activity {
    gathered: Mutex<HashSet<EnvId>>,
    waiting: Notify,
}

impl Signals {
    pub(crate) fn local() -> Self {
        Self { local: broadcast::channel(4096).0, activity: Arc::default(), nodes: None }
    }

    pub(crate) fn shared(postgres: Postgres, hearing: Hearing) -> Self {
        let nodes = Nodes::new(postgres, hearing);
        Self { local: broadcast::channel(4096).0, activity: Arc::default(), nodes: Some(Arc::new(nodes)) }
    }

    /// Tells everybody; of activity a little later, and once for all that has come together.
    pub fn send(&self, signal: Signal) {
        if let Signal::Activity(env) = signal {
            if lock(&self.activity.gathered).insert(env) {
                self.activity.waiting.notify_one();
            }
        } else {
            self.spread(signal);
        }
    }

    fn spread(&self, signal: Signal) {
        // No receiver is no error: nobody waits.
        let _ = self.local.send(signal);
        self.tell_others(signal);
    }

    /// Tells the other processes alone.
    pub fn tell_others(&self, signal: Signal) {
        if let Some(nodes) = &self.nodes {
            nodes.tell(signal);
        }
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Signal> {
        self.local.subscribe()
    }

    /// Carries signals, within the process and to and from the others, until it is dropped.
    pub async fn run(&self) {
        match &self.nodes {
            Some(nodes) => {
                tokio::join!(self.tell_activity(), nodes.hear(&self.local), nodes.carry());
            }
            None => self.tell_activity().await,
        }
    }

    async fn tell_activity(&self) {
        loop {
            self.activity.waiting.notified().await;
            tokio::time::sleep(GATHER_ACTIVITY).await;
            let gathered = std::mem::take(&mut *lock(&self.activity.gathered));
            for env in gathered {
                self.spread(Signal::Activity(env));
            }
        }
    }
}

/// A lock whose holder panicked still guards a sound set.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn encode(signal: Signal) -> String {
    match signal {
        Signal::Config => "config".into(),
        Signal::Missed => "missed".into(),
        Signal::Due(id) => format!("due {id}"),
        Signal::Freed(id) => format!("freed {id}"),
        Signal::Gate(id) => format!("gate {id}"),
        Signal::Activity(id) => format!("activity {id}"),
        Signal::Pass(Passing { question, env_id, channel, event_id, delivery_id, is_test }) => {
            format!("pass {question} {env_id} {channel} {event_id} {delivery_id} {is_test}")
        }
        Signal::Passed { question, node, clients } => format!("passed {question} {node} {clients}"),
    }
}

fn decode_pass(text: &str) -> Option<Passing> {
    let mut words = text.split(' ');
    let mut word = || words.next();
    Some(Passing {
        question: word()?.parse().ok()?,
        env_id: word()?.parse().ok()?,
        channel: word()?.parse().ok()?,
        event_id: word()?.parse().ok()?,
        delivery_id: word()?.parse().ok()?,
        is_test: word()?.parse().ok()?,
    })
}

fn decode_passed(text: &str) -> Option<Signal> {
    let mut words = text.split(' ');
    let mut word = || words.next();
    Some(Signal::Passed {
        question: word()?.parse().ok()?,
        node: word()?.parse().ok()?,
        clients: word()?.parse().ok()?,
    })
}

fn decode(text: &str) -> Option<Signal> {
    match text.split_once(' ') {
        None if text == "config" => Some(Signal::Config),
        None if text == "missed" => Some(Signal::Missed),
        Some(("due", id)) => id.parse().ok().map(Signal::Due),
        Some(("freed", id)) => id.parse().ok().map(Signal::Freed),
        Some(("gate", id)) => id.parse().ok().map(Signal::Gate),
        Some(("activity", id)) => id.parse().ok().map(Signal::Activity),
        Some(("pass", rest)) => decode_pass(rest).map(Signal::Pass),
        Some(("passed", rest)) => decode_passed(rest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_read_back() {
        for signal in [
            Signal::Config,
            Signal::Missed,
            Signal::Due(DestinationId::from_u128(7)),
            Signal::Freed(DestinationId::from_u128(8)),
            Signal::Gate(DestinationId::from_u128(8)),
            Signal::Activity(EnvId::from_u128(9)),
            Signal::Pass(Passing {
                question: 1,
                env_id: EnvId::from_u128(2),
                channel: u64::MAX,
                event_id: EventId::from_u128(3),
                delivery_id: DeliveryId::from_u128(4),
                is_test: true,
            }),
            Signal::Passed { question: u64::MAX, node: 5, clients: 6 },
        ] {
            assert_eq!(decode(&encode(signal)), Some(signal));
        }
        assert_eq!(decode("due nonsense"), None);
        assert_eq!(decode("pass 1 2"), None);
    }
}
