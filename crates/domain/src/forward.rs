//! What listeners did with events: each forwarded to a server of the machine that `hookstream listen` runs on.

use serde::{Deserialize, Serialize};

use crate::{
    field::{FieldErrors, parse_name},
    id::{EventId, ForwardId},
    time::Timestamp,
};

/// One event, forwarded once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Forward {
    pub id: ForwardId,
    pub event_id: EventId,
    /// Who forwarded it: the name of a machine.
    pub listener: String,
    /// Where it went.
    pub target: String,
    pub started_at: Timestamp,
    pub latency_ms: u32,
    /// `null` where no answer came; `error` says why then.
    pub response_status: Option<u16>,
    pub response_headers: Option<Vec<(String, String)>>,
    /// The first 16 KiB of it.
    pub response_body: Option<String>,
    pub error: Option<String>,
}

impl Forward {
    /// Whether the server took it.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.response_status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// What a listener says of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ForwardInput {
    pub listener: String,
    pub target: String,
    pub started_at: Timestamp,
    pub latency_ms: u32,
    #[serde(default)]
    pub response_status: Option<u16>,
    #[serde(default)]
    pub response_headers: Option<Vec<(String, String)>>,
    #[serde(default)]
    pub response_body: Option<String>,
    #[serde(default)]
    pub error: Option<String>,
}

/// Bytes of an answer's body that are kept.
pub const MAX_RESPONSE_BODY: usize = 16 << 10;
/// Headers of an answer, and bytes of all of them.
const MAX_HEADERS: usize = 100;
const MAX_HEADER_BYTES: usize = 16 << 10;
/// Characters of an address, and of what went wrong.
const MAX_TEXT: usize = 2000;

impl ForwardInput {
    /// # Errors
    /// Every field that is wrong.
    pub fn parse(self, id: ForwardId, event_id: EventId) -> Result<Forward, FieldErrors> {
        let mut errors = FieldErrors::default();
        let listener = errors.check("listener", parse_name(&self.listener)).unwrap_or_default();
        let is_web = ["http://", "https://"].iter().any(|scheme| self.target.starts_with(scheme));
        if !is_web || self.target.chars().count() > MAX_TEXT || self.target.chars().any(char::is_control) {
            errors
                .push("target", "must be an address that begins with http:// or https://, of at most 2000 characters");
        }
        if self.response_status.is_some_and(|status| !(100..600).contains(&status)) {
            errors.push("response_status", "must be 100 to 599");
        }
        if self.response_status.is_some() == self.error.is_some() {
            errors.push("error", "must be there where there is no response_status, and only there");
        }
        if self.error.as_ref().is_some_and(|error| error.is_empty() || error.chars().count() > MAX_TEXT) {
            errors.push("error", "must be 1 to 2000 characters");
        }
        if let Some(headers) = &self.response_headers {
            let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
            if headers.len() > MAX_HEADERS || bytes > MAX_HEADER_BYTES {
                errors.push("response_headers", "must be at most 100, of 16 KiB together");
            }
        }
        if self.response_body.as_ref().is_some_and(|body| body.len() > MAX_RESPONSE_BODY) {
            errors.push("response_body", "must be at most 16 KiB: the beginning of the body");
        }
        errors.into_result()?;
        Ok(Forward {
            id,
            event_id,
            listener,
            target: self.target,
            started_at: self.started_at,
            latency_ms: self.latency_ms,
            response_status: self.response_status,
            response_headers: self.response_headers,
            // PostgreSQL's texts hold everything but this.
            response_body: self.response_body.map(|body| body.replace('\0', "\u{fffd}")),
            error: self.error.map(|error| error.replace('\0', "\u{fffd}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        let input = ForwardInput {
            listener: "laptop".into(),
            target: "http://localhost:3000/hooks".into(),
            started_at: Timestamp::from_micros(1),
            latency_ms: 3,
            response_status: Some(200),
            response_headers: None,
            response_body: None,
            error: None,
        };
        let parse = |input: ForwardInput| input.parse(ForwardId::from_u128(1), EventId::from_u128(2));
        assert!(parse(input.clone()).expect("it is taken").succeeded());
        for (wrong, field) in [
            (ForwardInput { listener: " ".into(), ..input.clone() }, "listener"),
            (ForwardInput { target: "ftp://x".into(), ..input.clone() }, "target"),
            (ForwardInput { response_status: Some(99), ..input.clone() }, "response_status"),
            (ForwardInput { response_status: None, ..input.clone() }, "error"),
            (ForwardInput { error: Some("refused".into()), ..input.clone() }, "error"),
            (ForwardInput { response_body: Some("x".repeat(MAX_RESPONSE_BODY + 1)), ..input.clone() }, "response_body"),
            (
                ForwardInput { response_headers: Some(vec![("a".into(), "b".into()); 101]), ..input.clone() },
                "response_headers",
            ),
        ] {
            assert!(parse(wrong).expect_err("it is refused").at(field).is_some(), "{field}");
        }
    }
}
