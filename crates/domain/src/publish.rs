//! An event from one's own program.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{field::FieldErrors, id::SourceId, source::is_header_name};

/// What is published. It becomes what a provider would have posted: a POST of the payload as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PublishInput {
    pub source_id: SourceId,
    /// The event's type; that which the source's template finds in the payload when it is left out.
    #[serde(default, rename = "type")]
    #[cfg_attr(feature = "schema", schemars(extend("minLength" = 1, "maxLength" = MAX_TYPE)))]
    pub event_type: Option<String>,
    /// Any JSON.
    pub payload: Value,
    /// Headers that the event has beside its content type.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("maxProperties" = Self::MAX_HEADERS)))]
    pub headers: BTreeMap<String, String>,
}

/// Bytes of a type.
const MAX_TYPE: usize = 200;
/// Bytes of a header's value.
const MAX_VALUE: usize = 4_000;
/// Headers that say how a request travels, or who sends it.
const RESERVED: [&str; 8] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
    "x-api-key",
];

impl PublishInput {
    pub const MAX_HEADERS: usize = 30;

    /// # Errors
    /// Every field that is wrong.
    pub fn check(&self) -> Result<(), FieldErrors> {
        let mut errors = FieldErrors::default();
        if let Some(name) = &self.event_type
            && (name.is_empty() || name.len() > MAX_TYPE || name.chars().any(char::is_control))
        {
            errors.push("type", "must be 1 to 200 bytes without control characters");
        }
        if self.headers.len() > Self::MAX_HEADERS {
            errors.push("headers", "must be at most 30");
        }
        for (name, value) in &self.headers {
            let path = format!("headers.{name}");
            if !is_header_name(name) {
                errors.push("headers", format!("{name:?} is not the name of a header"));
            } else if RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
                errors.push(path, "cannot be given: it says how a request travels");
            } else if value.len() > MAX_VALUE || value.bytes().any(|b| !(0x20..0x7f).contains(&b)) {
                errors.push(path, "must be at most 4000 printable ASCII characters");
            }
        }
        errors.into_result()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        let source = format!("src_{}", "0".repeat(32));
        let read = |more: Value| {
            let mut input = json!({ "source_id": source, "payload": null });
            crate::patch::merge(&mut input, more);
            input["payload"] = Value::Null;
            serde_json::from_value::<PublishInput>(input).expect("is read").check()
        };
        assert_eq!(read(json!({})), Ok(()));
        assert_eq!(read(json!({ "type": "order.paid", "headers": { "x-tenant": "acme" } })), Ok(()));
        let wrong = read(json!({ "type": "", "headers": { "Host": "x", "x-a": "a\nb" } })).expect_err("is refused");
        for path in ["type", "headers.Host", "headers.x-a"] {
            assert!(wrong.at(path).is_some(), "{path}: {wrong}");
        }
    }
}
