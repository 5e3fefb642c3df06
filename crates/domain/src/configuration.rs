//! A project's sources, destinations and connections as one document, and what applying it would change.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The form of the document that this version writes and reads.
pub const VERSION: u32 = 1;

/// A project's configuration. Things are known by their slugs, connections by those of their two ends. Secrets are
/// references: `${NAME}`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    #[serde(default)]
    pub version: Option<u32>,
    #[serde(default)]
    pub sources: Vec<Value>,
    #[serde(default)]
    pub destinations: Vec<Value>,
    #[serde(default)]
    pub connections: Vec<Value>,
}

/// A document to be applied.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApplyInput {
    #[serde(default)]
    pub version: Option<u32>,
    #[serde(default)]
    pub sources: Vec<Value>,
    #[serde(default)]
    pub destinations: Vec<Value>,
    #[serde(default)]
    pub connections: Vec<Value>,
    /// Whether what the document does not name is deleted.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = false)))]
    pub prune: Option<bool>,
    /// Only says what would change.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = false)))]
    pub dry_run: Option<bool>,
    /// Refused when what would change is not what this plan said.
    #[serde(default)]
    pub plan_id: Option<String>,
}

/// What applying a document changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApplyPlan {
    /// Names exactly these changes.
    pub plan_id: String,
    /// Whether they were made.
    pub applied: bool,
    /// Everything that the document names, and what is deleted.
    pub changes: Vec<Change>,
    /// How many things the document does not name and that stay.
    pub unnamed: u64,
}

impl ApplyPlan {
    /// How many changes are of this kind.
    #[must_use]
    pub fn count(&self, action: Action) -> usize {
        self.changes.iter().filter(|change| change.action == action).count()
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count(Action::Unchanged) == self.changes.len()
    }
}

/// What happens to one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ConfigurationChange"))]
pub struct Change {
    pub action: Action,
    pub resource: Resource,
    /// A slug, or `source → destination`.
    pub name: String,
    /// Of what exists, or exists now.
    pub id: Option<String>,
    /// What changes of it. Secrets are masked.
    pub fields: Vec<FieldChange>,
    /// The signing secret that was generated for it, this once.
    pub generated_secret: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FieldChange {
    pub path: String,
    pub from: Value,
    pub to: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ChangeAction"))]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Create,
    Update,
    Delete,
    Unchanged,
}

impl Action {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Unchanged => "unchanged",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ConfiguredResource"))]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    Source,
    Destination,
    Connection,
}

impl Resource {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Destination => "destination",
            Self::Connection => "connection",
        }
    }
}

/// The name in a text that is a reference and nothing else: `${NAME}`, in capitals, digits and underscores.
#[must_use]
pub fn reference(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${")?.strip_suffix('}')?;
    let first = name.bytes().next()?;
    let is_name = (first.is_ascii_uppercase() || first == b'_')
        && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    is_name.then_some(name)
}

/// A reference by the name of what it stands for.
#[must_use]
pub fn reference_to(parts: &[&str]) -> String {
    let plain = |part: &str| -> String {
        part.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
    };
    let name: Vec<String> = parts.iter().map(|part| plain(part)).collect();
    format!("${{{}}}", name.join("_"))
}

/// Walks over every text in a value with its path, in its order: `verification.secrets.0`.
pub fn each_text(value: &mut Value, f: &mut impl FnMut(&str, &mut String)) {
    walk(value, &mut String::new(), f);
}

fn walk(value: &mut Value, path: &mut String, f: &mut impl FnMut(&str, &mut String)) {
    let mut below = |name: &str, value: &mut Value| {
        let length = path.len();
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(name);
        walk(value, path, f);
        path.truncate(length);
    };
    match value {
        Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| below(name, value)),
        Value::Array(items) => items.iter_mut().enumerate().for_each(|(at, value)| below(&at.to_string(), value)),
        Value::String(text) => f(path, text),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_whole_texts_in_capitals() {
        assert_eq!(reference("${STRIPE_SECRET_1}"), Some("STRIPE_SECRET_1"));
        for text in ["$STRIPE", "${}", "${stripe}", "x${A}", "${A}x", "${1A}", "${A B}", "$${A}"] {
            assert_eq!(reference(text), None, "{text}");
        }
        assert_eq!(
            reference_to(&["source", "stripe-live", "verification.secrets.0"]),
            "${SOURCE_STRIPE_LIVE_VERIFICATION_SECRETS_0}"
        );
    }

    #[test]
    fn texts_are_walked_with_their_paths() {
        let mut value = json!({ "a": { "b": ["x", 1, "y"] }, "c": "z" });
        let mut seen = Vec::new();
        each_text(&mut value, &mut |path, text| seen.push(format!("{path}={text}")));
        assert_eq!(seen, ["a.b.0=x", "a.b.2=y", "c=z"]);
    }
}
