//! Deliveries (one event on one connection) and their attempts (one try each).

use serde::{Deserialize, Serialize};

use crate::{
    event::SchemaError,
    id::{AttemptId, ConnectionId, DeliveryId, DestinationId, EventId, IssueId, ReplayId},
    time::Timestamp,
};

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// Due, not yet taken.
    Pending,
    /// A node has taken it and is sending.
    InFlight,
    /// The last try failed, the next has its time.
    Waiting,
    /// The receiver took it.
    Succeeded,
    /// Out of attempts, in the dead letter queue.
    Failed,
    /// Kept back while its connection or destination is paused.
    Held,
    /// Not made, since a filter or schema said no.
    Skipped,
    /// Ended by a person.
    Cancelled,
}

impl DeliveryStatus {
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::InFlight,
        Self::Waiting,
        Self::Succeeded,
        Self::Failed,
        Self::Held,
        Self::Skipped,
        Self::Cancelled,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InFlight => "in_flight",
            Self::Waiting => "waiting",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Held => "held",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more happens by itself.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Skipped | Self::Cancelled)
    }

    /// Whether a person may ask for another try now. One in flight is being tried already.
    #[must_use]
    pub const fn may_retry(self) -> bool {
        !matches!(self, Self::InFlight | Self::Pending)
    }

    /// Whether a person may end it.
    #[must_use]
    pub const fn may_cancel(self) -> bool {
        matches!(self, Self::Pending | Self::Waiting | Self::Held)
    }
}

impl std::str::FromStr for DeliveryStatus {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or("must be pending, in_flight, waiting, succeeded, failed, held, skipped or cancelled")
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Delivery {
    pub id: DeliveryId,
    pub event_id: EventId,
    pub connection_id: ConnectionId,
    pub destination_id: DestinationId,
    pub status: DeliveryStatus,
    pub attempt_count: u32,
    pub next_attempt_at: Option<Timestamp>,
    pub is_dlq: bool,
    /// The issue of its last failure, also when it was tried again since.
    #[serde(default)]
    pub issue_id: Option<IssueId>,
    pub last_error: Option<String>,
    /// The replay that asked for it, the last one where there were several.
    #[serde(default)]
    pub replay_id: Option<ReplayId>,
    /// What its connection's schema found wrong with the payload, when the delivery was made: it was skipped for that, or is
    /// made all the same.
    #[serde(default)]
    pub schema_errors: Vec<SchemaError>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Why an attempt was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AttemptTrigger"))]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    Initial,
    Retry,
    Manual,
    Replay,
}

impl Trigger {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Retry => "retry",
            Self::Manual => "manual",
            Self::Replay => "replay",
        }
    }
}

impl std::str::FromStr for Trigger {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Initial, Self::Retry, Self::Manual, Self::Replay]
            .into_iter()
            .find(|trigger| trigger.as_str() == text)
            .ok_or("must be initial, retry, manual or replay")
    }
}

/// What kind of thing went wrong with an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    Dns,
    Connect,
    Tls,
    Timeout,
    /// An answer, but not a 2xx.
    Status,
    Transform,
    Schema,
    /// The destination's settings do not allow a request to be made.
    Config,
    /// The address is one that deliveries may not reach.
    Blocked,
    /// What came back was no HTTP.
    Protocol,
}

impl ErrorClass {
    pub const ALL: [Self; 10] = [
        Self::Dns,
        Self::Connect,
        Self::Tls,
        Self::Timeout,
        Self::Status,
        Self::Transform,
        Self::Schema,
        Self::Config,
        Self::Blocked,
        Self::Protocol,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Status => "status",
            Self::Transform => "transform",
            Self::Schema => "schema",
            Self::Config => "config",
            Self::Blocked => "blocked",
            Self::Protocol => "protocol",
        }
    }
}

impl std::str::FromStr for ErrorClass {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|class| class.as_str() == text).ok_or("must be an error class")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AttemptStatus {
    Succeeded,
    Failed,
}

impl AttemptStatus {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

impl std::str::FromStr for AttemptStatus {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "succeeded" => Ok(Self::Succeeded),
            "failed" => Ok(Self::Failed),
            _ => Err("must be succeeded or failed"),
        }
    }
}

/// One try.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Attempt {
    pub id: AttemptId,
    pub delivery_id: DeliveryId,
    /// 1 is the first.
    pub attempt_number: u32,
    pub trigger: Trigger,
    pub status: AttemptStatus,
    pub started_at: Timestamp,
    pub latency_ms: u32,
    pub response_status: Option<u16>,
    pub response_headers: Option<Vec<(String, String)>>,
    /// The first 16 KiB of the answer, as text.
    pub response_body: Option<String>,
    pub error: Option<String>,
    pub error_class: Option<ErrorClass>,
    pub request: SentRequest,
    pub next_retry_at: Option<Timestamp>,
}

/// What became of an event that was made up to try a destination: the fields of an attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "DestinationTestResult"))]
pub struct Trial {
    pub succeeded: bool,
    pub event_id: EventId,
    pub latency_ms: u32,
    pub response_status: Option<u16>,
    pub response_headers: Option<Vec<(String, String)>>,
    pub response_body: Option<String>,
    pub error: Option<String>,
    pub error_class: Option<ErrorClass>,
    pub request: SentRequest,
}

/// The request as it was sent. Its body is that of the event; credentials among the headers are masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SentRequest {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
}

/// Which deliveries a list shows, or a bulk operation takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct DeliveryFilter {
    pub status: Option<DeliveryStatus>,
    pub is_dlq: Option<bool>,
    pub destination_id: Option<DestinationId>,
    pub connection_id: Option<ConnectionId>,
    pub replay_id: Option<ReplayId>,
    /// Those that the issue holds; beside `is_dlq: false` those that it has held.
    pub issue_id: Option<IssueId>,
    /// Made at or after.
    pub after: Option<Timestamp>,
    /// Made before.
    pub before: Option<Timestamp>,
}
