//! Clients that listen to channels over WebSockets, and the way of a message to all of them.
//!
//! A client subscribes at the node it is connected to. Whoever sends hands the message to the clients of this node, and asks
//! every other node to do the same; what travels between nodes is the event's id, and each reads the event itself. A node
//! that does not answer in time makes the sending fail, so that it is tried again: a client may get a message twice, as
//! receivers of any kind may.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::id::{DeliveryId, EnvId, EventId, SourceId};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::{
    Store,
    signals::{Passing, Signal},
};
use tokio::{
    sync::{broadcast::error::RecvError, mpsc},
    time::{Instant, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{clock, event_view::EventView, registry::Registry, rules::Shaped};

/// Everybody who listens at this node. Clones share it.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    store: Store,
    registry: Registry,
    node: i64,
    channels: Mutex<HashMap<Key, Channel>>,
    next: AtomicU64,
    /// Questions to other nodes that still wait for answers.
    questions: Mutex<HashMap<u64, mpsc::UnboundedSender<(i64, u32)>>>,
    passing: TaskTracker,
}

/// A project and the digest of a channel's name.
type Key = (EnvId, u64);

struct Channel {
    name: String,
    listeners: HashMap<u64, Listener>,
}

struct Listener {
    messages: mpsc::Sender<Message>,
    is_lost: CancellationToken,
}

/// Where a client's messages come together, from all channels that it listens to.
pub struct Inbox {
    sender: mpsc::Sender<Message>,
    messages: mpsc::Receiver<Message>,
    is_lost: CancellationToken,
}

/// A message on its way to a client.
pub struct Message {
    pub text: Arc<str>,
    got: mpsc::UnboundedSender<()>,
}

impl Message {
    /// The client has got it.
    pub fn received(self) {
        // Whoever sent it may not wait any longer.
        let _ = self.got.send(());
    }
}

/// A client's place in a channel, until it is dropped.
pub struct Subscription {
    hub: Hub,
    key: Key,
    number: u64,
}

/// What is sent, as other nodes find it.
#[derive(Debug, Clone, Copy)]
pub struct Item {
    pub env_id: EnvId,
    pub event_id: EventId,
    pub delivery_id: DeliveryId,
    pub is_test: bool,
}

/// Who got a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reached {
    pub clients: u32,
    /// Nodes that have answered, this one included.
    pub nodes: u32,
    /// Nodes that have not answered in time.
    pub silent: u32,
}

/// Messages that wait for one slow client; one that falls further behind is disconnected.
const MAX_WAITING: usize = 32;
/// Listeners of one node.
const MAX_LISTENERS: usize = 10_000;
/// How long clients of this node have for a message, and other nodes for theirs.
const CLIENT_LIMIT: Duration = Duration::from_secs(2);
const NODE_LIMIT: Duration = Duration::from_secs(5);

impl Hub {
    #[must_use]
    pub fn new(store: Store, registry: Registry, node: i64) -> Self {
        Self(Arc::new(Inner {
            store,
            registry,
            node,
            channels: Mutex::default(),
            next: AtomicU64::new(u64::from_be_bytes(clock::secret_bytes()) >> 1),
            questions: Mutex::default(),
            passing: TaskTracker::new(),
        }))
    }

    /// Listens to a channel of a project; `None` when this node has as many listeners as it takes.
    #[must_use]
    pub fn subscribe(&self, env: EnvId, channel: &str, inbox: &Inbox) -> Option<Subscription> {
        let key = (env, digest(channel));
        let number = self.number();
        let listener = Listener { messages: inbox.sender.clone(), is_lost: inbox.is_lost.clone() };
        let mut channels = lock(&self.0.channels);
        if channels.values().map(|channel| channel.listeners.len()).sum::<usize>() >= MAX_LISTENERS {
            return None;
        }
        let listeners = || Channel { name: channel.to_owned(), listeners: HashMap::new() };
        channels.entry(key).or_insert_with(listeners).listeners.insert(number, listener);
        drop(channels);
        Some(Subscription { hub: self.clone(), key, number })
    }

