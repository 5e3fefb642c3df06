//! The third stage: sends one event to one destination, once, and says what came of it. The only way out.

use std::time::Duration;

use bytes::Bytes;
use domain::{
    delivery::SentRequest,
    id::{DeliveryId, EventId, SourceId},
    time::Timestamp,
};

use crate::{
    destinations,
    http_client::{HttpClient, SendError},
    registry::Target,
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
}

/// What was sent and what came back.
#[derive(Debug, Clone)]
pub struct Sent {
    pub request: SentRequest,
    pub answer: Option<Answer>,
    /// `None` when the receiver took it.
    pub error: Option<SendError>,
    pub latency_ms: u32,
}

/// What the receiver said.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// The first [`MAX_ANSWER`] bytes as text.
    pub body: String,
    pub retry_after: Option<Duration>,
}

/// How much of an answer is read and kept.
pub const MAX_ANSWER: usize = 16 * 1024;

/// Sends, by the destination's type.
pub async fn send(client: &HttpClient, target: &Target, outgoing: &Outgoing<'_>) -> Sent {
    match target.destination.kind {
        domain::destination::DestinationType::Http => destinations::http::send(client, target, outgoing).await,
    }
}
