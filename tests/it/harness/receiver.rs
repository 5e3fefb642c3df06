//! The receiver: misbehaves while it is told to, and notes what came and what it made of it.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::schedule::ReceiverFault;
use crate::world::{Digest, Received, Reply, Sink, digest};

/// How long the server waits for an answer.
pub const TIMEOUT: Duration = Duration::from_secs(4);
/// A late answer, and the end of one that does not come.
const TOO_LATE: Duration = Duration::from_secs(5);
const SLOW: Duration = Duration::from_millis(500);
const DRIBBLE: Duration = Duration::from_millis(200);

pub struct Receiver {
    sink: Sink,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    fault: Mutex<Option<ReceiverFault>>,
    arrivals: Mutex<Vec<Arrival>>,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub event: String,
    pub delivery: String,
    pub attempt: u64,
    pub body: Digest,
    pub at: Instant,
    /// What the receiver did to it; `None` when it answered well.
    pub fault: Option<ReceiverFault>,
}

impl Receiver {
    pub async fn start() -> Self {
        let state = Arc::new(State::default());
        let script = {
            let state = Arc::clone(&state);
            move |request: &Received| state.receive(request)
        };
        Self { sink: Sink::forgetful(script).await, state }
    }

    pub fn url(&self) -> String {
        self.sink.url()
    }

    /// From now on, does this to two of three requests.
    pub fn misbehave(&self, fault: Option<ReceiverFault>) {
        *lock(&self.state.fault) = fault;
    }

    /// Everything that came.
    pub fn arrivals(&self) -> Vec<Arrival> {
        lock(&self.state.arrivals).clone()
    }
}

impl State {
    fn receive(&self, request: &Received) -> Reply {
        let delivery = request.delivery_id();
        let attempt = request.header("x-hookstream-attempt").and_then(|text| text.parse().ok()).expect("a number");
        let mut hasher = DefaultHasher::new();
        (&delivery, attempt).hash(&mut hasher);
        let fault = lock(&self.fault).filter(|_| !hasher.finish().is_multiple_of(3));
        lock(&self.arrivals).push(Arrival {
            event: request.event_id(),
            delivery,
            attempt,
            body: digest(&request.body),
            at: request.at,
            fault,
        });
        fault.map_or(Reply::Status(200), reply)
    }
}

impl Arrival {
    /// The server has to take it for delivered: the receiver said so in time. A status counts, whatever becomes of the
    /// body after it.
    pub fn is_success(&self) -> bool {
        use ReceiverFault::{Dribbles, HalfBody, Slow};
        matches!(self.fault, None | Some(Slow | HalfBody | Dribbles))
    }

    /// When the server has all that it gets of the answer, at the latest. It waits for the end of a body until its time is over.
    pub fn answered_by(&self) -> Instant {
        self.at
            + match self.fault {
                Some(ReceiverFault::Dribbles | ReceiverFault::HalfBody) => TIMEOUT,
                Some(ReceiverFault::Slow) => SLOW,
                _ => Duration::ZERO,
            }
    }

    /// The server may take it for delivered: a late yes is heard by a server that was late itself.
    pub fn may_be_success(&self) -> bool {
        self.is_success() || self.fault == Some(ReceiverFault::Late)
    }
}

fn reply(fault: ReceiverFault) -> Reply {
    let after = |wait, reply| Reply::After(wait, Box::new(reply));
    match fault {
        // It lets go in the end, so that long runs do not gather connections.
        ReceiverFault::Hangs => after(TOO_LATE, Reply::Close),
        ReceiverFault::Resets => Reply::Reset,
        ReceiverFault::Closes => Reply::Close,
        ReceiverFault::Fails => Reply::Status(500),
        ReceiverFault::AsksToWait => {
            Reply::Full { status: 503, headers: vec![("retry-after", "1".to_owned())], body: b"later".to_vec() }
        }
        ReceiverFault::Redirects => {
            Reply::Full { status: 302, headers: vec![("location", "/elsewhere".to_owned())], body: Vec::new() }
        }
        ReceiverFault::Late => after(TOO_LATE, Reply::Status(200)),
        ReceiverFault::Slow => after(SLOW, Reply::Status(200)),
        ReceiverFault::Garbage => Reply::Raw(b"\x16\x03\x01 this is no HTTP\r\n\r\n"),
        ReceiverFault::HalfHead => Reply::Raw(b"HTTP/1.1 2"),
        ReceiverFault::HalfBody => Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this"),
        ReceiverFault::Dribbles => Reply::Dribble(DRIBBLE),
    }
}

pub fn name(fault: ReceiverFault) -> &'static str {
    match fault {
        ReceiverFault::Hangs => "receiver_hangs",
        ReceiverFault::Resets => "receiver_resets",
        ReceiverFault::Closes => "receiver_closes",
        ReceiverFault::Fails => "receiver_fails",
        ReceiverFault::AsksToWait => "receiver_asks_to_wait",
        ReceiverFault::Redirects => "receiver_redirects",
        ReceiverFault::Late => "receiver_late",
        ReceiverFault::Slow => "receiver_slow",
        ReceiverFault::Garbage => "receiver_garbage",
        ReceiverFault::HalfHead => "receiver_half_head",
        ReceiverFault::HalfBody => "receiver_half_body",
        ReceiverFault::Dribbles => "receiver_dribbles",
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