    /// Hands a message to everybody who listens, here and at other nodes, and says who got it.
    pub async fn publish(&self, channel: &str, item: Item, text: String, deadline: Instant) -> Reached {
        let key = (item.env_id, digest(channel));
        let here = self.hand_out(key, text.into(), deadline);
        let (clients, others) = tokio::join!(here, self.ask_others(key, item, deadline));
        Reached { clients: clients + others.clients, nodes: 1 + others.nodes, silent: others.silent }
    }

    async fn hand_out(&self, key: Key, text: Arc<str>, deadline: Instant) -> u32 {
        let (got, mut received) = mpsc::unbounded_channel();
        if let Some(channel) = lock(&self.0.channels).get_mut(&key) {
            // One that does not keep up loses its place, and with it its connection.
            channel.listeners.retain(|_, listener| {
                let message = Message { text: Arc::clone(&text), got: got.clone() };
                let keeps_up = listener.messages.try_send(message).is_ok();
                if !keeps_up {
                    listener.is_lost.cancel();
                }
                keeps_up
            });
        }
        drop(got);
        let deadline = deadline.min(Instant::now() + CLIENT_LIMIT);
        let mut clients = 0;
        while let Ok(Some(())) = timeout_at(deadline, received.recv()).await {
            clients += 1;
        }
        clients
    }

    async fn ask_others(&self, (_, channel): Key, item: Item, deadline: Instant) -> Reached {
        let nodes = match self.0.store.other_nodes(self.0.node).await {
            Ok(nodes) if nodes.is_empty() => return Reached::default(),
            Ok(nodes) => nodes,
            Err(error) => {
                tracing::warn!(%error, "the other nodes are not known; a message is not handed to their clients");
                return Reached { silent: 1, ..Reached::default() };
            }
        };
        let question = self.number();
        let (answers, mut answered) = mpsc::unbounded_channel();
        lock(&self.0.questions).insert(question, answers);
        let Item { env_id, event_id, delivery_id, is_test } = item;
        let passing = Passing { question, env_id, channel, event_id, delivery_id, is_test };
        self.0.store.signals().tell_others(Signal::Pass(passing));
        let deadline = deadline.min(Instant::now() + NODE_LIMIT);
        let mut waited_for = nodes;
        let mut reached = Reached::default();
        while !waited_for.is_empty() {
            let Ok(Some((node, clients))) = timeout_at(deadline, answered.recv()).await else { break };
            if let Some(at) = waited_for.iter().position(|other| *other == node) {
                waited_for.swap_remove(at);
                reached.nodes += 1;
                reached.clients += clients;
            }
        }
        lock(&self.0.questions).remove(&question);
        Reached { silent: u32::try_from(waited_for.len()).unwrap_or(u32::MAX), ..reached }
    }

