//! What a filter says of its decision.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Op;
use crate::id::ConnectionId;

/// The rule that decided: the one after which, from left to right, the outcome was certain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "FilterReason"))]
pub struct Why {
    /// Where it stands: `filter.all[1]`.
    pub place: String,
    pub field: String,
    pub op: Op,
    /// The rule's value; cut where it is long.
    pub wanted: Value,
    /// What stood there, the first where there were several; cut where it is long, and masked where it is a secret.
    /// `null` for nothing as well, see `is_missing`.
    pub found: Value,
    pub is_missing: bool,
    /// Whether the rule held.
    pub held: bool,
}

impl Why {
    /// In words: `payload.amount is at least 100: found 42`.
    #[must_use]
    pub fn sentence(&self) -> String {
        let found = if self.is_missing { "nothing stands there".to_owned() } else { format!("found {}", self.found) };
        let Self { field, op, wanted, .. } = self;
        match (op, wanted) {
            (Op::Exists, Value::Bool(false)) => format!("{field} does not exist: {found}"),
            (Op::IsEmpty, Value::Bool(false)) => format!("{field} is not empty: {found}"),
            (Op::Exists | Op::IsEmpty, _) => format!("{field} {}: {found}", op.words()),
            _ => format!("{field} {} {wanted}: {found}", op.words()),
        }
    }
}

/// A connection whose filter did not let an event through, as it was then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "UnmatchedConnection"))]
pub struct Unmatched {
    pub connection_id: ConnectionId,
    /// `None` where there were too many of them to keep each one's.
    pub why: Option<Why>,
}

/// What an event remembers of all of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Remembered {
    pub list: Vec<Unmatched>,
    /// How many more there were than are listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Items of an array or object that are shown of a long value.
const SHOWN_ITEMS: usize = 5;
const SHOWN_DEPTH: usize = 3;

/// A value that is no longer than about `most` characters: texts are cut, and so are arrays and objects.
#[must_use]
pub fn shortened(value: &Value, most: usize) -> Value {
    shortened_at(value, most, 0)
}

fn shortened_at(value: &Value, most: usize, depth: usize) -> Value {
    let cut = || Value::String("…".to_owned());
    match value {
        Value::String(text) => match text.char_indices().nth(most) {
            Some((end, _)) => Value::String(format!("{}…", &text[..end])),
            None => value.clone(),
        },
        Value::Array(items) if !items.is_empty() => {
            if depth == SHOWN_DEPTH {
                return Value::Array(vec![cut()]);
            }
            let most = most / SHOWN_ITEMS.min(items.len());
            let shown = items.iter().take(SHOWN_ITEMS).map(|item| shortened_at(item, most, depth + 1));
            let more = (items.len() > SHOWN_ITEMS).then(cut);
            Value::Array(shown.chain(more).collect())
        }
        Value::Object(fields) if !fields.is_empty() => {
            let more = ("…".to_owned(), cut());
            if depth == SHOWN_DEPTH {
                return Value::Object([more].into_iter().collect());
            }
            let most = most / SHOWN_ITEMS.min(fields.len());
            let key = |name: &str| match name.char_indices().nth(most.max(20)) {
                Some((end, _)) => format!("{}…", &name[..end]),
                None => name.to_owned(),
            };
            let shown = fields.iter().take(SHOWN_ITEMS);
            let shown = shown.map(|(name, value)| (key(name), shortened_at(value, most, depth + 1)));
            let more = (fields.len() > SHOWN_ITEMS).then_some(more);
            Value::Object(shown.chain(more).collect())
        }
        other => other.clone(),
    }
}
