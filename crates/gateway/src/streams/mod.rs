//! What happens in a project, for clients that follow it: events as they come, deliveries and issues as they change.
//!
//! A [`Topic`] says what a client wants to hear of. A project that anybody follows at this node has one [`reader`] there, however
//! many follow it: signals say that something may be new, and it reads what is from the database and hands it to everybody.
//! A project that nobody follows has none, and costs nothing. Events come once each, in the order of their commits
//! ([`store::arrivals`]), whichever node took them. Of deliveries and issues a message says how they stand, and may say so again.

mod cursor;
mod message;
mod reader;

use std::{
    collections::HashMap,
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::{
    delivery::Delivery,
    event::EventSummary,
    id::{DestinationId, EnvId, SourceId},
    issue::Issue,
};
use store::Store;
use tokio::sync::{mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::cursor::{Cursor, InvalidCursor};
use self::reader::{Command, Follower, Reader};
pub(crate) use self::{
    message::{delivery_message, event_message, gap_message, issue_message},
    reader::LATE_CHANGE,
};

/// Messages that a client may be behind, of all its topics together.
pub const MAX_BEHIND: usize = 1024;
/// Clients of one project at one node.
pub const MAX_CLIENTS: usize = 200;
/// Messages that a client is sent of what it has missed; what is beyond that it learns to be a gap.
pub const MAX_MISSED: usize = 10_000;
/// How far back it is looked for missed changes of deliveries and issues, which stand in no order of their own.
pub const MISSED_CHANGES: Duration = Duration::from_mins(5);

/// What a client follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Events, of one source where it is given.
    Events(Option<SourceId>),
    /// Deliveries, to one destination where it is given.
    Deliveries(Option<DestinationId>),
    Issues,
}

/// Everybody who follows anything at this node. Clones share it.
#[derive(Clone)]
pub struct Streams(Arc<Inner>);

struct Inner {
    store: Store,
    stop: CancellationToken,
    tasks: TaskTracker,
    readers: Mutex<HashMap<EnvId, mpsc::UnboundedSender<Command>>>,
    clients: Mutex<HashMap<EnvId, usize>>,
}

/// A client's place among those of its project, until it is dropped.
pub struct Seat {
    streams: Streams,
    env: EnvId,
}

/// That a client follows a topic, until it is dropped.
pub struct Following {
    /// The reader drops its end of a follower whose other end is gone.
    _here: oneshot::Receiver<()>,
    /// Where it begins.
    pub cursor: Cursor,
}

/// Where a client's messages come together, from all topics that it follows.
pub struct Mail {
    messages: mpsc::Receiver<Arc<str>>,
    is_lost: CancellationToken,
}

/// What puts them there.
#[derive(Clone)]
pub struct Letters {
    messages: mpsc::Sender<Arc<str>>,
    is_lost: CancellationToken,
}

impl Mail {
    #[must_use]
    pub fn new() -> (Self, Letters) {
        let (sender, messages) = mpsc::channel(MAX_BEHIND);
        let is_lost = CancellationToken::new();
        (Self { messages, is_lost: is_lost.clone() }, Letters { messages: sender, is_lost })
    }

    /// The next message; `None` once the client has fallen too far behind.
    pub async fn next(&mut self) -> Option<Arc<str>> {
        tokio::select! {
            biased;
            () = self.is_lost.cancelled() => None,
            message = self.messages.recv() => message,
        }
    }

    /// The next message, if there is one already.
    pub fn waiting(&mut self) -> Option<Arc<str>> {
        self.messages.try_recv().ok()
    }
}

impl Streams {
    pub(crate) fn new(store: Store, stop: CancellationToken, tasks: TaskTracker) -> Self {
        Self(Arc::new(Inner { store, stop, tasks, readers: Mutex::default(), clients: Mutex::default() }))
    }

    /// A place for one more client; `None` when the project has as many at this node as it may.
    pub(crate) fn seat(&self, env: EnvId) -> Option<Seat> {
        let mut clients = lock(&self.0.clients);
        let taken = clients.entry(env).or_default();
        if *taken >= MAX_CLIENTS {
            return None;
        }
        *taken += 1;
        drop(clients);
        Some(Seat { streams: self.clone(), env })
    }

    /// Has what is new of a topic come into `letters`, from `from` on, which the client has come to a moment ago, or from now
    /// on. `None` when the server stops or the database cannot be read.
    pub(crate) async fn follow(
        &self,
        env: EnvId,
        topic: Topic,
        from: Option<Cursor>,
        letters: Letters,
    ) -> Option<Following> {
        let (there, here) = oneshot::channel();
        let (joined, answer) = oneshot::channel();
        self.tell(env, Command { follower: Follower { topic, letters, there }, from, joined });
        let cursor = answer.await.ok()?;
        Some(Following { _here: here, cursor })
    }

    /// Gives a command to the project's reader, which is started where there is none.
    fn tell(&self, env: EnvId, command: Command) {
        let mut readers = lock(&self.0.readers);
        if let Some(reader) = readers.get(&env) {
            // One that has failed takes nothing any more; whoever asked learns so.
            if reader.send(command).is_err() {
                readers.remove(&env);
            }
            return;
        }
        let (commands, received) = mpsc::unbounded_channel();
        // The other end has just been made.
        let _ = commands.send(command);
        readers.insert(env, commands);
        self.0.tasks.spawn(Reader::new(self.clone(), env, received).run());
    }

    /// Ends a reader that nobody needs any more. Returns whether it may end.
    fn end(&self, env: EnvId, commands: &mpsc::UnboundedReceiver<Command>) -> bool {
        let mut readers = lock(&self.0.readers);
        if !commands.is_empty() {
            return false;
        }
        readers.remove(&env);
        true
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut clients = lock(&self.streams.0.clients);
        if let Some(taken) = clients.get_mut(&self.env) {
            *taken -= 1;
            if *taken == 0 {
                clients.remove(&self.env);
            }
        }
    }
}

impl Topic {
    fn has_event(self, event: &EventSummary) -> bool {
        matches!(self, Self::Events(source) if source.is_none_or(|source| source == event.source_id))
    }

    fn has_delivery(self, delivery: &Delivery) -> bool {
        matches!(self, Self::Deliveries(to) if to.is_none_or(|to| to == delivery.destination_id))
    }

    fn has_issue(self, _: &Issue) -> bool {
        self == Self::Issues
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Events(None) => f.write_str("events"),
            Self::Events(Some(source)) => write!(f, "events:{source}"),
            Self::Deliveries(None) => f.write_str("deliveries"),
            Self::Deliveries(Some(destination)) => write!(f, "deliveries:{destination}"),
            Self::Issues => f.write_str("issues"),
        }
    }
}

