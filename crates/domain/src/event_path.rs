//! Places in an event: `payload.customer`, `payload.items.0.id`, `headers.x-tenant`, `query.account`.

use std::borrow::Cow;

use serde_json::Value;

/// Where something stands in an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPath {
    root: Root,
    steps: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Root {
    Payload,
    Headers,
    Query,
}

const MAX_PATH: usize = 200;
const MAX_STEPS: usize = 16;
const WANTED: &str = "must be a path such as payload.customer, headers.x-tenant or query.account";

impl std::str::FromStr for EventPath {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_PATH || text.chars().any(char::is_control) {
            return Err("must be at most 200 bytes without control characters");
        }
        let (root, rest) = text.split_once('.').ok_or(WANTED)?;
        let (root, steps): (_, Vec<_>) = match root {
            "payload" => (Root::Payload, rest.split('.').map(str::to_owned).collect()),
            // Names may have dots in them.
            "headers" => (Root::Headers, vec![rest.to_ascii_lowercase()]),
            "query" => (Root::Query, vec![rest.to_owned()]),
            _ => return Err(WANTED),
        };
        if steps.len() > MAX_STEPS || steps.iter().any(String::is_empty) {
            return Err(WANTED);
        }
        Ok(Self { root, steps })
    }
}

/// Of an event what a path may lead into.
#[derive(Debug, Clone, Copy)]
pub struct EventParts<'a> {
    pub headers: &'a [(String, String)],
    pub query: Option<&'a str>,
    pub body: &'a [u8],
    /// The body as JSON, where it was read before.
    pub json: Option<&'a Value>,
}

impl EventPath {
    /// Whether the body has to be read as JSON.
    #[must_use]
    pub const fn is_of_payload(&self) -> bool {
        matches!(self.root, Root::Payload)
    }

    /// What stands there; a part of the payload as JSON, so that `1` and `"1"` are not the same. `None` for nothing and null.
    #[must_use]
    pub fn find<'a>(&self, event: &EventParts<'a>) -> Option<Cow<'a, str>> {
        let name = self.steps.first()?;
        match self.root {
            Root::Payload => {
                let read;
                let payload = if let Some(payload) = event.json {
                    payload
                } else {
                    read = serde_json::from_slice(event.body).ok()?;
                    &read
                };
                let found = self.steps.iter().try_fold(payload, |value, step| match value {
                    Value::Array(items) => items.get(step.parse::<usize>().ok()?),
                    other => other.get(step),
                })?;
                (!found.is_null()).then(|| found.to_string().into())
            }
            Root::Headers => {
                let named = |(given, _): &&(String, String)| given.eq_ignore_ascii_case(name);
                event.headers.iter().find(named).map(|(_, value)| value.as_str().into())
            }
            Root::Query => {
                let pairs = url::form_urlencoded::parse(event.query?.as_bytes());
                pairs.into_iter().find(|(given, _)| given == name.as_str()).map(|(_, value)| value)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_begin_somewhere_and_lead_somewhere() {
        for good in ["payload.a", "payload.a.0.b", "headers.x-a", "query.a"] {
            assert!(good.parse::<EventPath>().is_ok(), "{good}");
        }
        let deep = format!("payload{}", ".a".repeat(17));
        let long = format!("payload.{}", "a".repeat(200));
        for bad in ["", "payload", "payload.", "payload..a", "customer", "body.a", "headers.", &deep, &long] {
            assert!(bad.parse::<EventPath>().is_err(), "{bad}");
        }
    }
}
