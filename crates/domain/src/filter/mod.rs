//! Filters: which events a connection lets through, as rules over the event.
//!
//! What comes from outside is read by [`Filter::parse`], which names the place of everything that is wrong. A filter is
//! evaluated elsewhere, since patterns need an engine; what it then says of itself is a [`Why`].
//!
//! A rule looks at *candidates*: what stands where its field leads. That is one value for most fields, none where the
//! path leads nowhere, and several where the path goes through the items of an array (`payload.items[].sku`), or a
//! header or parameter is repeated. A rule holds when it holds for one of the candidates; `neq`, `not_in`, and `exists`
//! and `is_empty` with `false` hold exactly where their opposites do not.

mod compare;
mod field;
mod op;
mod parse;
mod why;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::{
    compare::{is_empty, order, same},
    field::{Field, Root, Step, escaped},
    op::{Op, Wants},
    why::{Remembered, Unmatched, Why, shortened},
};
use crate::field::FieldErrors;

/// Rules that an event fits or does not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Value", try_from = "Value")]
pub struct Filter(Node);

/// A rule, or several together.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// Every one of them holds.
    All(Vec<Node>),
    /// At least one of them does.
    Any(Vec<Node>),
    /// It does not.
    Not(Box<Node>),
    Rule(Rule),
}

/// `payload.amount gte 100`
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub field: Field,
    pub op: Op,
    /// Of the kind that the operator wants ([`Op::wants`]).
    pub value: Value,
}

impl Filter {
    /// How deeply `all`, `any` and `not` may lie within one another.
    pub const MAX_DEPTH: usize = 10;
    pub const MAX_RULES: usize = 100;
    /// Values that `in` and `not_in` may list.
    pub const MAX_ITEMS: usize = 1000;
    /// Bytes of a pattern.
    pub const MAX_PATTERN: usize = 1000;
    /// Bytes of the whole as JSON.
    pub const MAX_BYTES: usize = 64 << 10;

    /// Reads a filter as it is written in requests.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place: `filter.all[1].value`.
    pub fn parse(value: &Value) -> Result<Self, FieldErrors> {
        parse::filter(value).map(Self)
    }

    /// One that was put together from parts.
    ///
    /// # Errors
    /// The same as of one that is read.
    pub fn of(node: &Node) -> Result<Self, FieldErrors> {
        Self::parse(&node.to_json())
    }

    #[must_use]
    pub const fn root(&self) -> &Node {
        &self.0
    }

    /// As it is written.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.0.to_json()
    }

    /// Every rule with its place, in the order in which they are looked at.
    #[must_use]
    pub fn rules(&self) -> Vec<(String, &Rule)> {
        let mut found = Vec::new();
        self.0.gather(Place::ROOT, &mut found);
        found
    }
}

impl Node {
    #[must_use]
    pub fn to_json(&self) -> Value {
        let list = |nodes: &[Self]| nodes.iter().map(Self::to_json).collect::<Vec<_>>();
        match self {
            Self::All(nodes) => json!({ "all": list(nodes) }),
            Self::Any(nodes) => json!({ "any": list(nodes) }),
            Self::Not(node) => json!({ "not": node.to_json() }),
            Self::Rule(rule) => json!({ "field": rule.field.as_str(), "op": rule.op, "value": rule.value }),
        }
    }

    fn gather<'a>(&'a self, place: Place<'_>, found: &mut Vec<(String, &'a Rule)>) {
        match self {
            Self::All(nodes) | Self::Any(nodes) => {
                let name = if matches!(self, Self::All(_)) { "all" } else { "any" };
                for (index, node) in nodes.iter().enumerate() {
                    node.gather(place.item(name, index), found);
                }
            }
            Self::Not(node) => node.gather(place.inside("not"), found),
            Self::Rule(rule) => found.push((place.to_string(), rule)),
        }
    }
}

impl From<Filter> for Value {
    fn from(filter: Filter) -> Self {
        filter.to_json()
    }
}

impl TryFrom<Value> for Filter {
    type Error = FieldErrors;
    fn try_from(value: Value) -> Result<Self, FieldErrors> {
        Self::parse(&value)
    }
}

/// Where something stands in a filter; written down only when it is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    name: &'static str,
    index: Option<usize>,
}

impl<'a> Place<'a> {
    /// The filter itself.
    pub const ROOT: Self = Self { parent: None, name: "filter", index: None };

    #[must_use]
    pub const fn item(&'a self, name: &'static str, index: usize) -> Self {
        Self { parent: Some(self), name, index: Some(index) }
    }

    #[must_use]
    pub const fn inside(&'a self, name: &'static str) -> Self {
        Self { parent: Some(self), name, index: None }
    }
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(parent) = self.parent {
            write!(f, "{parent}.")?;
        }
        f.write_str(self.name)?;
        self.index.map_or(Ok(()), |index| write!(f, "[{index}]"))
    }
}

#[cfg(test)]
mod tests;
