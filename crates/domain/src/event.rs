//! Events: one request to a source each, immutable but for its status.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    delivery::Delivery,
    filter::Unmatched,
    id::{ConnectionId, EnvId, EventId, SourceId},
    time::Timestamp,
};

/// Where an event stands, as all of its deliveries together say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EventStatus {
    /// Stored; it also stays so when no connection matched (shown as *no route*).
    Received,
    /// At least one delivery is still to be made.
    Processing,
    /// Every delivery succeeded.
    Delivered,
    /// At least one delivery is out of attempts.
    Failed,
}

impl EventStatus {
    pub const ALL: [Self; 4] = [Self::Received, Self::Processing, Self::Delivered, Self::Failed];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Processing => "processing",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

impl std::str::FromStr for EventStatus {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or("must be received, processing, delivered or failed")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum VerificationStatus {
    /// The signature was right.
    Verified,
    /// The source asks for none.
    NotRequired,
}

impl VerificationStatus {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::NotRequired => "not_required",
        }
    }
}

impl std::str::FromStr for VerificationStatus {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "verified" => Ok(Self::Verified),
            "not_required" => Ok(Self::NotRequired),
            _ => Err("must be verified or not_required"),
        }
    }
}

/// An event as lists show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventSummary {
    pub id: EventId,
    pub env_id: EnvId,
    pub source_id: SourceId,
    pub status: EventStatus,
    /// The provider's name for what happened, where its template finds one.
    #[serde(rename = "type")]
    pub event_type: Option<String>,
    /// The provider's own id of the event.
    pub provider_event_id: Option<String>,
    pub method: String,
    pub path: String,
    pub query: Option<String>,
    pub content_type: Option<String>,
    /// Bytes of the body.
    pub content_length: u64,
    pub source_ip: Option<String>,
    pub received_at: Timestamp,
    pub verification_status: VerificationStatus,
    /// `unique`, or `duplicate` of an earlier event.
    pub dedup_status: DedupStatus,
    /// The event that this one repeats.
    #[serde(default)]
    pub duplicate_of: Option<EventId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DedupStatus {
    #[default]
    Unique,
    Duplicate,
}

impl DedupStatus {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unique => "unique",
            Self::Duplicate => "duplicate",
        }
    }
}

impl std::str::FromStr for DedupStatus {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "unique" => Ok(Self::Unique),
            "duplicate" => Ok(Self::Duplicate),
            _ => Err("must be unique or duplicate"),
        }
    }
}

/// Something that a JSON Schema does not allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SchemaError {
    /// Where in the body, as a JSON Pointer; empty for the whole of it.
    pub pointer: String,
    pub message: String,
}

impl std::fmt::Display for SchemaError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.pointer.as_str() {
            "" => f.write_str(&self.message),
            pointer => write!(f, "{pointer}: {}", self.message),
        }
    }
}

/// An event whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Event {
    #[serde(flatten)]
    pub summary: EventSummary,
    /// Name and value, in the order received, repeats kept.
    pub headers: Vec<(String, String)>,
    /// The body as JSON, where it is JSON; decompressed where it came compressed.
    pub payload: Option<Value>,
    /// The body byte for byte, in base64.
    pub body_base64: String,
    /// What the source's schema found wrong with the body, which was taken all the same.
    #[serde(default)]
    pub schema_errors: Vec<SchemaError>,
    /// Connections whose filters did not let it through, as they were then: those have no delivery.
    #[serde(default)]
    pub skipped: Vec<Unmatched>,
    /// How many more there were than are listed.
    #[serde(default)]
    pub skipped_unlisted: u32,
    pub deliveries: Vec<Delivery>,
}

/// Which events a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventFilter {
    pub source_id: Option<SourceId>,
    pub connection_id: Option<ConnectionId>,
    pub status: Option<EventStatus>,
    /// Received at or after.
    pub after: Option<Timestamp>,
    /// Received before.
    pub before: Option<Timestamp>,
    #[serde(rename = "type")]
    pub event_type: Option<String>,
    /// A part of the body, of a header, or an event id.
    pub search: Option<String>,
}
