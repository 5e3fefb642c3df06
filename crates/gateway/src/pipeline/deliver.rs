//! The third stage: sends one event to one destination, once, and says what came of it. The only way out.

use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::{
    delivery::{ErrorClass, SentRequest},
    destination::Config,
    id::{DeliveryId, EnvId, EventId, SourceId},
    time::Timestamp,
};
use serde_json::Value;

use crate::{
    destinations::{Exchange, Post},
    event_view::{EventView, header},
    http_client::{HttpClient, SendError},
    hub::Hub,
    registry::Target,
    transform::Input,
};

/// What is sent.
#[derive(Debug, Clone)]
pub struct Outgoing<'a> {
    /// The event, with the headers that are forwarded.
    pub event: EventView<'a>,
    pub env_id: EnvId,
    pub event_id: EventId,
    pub source_id: SourceId,
    pub delivery_id: DeliveryId,
    pub attempt_number: u32,
    /// The body as it came, or what the connection's transform made of it.
    pub body: Bytes,
    pub now: Timestamp,
    /// It was made up to try the destination, and stands nowhere.
    pub is_test: bool,
}

/// What was sent and what came back.
#[derive(Debug, Clone)]
pub struct Sent {
    pub request: SentRequest,
    pub answer: Option<Answer>,
    pub outcome: Outcome,
    pub latency_ms: u32,
}

/// What came of an attempt, by what the receiver said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Delivered,
    /// It did not, and may at another time.
    Retry(SendError),
    /// It never will: the fault is this message's, and not the receiver's.
    GiveUp(SendError),
}

impl Sent {
    /// `None` when the receiver took it.
    #[must_use]
    pub const fn error(&self) -> Option<&SendError> {
        match &self.outcome {
            Outcome::Delivered => None,
            Outcome::Retry(error) | Outcome::GiveUp(error) => Some(error),
        }
    }
}

/// What the receiver said.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Where the receiver speaks HTTP.
    pub status: Option<u16>,
    pub headers: Vec<(String, String)>,
    /// The first [`MAX_ANSWER`] bytes as text.
    pub body: String,
    pub retry_after: Option<Duration>,
}

/// How much of an answer is read and kept.
pub const MAX_ANSWER: usize = 16 * 1024;

impl Outgoing<'_> {
    /// The body as JSON, where it is JSON.
    #[must_use]
    pub fn payload(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        header(self.event.headers, "content-type")
    }

    /// When the event came, to the millisecond.
    #[must_use]
    pub const fn received_at(&self) -> Timestamp {
        self.event_id.made_at()
    }

    /// What expressions see of it.
    #[must_use]
    pub fn input(&self) -> Input {
        self.event.input(self.env_id, self.payload(), self.now)
    }
}

/// What there is to say of a delivery that cannot be sent, and never could.
#[must_use]
pub fn give_up(target: &Target, error: SendError) -> Sent {
    Sent { request: unsent(target), answer: None, outcome: Outcome::GiveUp(error), latency_ms: 0 }
}

/// The request that was not made.
fn unsent(target: &Target) -> SentRequest {
    let (method, url) = match &target.destination.config {
        Config::Http(config) => (config.method.as_str(), config.url.clone()),
        other => ("POST", other.address()),
    };
    SentRequest { method: method.to_owned(), url, headers: vec![] }
}

/// Sends, by the destination's type.
pub async fn send(client: &HttpClient, hub: &Hub, target: &Target, outgoing: &Outgoing<'_>) -> Sent {
    let started = Instant::now();
    let timeout_ms = target.destination.timeout_ms;
    let deadline = tokio::time::Instant::now() + Duration::from_millis(timeout_ms.into());
    let post = Post { client, hub, deadline, timeout_ms, now: outgoing.now };
    let exchange = match &target.sender {
        Ok(sender) => sender.send(&post, outgoing).await,
        Err(why) => {
            let error = SendError::new(ErrorClass::Config, why.clone());
            Exchange { request: unsent(target), answer: None, outcome: Outcome::Retry(error) }
        }
    };
    let Exchange { request, answer, outcome } = exchange;
    let latency_ms = u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX);
    Sent { request, answer, outcome, latency_ms }
}
