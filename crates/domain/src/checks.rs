//! What a source checks beside the signature, and how it answers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    dedup::{Dedup, DedupInput},
    field::FieldErrors,
    ip_rules::IpRules,
    rate_limit::{Pace, Per, RateLimit},
};

/// The checks of a source. All are optional.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Checks {
    #[serde(flatten)]
    pub ip: IpRules,
    #[serde(default)]
    pub dedup: Option<Dedup>,
    /// A JSON Schema for the body.
    #[serde(default)]
    pub schema: Option<Value>,
    #[serde(default)]
    pub schema_action: SchemaAction,
    #[serde(default)]
    pub response: Option<FixedResponse>,
    #[serde(default)]
    pub rate_limit: Option<IngestRate>,
}

/// What becomes of a body that a schema does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SchemaAction {
    #[default]
    Reject,
    /// It is taken, and marked.
    Warn,
}

impl SchemaAction {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Warn => "warn",
        }
    }
}

impl std::str::FromStr for SchemaAction {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "reject" => Ok(Self::Reject),
            "warn" => Ok(Self::Warn),
            _ => Err("must be reject or warn"),
        }
    }
}

/// The answer to an accepted request, for senders that insist on one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FixedResponse {
    /// 200 to 299.
    pub status: u16,
    pub content_type: String,
    pub body: String,
}

/// How many requests a source takes in each `per`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IngestRate {
    pub limit: u32,
    pub per: Per,
}

impl IngestRate {
    /// The part of the limit that one of several nodes lets in, so that together they let in no more than the whole.
    #[must_use]
    pub fn pace_of_one(self, nodes: u32) -> Pace {
        Pace::in_bursts((self.limit / nodes.max(1)).max(1), self.per)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ResponseInput {
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("minimum" = 200, "maximum" = 299, "default" = 200)))]
    pub status: Option<u16>,
    #[serde(default)]
    pub content_type: Option<String>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("maxLength" = FixedResponse::MAX_BODY)))]
    pub body: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct IngestRateInput {
    #[cfg_attr(feature = "schema", schemars(extend("minimum" = 1, "maximum" = 100_000)))]
    pub limit: u32,
    #[serde(default)]
    pub per: Option<Per>,
}

/// What sets the checks; what is absent is not checked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChecksInput {
    pub ip_allowlist: Vec<String>,
    pub ip_denylist: Vec<String>,
    pub dedup: Option<DedupInput>,
    pub schema: Option<Value>,
    pub schema_action: Option<SchemaAction>,
    pub response: Option<ResponseInput>,
    pub rate_limit: Option<IngestRateInput>,
}

impl ChecksInput {
    /// Notes what is wrong. Whether the schema is one is not looked at here.
    pub fn parse(self, errors: &mut FieldErrors) -> Checks {
        let schema = self.schema.filter(|schema| !schema.is_null());
        if let Some(schema) = &schema {
            if !schema.is_object() {
                errors.push("schema", "must be a JSON Schema, an object");
            } else if schema.to_string().len() > Checks::MAX_SCHEMA {
                errors.push("schema", "must be at most 256 KiB");
            }
        }
        Checks {
            ip: IpRules::parse(errors, &self.ip_allowlist, &self.ip_denylist),
            dedup: self.dedup.map(|dedup| dedup.parse(errors)),
            schema,
            schema_action: self.schema_action.unwrap_or_default(),
            response: self.response.map(|response| response.parse(errors)),
            rate_limit: self.rate_limit.map(|rate| rate.parse(errors)),
        }
    }
}

impl Checks {
    pub const MAX_SCHEMA: usize = 256 << 10;
}

impl FixedResponse {
    pub const MAX_BODY: usize = 4096;
}

impl ResponseInput {
    fn parse(self, errors: &mut FieldErrors) -> FixedResponse {
        let status = self.status.unwrap_or(200);
        if !(200..=299).contains(&status) {
            errors.push("response.status", "must be 200 to 299: any other would make the sender try again");
        }
        let content_type = self.content_type.map_or_else(|| "text/plain".to_owned(), |text| text.trim().to_owned());
        // It becomes a header of the answer.
        let is_plain = |text: &str| text.bytes().all(|b| (0x20..0x7f).contains(&b));
        if !content_type.contains('/') || content_type.len() > 100 || !is_plain(&content_type) {
            errors.push("response.content_type", "must be a media type such as application/json");
        }
        let body = self.body.unwrap_or_default();
        if body.len() > FixedResponse::MAX_BODY {
            errors.push("response.body", "must be at most 4096 bytes");
        }
        if matches!(status, 204 | 205) && !body.is_empty() {
            errors.push("response.body", format!("must be empty: an answer with the status {status} has no body"));
        }
        FixedResponse { status, content_type, body }
    }
}

impl IngestRateInput {
    fn parse(self, errors: &mut FieldErrors) -> IngestRate {
        if !(1..=RateLimit::MAX_LIMIT).contains(&self.limit) {
            errors.push("rate_limit.limit", "must be 1 to 100000");
        }
        IngestRate { limit: self.limit, per: self.per.unwrap_or(Per::Second) }
    }
}

impl From<&Checks> for ChecksInput {
    fn from(checks: &Checks) -> Self {
        let shown = |ranges: &[crate::ip_rules::IpRange]| ranges.iter().map(ToString::to_string).collect();
        Self {
            ip_allowlist: shown(&checks.ip.allow),
            ip_denylist: shown(&checks.ip.deny),
            dedup: checks.dedup.as_ref().map(DedupInput::from),
            schema: checks.schema.clone(),
            schema_action: checks.schema.as_ref().map(|_| checks.schema_action),
            response: checks.response.as_ref().map(|response| ResponseInput {
                status: Some(response.status),
                content_type: Some(response.content_type.clone()),
                body: Some(response.body.clone()),
            }),
            rate_limit: checks.rate_limit.map(|rate| IngestRateInput { limit: rate.limit, per: Some(rate.per) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_stored_before_there_were_checks_is_read() {
        assert_eq!(serde_json::from_str::<Checks>("{}").expect("nothing is checked"), Checks::default());
    }

    #[test]
    fn the_answer_to_the_sender_is_always_a_success() {
        let parse = |status, content_type: &str, body: String| {
            let mut errors = FieldErrors::default();
            let input = ResponseInput { status, content_type: Some(content_type.to_owned()), body: Some(body) };
            input.parse(&mut errors);
            errors
        };
        assert!(parse(None, "text/plain", "ok".into()).is_empty());
        for status in [199, 300, 500] {
            assert!(parse(Some(status), "text/plain", String::new()).at("response.status").is_some(), "{status}");
        }
        assert!(parse(None, "text\r\nx: y", String::new()).at("response.content_type").is_some());
        assert!(parse(None, "text/plain", "x".repeat(4097)).at("response.body").is_some());
        assert!(parse(Some(204), "text/plain", "x".into()).at("response.body").is_some());
    }

    #[test]
    fn a_schema_is_an_object() {
        let parse = |schema| {
            let mut errors = FieldErrors::default();
            ChecksInput { schema: Some(schema), ..ChecksInput::default() }.parse(&mut errors);
            errors
        };
        assert!(parse(json!({"type": "object"})).is_empty());
        assert!(parse(json!("object")).at("schema").is_some());
        assert!(parse(json!({"title": "x".repeat(Checks::MAX_SCHEMA)})).at("schema").is_some());
    }
}