impl FromStr for Topic {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANTED: &str = "must be events, events:<source id>, deliveries, deliveries:<destination id>, issues";
        match text.split_once(':') {
            None => match text {
                "events" => Ok(Self::Events(None)),
                "deliveries" => Ok(Self::Deliveries(None)),
                "issues" => Ok(Self::Issues),
                _ => Err(WANTED),
            },
            Some(("events", id)) => id.parse().map(|id| Self::Events(Some(id))).map_err(|_| WANTED),
            Some(("deliveries", id)) => id.parse().map(|id| Self::Deliveries(Some(id))).map_err(|_| WANTED),
            Some(_) => Err(WANTED),
        }
    }
}

/// A lock whose holder panicked still guards a sound map.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_read_back() {
        for topic in [
            Topic::Events(None),
            Topic::Events(Some(SourceId::from_u128(7))),
            Topic::Deliveries(None),
            Topic::Deliveries(Some(DestinationId::from_u128(8))),
            Topic::Issues,
        ] {
            assert_eq!(topic.to_string().parse(), Ok(topic));
        }
        for wrong in ["", "event", "events:", "events:dst_1", "issues:iss_1", "deliveries:x"] {
            assert!(wrong.parse::<Topic>().is_err(), "{wrong}");
        }
    }
}