    /// Answers the other nodes until `stop`.
    pub(crate) async fn follow(self, stop: CancellationToken) {
        let mut signals = self.0.store.signals().subscribe();
        loop {
            let signal = tokio::select! {
                () = stop.cancelled() => return,
                signal = signals.recv() => signal,
            };
            match signal {
                Ok(Signal::Pass(passing)) => {
                    let hub = self.clone();
                    self.0.passing.spawn(async move { hub.pass_on(passing).await });
                }
                Ok(Signal::Passed { question, node, clients }) => {
                    if let Some(answers) = lock(&self.0.questions).get(&question) {
                        // Whoever asked may have given up just now.
                        let _ = answers.send((node, clients));
                    }
                }
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }

    async fn pass_on(&self, passing: Passing) {
        let Passing { question, env_id, channel, event_id, delivery_id, is_test } = passing;
        let key = (env_id, channel);
        let name = lock(&self.0.channels)
            .get(&key)
            .filter(|channel| !channel.listeners.is_empty())
            .map(|channel| channel.name.clone());
        let mut clients = 0;
        if let Some(name) = name {
            let item = Item { env_id, event_id, delivery_id, is_test };
            // A node that cannot read the event stays silent, and is asked again with the next try.
            let Some(text) = self.read(&name, item).await else { return };
            clients = self.hand_out(key, text.into(), Instant::now() + CLIENT_LIMIT).await;
        }
        self.0.store.signals().tell_others(Signal::Passed { question, node: self.0.node, clients });
    }

    async fn read(&self, channel: &str, item: Item) -> Option<String> {
        if item.is_test {
            let body = test_body(item.event_id);
            return Some(message(channel, item, test_source(), &[], body.as_bytes()));
        }
        match self.0.store.scope(item.env_id).contents(&[item.event_id], usize::MAX).await {
            Ok(mut found) => {
                let event = found.remove(&item.event_id)?;
                let shaped = self.shape(item, &event).await?;
                let (headers, body) =
                    shaped.as_ref().map_or((&event.headers, &event.body), |it| (&it.headers, &it.body));
                Some(message(channel, item, event.source_id, headers, body))
            }
            Err(error) => {
                tracing::warn!(event.id = %item.event_id, %error, "a message for clients could not be read");
                None
            }
        }
    }

    /// What the delivery's connection makes of an event: the same as at the node that sends it. `None` when that is not known.
    async fn shape(&self, item: Item, event: &store::Content) -> Option<Option<Shaped>> {
        let delivery = self.0.store.scope(item.env_id).delivery(item.delivery_id).await;
        let delivery = delivery.inspect_err(|error| tracing::warn!(%error, "a delivery could not be read")).ok()??;
        if self.0.registry.snapshot().connection(delivery.connection_id).is_none() {
            // It was made a moment ago.
            self.0.registry.refresh().await.ok()?;
        }
        let snapshot = self.0.registry.snapshot();
        let Some(rules) = snapshot.rules(delivery.connection_id).filter(|rules| rules.shapes()) else {
            return Some(None);
        };
        let view = EventView::of_content(item.event_id, event);
        rules.shape(item.env_id, &view, &event.body, clock::now()).await.ok()
    }

    fn number(&self) -> u64 {
        self.0.next.fetch_add(1, Ordering::Relaxed)
    }
}

impl Inbox {
    #[must_use]
    pub fn new() -> Self {
        let (sender, messages) = mpsc::channel(MAX_WAITING);
        Self { sender, messages, is_lost: CancellationToken::new() }
    }

    /// The next message; `None` once the client has fallen too far behind.
    pub async fn next(&mut self) -> Option<Message> {
        tokio::select! {
            biased;
            () = self.is_lost.cancelled() => None,
            message = self.messages.recv() => message,
        }
    }
}

impl Default for Inbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut channels = lock(&self.hub.0.channels);
        if let Some(channel) = channels.get_mut(&self.key) {
            channel.listeners.remove(&self.number);
            if channel.listeners.is_empty() {
                channels.remove(&self.key);
            }
        }
    }
}

/// What a client gets.
#[must_use]
pub fn message(channel: &str, item: Item, source: SourceId, headers: &[(String, String)], body: &[u8]) -> String {
    let payload: Option<Value> = serde_json::from_slice(body).ok();
    let content_type = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    json!({
        "type": "event",
        "channel": channel,
        "event_id": item.event_id,
        "delivery_id": item.delivery_id,
        "source_id": source,
        "received_at": item.event_id.made_at(),
        "content_type": content_type.map(|(_, value)| value),
        "body_base64": payload.is_none().then(|| BASE64_STANDARD.encode(body)),
        "payload": payload,
    })
    .to_string()
}

/// The body of an event that is made up to try a destination: the same at every node.
#[must_use]
pub fn test_body(event: EventId) -> String {
    json!({
        "type": "hookstream.test",
        "id": event,
        "sent_at": event.made_at(),
        "message": "A test of this destination. No source received it.",
    })
    .to_string()
}

/// The source of an event that none received.
#[must_use]
pub const fn test_source() -> SourceId {
    SourceId::from_u128(0)
}

fn digest(channel: &str) -> u64 {
    let digest = Sha256::digest(channel.as_bytes());
    digest.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// A lock whose holder panicked still guards a sound map.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
