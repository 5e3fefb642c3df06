//! The value of a rule: which kinds an operator takes, and how each is shown and read.

use domain::filter::{Op, Wants};
use serde_json::{Number, Value, json};

/// How a value is edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
    Flag,
    Null,
    Texts,
    Numbers,
    /// Whatever else there is, written as JSON.
    Json,
}

impl Kind {
    /// How a value is edited that stands there already.
    pub fn of(value: &Value) -> Self {
        match value {
            Value::String(_) => Self::Text,
            Value::Number(_) => Self::Number,
            Value::Bool(_) => Self::Flag,
            Value::Null => Self::Null,
            Value::Array(items) if items.iter().all(|item| item.as_str().is_some_and(is_plain)) => Self::Texts,
            Value::Array(items) if items.iter().all(Value::is_number) => Self::Numbers,
            Value::Array(_) | Value::Object(_) => Self::Json,
        }
    }

    /// The kinds that an operator takes, the usual one first.
    pub const fn taken_by(op: Op) -> &'static [Self] {
        match op.wants() {
            Wants::Any => &[Self::Text, Self::Number, Self::Flag, Self::Null, Self::Json],
            Wants::Ordered => &[Self::Number, Self::Text],
            Wants::List => &[Self::Texts, Self::Numbers, Self::Json],
            Wants::Text | Wants::Pattern => &[Self::Text],
            Wants::Flag => &[Self::Flag],
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Flag => "flag",
            Self::Null => "null",
            Self::Texts => "texts",
            Self::Numbers => "numbers",
            Self::Json => "json",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Flag => "true/false",
            Self::Null => "null",
            Self::Texts => "texts",
            Self::Numbers => "numbers",
            Self::Json => "JSON",
        }
    }

    /// What an empty control shows.
    pub const fn placeholder(self) -> &'static str {
        match self {
            Self::Number => "100",
            Self::Texts => "paid, refunded",
            Self::Numbers => "1, 2, 3",
            Self::Json => "{\"a\": 1}",
            Self::Text | Self::Flag | Self::Null => "",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        let all = [Self::Text, Self::Number, Self::Flag, Self::Null, Self::Texts, Self::Numbers, Self::Json];
        all.into_iter().find(|kind| kind.as_str() == word)
    }

    /// What was typed, as a value; `None` where it is none of this kind.
    pub fn read(self, text: &str) -> Option<Value> {
        let items = || text.split(',').map(str::trim).filter(|item| !item.is_empty());
        match self {
            Self::Text => Some(json!(text)),
            Self::Number => number(text).map(Value::Number),
            Self::Flag => text.parse().ok().map(Value::Bool),
            Self::Null => Some(Value::Null),
            Self::Texts => Some(items().map(Value::from).collect()),
            Self::Numbers => items().map(|item| number(item).map(Value::Number)).collect(),
            Self::Json => serde_json::from_str(text).ok(),
        }
    }

    /// The value of this kind that is nearest to `value`.
    pub fn from(self, value: Option<&Value>) -> Value {
        let text = value.map(shown).unwrap_or_default();
        let first = value.and_then(Value::as_array).and_then(|items| items.first()).map(shown);
        let first = first.unwrap_or_else(|| text.clone());
        match self {
            Self::Text => json!(first),
            Self::Number => number(&first).map_or(json!(0), Value::Number),
            Self::Flag => json!(value != Some(&Value::Bool(false))),
            Self::Null => Value::Null,
            Self::Texts | Self::Numbers => self.read(&text).unwrap_or_else(|| json!([])),
            Self::Json => value.cloned().unwrap_or(Value::Null),
        }
    }
}

/// A value as its control shows it.
pub fn shown(value: &Value) -> String {
    match (Kind::of(value), value) {
        (Kind::Text, Value::String(text)) => text.clone(),
        (Kind::Texts | Kind::Numbers, Value::Array(items)) => {
            let items: Vec<_> =
                items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect();
            items.join(", ")
        }
        _ => value.to_string(),
    }
}

/// Whether a text stays itself in a list with commas.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !text.contains(',')
}

fn number(text: &str) -> Option<Number> {
    serde_json::from_str(text.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_again() {
        for value in [
            json!("a, b"),
            json!(1.5),
            json!(true),
            json!(null),
            json!(["a", "b c"]),
            json!([1, 2.5]),
            json!(["a,b"]),
            json!(["a", 1]),
            json!({ "a": [] }),
        ] {
            assert_eq!(Kind::of(&value).read(&shown(&value)), Some(value));
        }
    }

    #[test]
    fn another_kind_keeps_what_it_can() {
        assert_eq!(Kind::Number.from(Some(&json!("42"))), json!(42));
        assert_eq!(Kind::Texts.from(Some(&json!("paid"))), json!(["paid"]));
        assert_eq!(Kind::Text.from(Some(&json!(["paid", "open"]))), json!("paid"));
        assert_eq!(Kind::Numbers.from(Some(&json!("paid"))), json!([]));
        assert_eq!(Kind::Flag.from(None), json!(true));
    }

    #[test]
    fn what_is_half_typed_is_no_number() {
        for text in ["-", "", "1.", "1e", "one"] {
            assert_eq!(Kind::Number.read(text), None, "{text}");
        }
    }
}
