//! The types of events that a source has seen, and what their payloads look like.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{filter::escaped, time::Timestamp};

/// One type of event of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventType {
    /// `None` for events without one.
    #[serde(rename = "type")]
    pub name: Option<String>,
    pub count: u64,
    pub first_seen_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub shape: Shape,
}

/// What fields payloads have, as far as some were looked at: paths and the kinds of values that stood there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Shape(BTreeMap<String, BTreeSet<Kind>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "JsonKind"))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}

impl Kind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }

    #[must_use]
    pub const fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::String,
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        }
    }
}

impl Shape {
    /// Fields that are remembered of one type, how deep they are looked for, and how long a path may be.
    pub const MAX_FIELDS: usize = 300;
    const MAX_DEPTH: usize = 8;
    const MAX_PATH: usize = 200;
    /// Items of an array that are looked at.
    const MAX_ITEMS: usize = 5;

    /// Adds what another payload shows.
    pub fn add(&mut self, payload: &Value) {
        self.add_at("payload", payload, 0);
    }

    /// Adds what another shape has.
    pub fn merge(&mut self, other: Self) {
        for (path, kinds) in other.0 {
            if self.0.len() < Self::MAX_FIELDS || self.0.contains_key(&path) {
                self.0.entry(path).or_default().extend(kinds);
            }
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Paths as filters write them, with `[]` for the items of an array, and the kinds of values there.
    pub fn fields(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = Kind>)> {
        self.0.iter().map(|(path, kinds)| (path.as_str(), kinds.iter().copied()))
    }

    fn add_at(&mut self, path: &str, value: &Value, depth: usize) {
        if path.len() > Self::MAX_PATH || (self.0.len() >= Self::MAX_FIELDS && !self.0.contains_key(path)) {
            return;
        }
        self.0.entry(path.to_owned()).or_default().insert(Kind::of(value));
        if depth == Self::MAX_DEPTH {
            return;
        }
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.add_at(&format!("{path}.{}", escaped(name)), value, depth + 1);
                }
            }
            Value::Array(items) => {
                for item in items.iter().take(Self::MAX_ITEMS) {
                    self.add_at(&format!("{path}[]"), item, depth + 1);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_shape_grows_with_what_is_seen() {
        let mut shape = Shape::default();
        shape.add(&json!({"id": 1, "items": [{"sku": "a"}, {"sku": null}]}));
        let mut other = Shape::default();
        other.add(&json!({"id": "x"}));
        shape.merge(other);
        let fields: Vec<_> = shape
            .fields()
            .map(|(path, kinds)| format!("{path} {}", kinds.map(Kind::as_str).collect::<Vec<_>>().join("|")))
            .collect();
        assert_eq!(
            fields,
            [
                "payload object",
                "payload.id number|string",
                "payload.items array",
                "payload.items[] object",
                "payload.items[].sku null|string"
            ]
        );
    }

    #[test]
    fn a_shape_has_bounds() {
        let wide: Value = (0..1000).map(|n| (format!("f{n}"), json!(n))).collect::<serde_json::Map<_, _>>().into();
        let mut shape = Shape::default();
        shape.add(&wide);
        assert_eq!(shape.0.len(), Shape::MAX_FIELDS);
        let deep = (0..100).fold(json!(1), |inner, _| json!({"a": inner}));
        let mut shape = Shape::default();
        shape.add(&deep);
        assert_eq!(shape.0.len(), Shape::MAX_DEPTH + 1);
    }
}
