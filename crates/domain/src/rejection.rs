//! Requests that a source refused, kept for a while: the answer to "why did my webhook not arrive?".

use serde::{Deserialize, Serialize};

use crate::{
    event::SchemaError,
    id::{RequestId, SourceId},
    time::Timestamp,
};

/// A refused request as its owner sees it, with what is secret in its headers masked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RejectedRequest {
    pub id: RequestId,
    pub source_id: SourceId,
    /// When it came.
    pub at: Timestamp,
    pub reason: RejectionReason,
    /// What the sender was answered.
    pub status: u16,
    pub detail: RejectionDetail,
    pub method: String,
    pub path: String,
    pub query: Option<String>,
    pub source_ip: Option<String>,
    /// Name and value, in the order received.
    pub headers: Vec<(String, String)>,
    /// Bytes of its body, where that was read.
    pub content_length: Option<u64>,
    /// The body as text, where it was kept.
    pub body: Option<String>,
    /// Whether it can be taken in again: that takes the whole of it.
    pub can_be_replayed: bool,
}

/// Which check it did not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RejectionReason {
    TooLarge,
    RateLimited,
    IpDenied,
    IpNotAllowed,
    Unverified,
    /// The provider sends such a request once only, and it had come before.
    Repeated,
    SchemaInvalid,
}

impl RejectionReason {
    pub const ALL: [Self; 7] = [
        Self::TooLarge,
        Self::RateLimited,
        Self::IpDenied,
        Self::IpNotAllowed,
        Self::Unverified,
        Self::Repeated,
        Self::SchemaInvalid,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::IpDenied => "ip_denied",
            Self::IpNotAllowed => "ip_not_allowed",
            Self::Unverified => "unverified",
            Self::Repeated => "repeated",
            Self::SchemaInvalid => "schema_invalid",
        }
    }

    /// The status that the sender is answered.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::TooLarge => 413,
            Self::RateLimited => 429,
            Self::IpDenied | Self::IpNotAllowed => 403,
            Self::Unverified | Self::Repeated => 401,
            Self::SchemaInvalid => 422,
        }
    }
}

impl std::str::FromStr for RejectionReason {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text).ok_or("must be a reason for a refusal")
    }
}

/// What was expected, and what was seen instead.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RejectionDetail {
    /// A sentence for people.
    pub message: String,
    #[serde(default)]
    pub expected: Option<String>,
    /// Secrets are masked.
    #[serde(default)]
    pub seen: Option<String>,
    #[serde(default)]
    pub schema_errors: Vec<SchemaError>,
}

/// What is kept of a source's refused requests.
pub const KEPT_REQUESTS: u32 = 100;
pub const KEPT_HOURS: u32 = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for reason in RejectionReason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(reason));
            assert_eq!(serde_json::to_value(reason).expect("a word"), reason.as_str());
            assert!((400..500).contains(&reason.status()));
        }
    }
}
