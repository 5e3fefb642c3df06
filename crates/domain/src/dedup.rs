//! Duplicates: by what two requests to a source are known to be the same, and for how long.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    event_path::{EventParts, EventPath},
    field::FieldErrors,
    source::is_header_name,
};

/// A request that has the same as an earlier one within the window is its duplicate: it is stored, but not delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Dedup {
    pub strategy: DedupStrategy,
    /// The header, with [`DedupStrategy::Header`].
    #[serde(default)]
    pub header: Option<String>,
    /// The path into the body, such as `id` or `data.object.id`, with [`DedupStrategy::BodyField`].
    #[serde(default)]
    pub field: Option<String>,
    pub window_seconds: u32,
}

/// What two requests have to have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DedupStrategy {
    /// The SHA-256 of the raw body.
    PayloadHash,
    /// The value of a header.
    Header,
    /// What stands at a place in a JSON body.
    BodyField,
}

impl DedupStrategy {
    pub const ALL: [Self; 3] = [Self::PayloadHash, Self::Header, Self::BodyField];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PayloadHash => "payload_hash",
            Self::Header => "header",
            Self::BodyField => "body_field",
        }
    }
}

impl std::str::FromStr for DedupStrategy {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|strategy| strategy.as_str() == text);
        found.ok_or("must be payload_hash, header or body_field")
    }
}

/// What sets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DedupInput {
    pub strategy: DedupStrategy,
    #[serde(default)]
    pub header: Option<String>,
    #[serde(default)]
    pub field: Option<String>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("minimum" = 1, "maximum" = Dedup::MAX_WINDOW, "default" = Dedup::DEFAULT_WINDOW)))]
    pub window_seconds: Option<u32>,
}

impl DedupInput {
    /// Notes what is wrong under `dedup.…`.
    pub fn parse(self, errors: &mut FieldErrors) -> Dedup {
        let given = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let (header, field) = (given(self.header), given(self.field));
        match (self.strategy, &header) {
            (DedupStrategy::Header, Some(name)) if is_header_name(name) => {}
            (DedupStrategy::Header, _) => errors.push("dedup.header", "must name the header to compare"),
            (_, Some(_)) => errors.push("dedup.header", "has no use with this strategy"),
            (_, None) => {}
        }
        match (self.strategy, &field) {
            (DedupStrategy::BodyField, Some(field)) => {
                errors.check("dedup.field", body_path(field));
            }
            (DedupStrategy::BodyField, None) => {
                errors.push("dedup.field", "must be a path into the body, such as id or data.object.id");
            }
            (_, Some(_)) => errors.push("dedup.field", "has no use with this strategy"),
            (_, None) => {}
        }
        let window_seconds = self.window_seconds.unwrap_or(Dedup::DEFAULT_WINDOW);
        if !(1..=Dedup::MAX_WINDOW).contains(&window_seconds) {
            errors.push("dedup.window_seconds", "must be 1 to 604800 (7 days)");
        }
        Dedup { strategy: self.strategy, header, field, window_seconds }
    }
}

impl From<&Dedup> for DedupInput {
    fn from(dedup: &Dedup) -> Self {
        Self {
            strategy: dedup.strategy,
            header: dedup.header.clone(),
            field: dedup.field.clone(),
            window_seconds: Some(dedup.window_seconds),
        }
    }
}

/// What requests have in common, or have not, as 128 bits of a SHA-256.
pub type DedupKey = [u8; 16];

impl Dedup {
    pub const DEFAULT_WINDOW: u32 = 300;
    pub const MAX_WINDOW: u32 = 7 * 86_400;

    #[must_use]
    pub const fn window(&self) -> Duration {
        Duration::from_secs(self.window_seconds as u64)
    }

    /// What a request is compared by. `None` when it has nothing there: it is then no duplicate of anything.
    #[must_use]
    pub fn key_of(&self, event: &EventParts<'_>) -> Option<DedupKey> {
        match self.strategy {
            DedupStrategy::PayloadHash => Some(key("payload", event.body)),
            DedupStrategy::Header => {
                let name = self.header.as_deref()?;
                let (_, value) = event.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name))?;
                (!value.is_empty()).then(|| key("header", value.as_bytes()))
            }
            DedupStrategy::BodyField => {
                let path = body_path(self.field.as_deref()?).ok()?;
                path.find(event).map(|found| key("field", found.as_bytes()))
            }
        }
    }
}

