//! The third stage: sends one event to one destination, once, and says what came of it. The only way out.

use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::{
    delivery::{ErrorClass, SentRequest},
    destination::Config,
    id::{DeliveryId, EventId, SourceId},
    time::Timestamp,
};
use serde_json::{Value, json};

use crate::{
    destinations::{Exchange, Post},
    http_client::{HttpClient, SendError},
    hub::Hub,
    registry::Target,
    transform::Input,
};

/// What is sent.
#[derive(Debug, Clone)]
pub struct Outgoing<'a> {
    pub event_id: EventId,
    pub source_id: SourceId,
    pub delivery_id: DeliveryId,
    pub attempt_number: u32,
    pub headers: &'a [(String, String)],
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
        let header = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        header.map(|(_, value)| value.as_str())
    }

    /// When the event came, to the millisecond.
    #[must_use]
    pub const fn received_at(&self) -> Timestamp {
        self.event_id.made_at()
    }

    /// What expressions see of it.
    #[must_use]
    pub fn input(&self) -> Input {
        let mut headers = serde_json::Map::new();
        for (name, value) in self.headers {
            headers.entry(name.to_ascii_lowercase()).or_insert_with(|| json!(value));
        }
        let event = json!({ "id": self.event_id, "source_id": self.source_id, "received_at": self.received_at() });
        Input {
            payload: self.payload(),
            variables: vec![("headers", Value::Object(headers)), ("event", event)],
            now_ms: self.now.as_micros() / 1000,
        }
    }
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
            let (method, url) = match &target.destination.config {
                Config::Http(config) => (config.method.as_str(), config.url.clone()),
                other => ("POST", other.address()),
            };
            let request = SentRequest { method: method.to_owned(), url, headers: vec![] };
            let error = SendError::new(ErrorClass::Config, why.clone());
            Exchange { request, answer: None, outcome: Outcome::Retry(error) }
        }
    };
    let Exchange { request, answer, outcome } = exchange;
    let latency_ms = u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX);
    Sent { request, answer, outcome, latency_ms }
}