/// The key of something that a provider sends once only.
#[must_use]
pub fn nonce_key(nonce: &str) -> DedupKey {
    key("nonce", nonce.as_bytes())
}

/// Each strategy has keys of its own, so that a change of it makes no duplicates.
fn key(kind: &str, what: &[u8]) -> DedupKey {
    let hash = Sha256::new().chain_update(kind).chain_update([0]).chain_update(what).finalize();
    let mut key = [0; 16];
    key.copy_from_slice(&hash[..16]);
    key
}

/// Paths are into the body; the word that begins them everywhere else may be left out.
fn body_path(field: &str) -> Result<EventPath, &'static str> {
    let whole = if field.starts_with("payload.") { field.to_owned() } else { format!("payload.{field}") };
    whole.parse().map_err(|_| "must be a path into the body, such as id or data.object.id")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(strategy: DedupStrategy, header: Option<&str>, field: Option<&str>) -> Result<Dedup, FieldErrors> {
        let mut errors = FieldErrors::default();
        let input = DedupInput {
            strategy,
            header: header.map(str::to_owned),
            field: field.map(str::to_owned),
            window_seconds: None,
        };
        let dedup = input.parse(&mut errors);
        errors.into_result().map(|()| dedup)
    }

    fn parts<'a>(headers: &'a [(String, String)], body: &'a str) -> EventParts<'a> {
        EventParts { headers, query: None, body: body.as_bytes(), json: None }
    }

    #[test]
    fn requests_are_compared_by_what_was_chosen() {
        let by_body = parse(DedupStrategy::PayloadHash, None, None).expect("settings");
        assert_eq!(by_body.key_of(&parts(&[], "a")), by_body.key_of(&parts(&[], "a")));
        assert_ne!(by_body.key_of(&parts(&[], "a")), by_body.key_of(&parts(&[], "b")));
        let headers = [("X-Id".to_owned(), "7".to_owned())];
        let by_header = parse(DedupStrategy::Header, Some("x-id"), None).expect("settings");
        assert_eq!(by_header.key_of(&parts(&headers, "a")), by_header.key_of(&parts(&headers, "b")));
        assert_eq!(by_header.key_of(&parts(&[], "a")), None);
        let by_field = parse(DedupStrategy::BodyField, None, Some("data.id")).expect("settings");
        let with_prefix = parse(DedupStrategy::BodyField, None, Some("payload.data.id")).expect("settings");
        let one = by_field.key_of(&parts(&[], r#"{"data": {"id": 1}, "n": 1}"#));
        assert!(one.is_some());
        assert_eq!(one, with_prefix.key_of(&parts(&[], r#"{"n": 2, "data": {"id": 1}}"#)));
        assert_ne!(one, by_field.key_of(&parts(&[], r#"{"data": {"id": "1"}}"#)));
        assert_eq!(by_field.key_of(&parts(&[], "no JSON")), None);
    }

    #[test]
    fn settings_are_whole() {
        use DedupStrategy::{BodyField, Header, PayloadHash};
        for (strategy, header, field, wrong) in [
            (Header, None, None, "dedup.header"),
            (Header, Some("a b"), None, "dedup.header"),
            (PayloadHash, Some("x-id"), None, "dedup.header"),
            (BodyField, None, None, "dedup.field"),
            (BodyField, None, Some("a..b"), "dedup.field"),
            (Header, Some("x-id"), Some("id"), "dedup.field"),
        ] {
            let errors = parse(strategy, header, field).expect_err("is refused");
            assert!(errors.at(wrong).is_some(), "{strategy:?}: {errors}");
        }
        for window_seconds in [0, 604_801] {
            let mut errors = FieldErrors::default();
            let input =
                DedupInput { strategy: PayloadHash, header: None, field: None, window_seconds: Some(window_seconds) };
            input.parse(&mut errors);
            assert!(errors.at("dedup.window_seconds").is_some(), "{window_seconds}");
        }
    }
}
