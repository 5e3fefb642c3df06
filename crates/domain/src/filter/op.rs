//! Operators of rules.

use serde::{Deserialize, Serialize};

/// How a rule compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "FilterOperator"))]
#[serde(rename_all = "snake_case")]
pub enum Op {
    Eq,
    Neq,
    /// A text holds another, or an array an item.
    Contains,
    Gt,
    Gte,
    Lt,
    Lte,
    Exists,
    In,
    NotIn,
    StartsWith,
    EndsWith,
    /// A text fits a regular expression somewhere.
    Matches,
    IsEmpty,
}

/// What value an operator takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    /// Any JSON.
    Any,
    /// A number, or a text.
    Ordered,
    /// A list of any JSON.
    List,
    Text,
    Pattern,
    /// `true` or `false`; `true` when it is left out.
    Flag,
}

impl Op {
    pub const ALL: [Self; 14] = [
        Self::Eq,
        Self::Neq,
        Self::Contains,
        Self::Gt,
        Self::Gte,
        Self::Lt,
        Self::Lte,
        Self::Exists,
        Self::In,
        Self::NotIn,
        Self::StartsWith,
        Self::EndsWith,
        Self::Matches,
        Self::IsEmpty,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Neq => "neq",
            Self::Contains => "contains",
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::Lt => "lt",
            Self::Lte => "lte",
            Self::Exists => "exists",
            Self::In => "in",
            Self::NotIn => "not_in",
            Self::StartsWith => "starts_with",
            Self::EndsWith => "ends_with",
            Self::Matches => "matches",
            Self::IsEmpty => "is_empty",
        }
    }

    /// As a sentence has it: `payload.amount` *is at least* `100`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Eq => "is",
            Self::Neq => "is not",
            Self::Contains => "contains",
            Self::Gt => "is greater than",
            Self::Gte => "is at least",
            Self::Lt => "is less than",
            Self::Lte => "is at most",
            Self::Exists => "exists",
            Self::In => "is one of",
            Self::NotIn => "is none of",
            Self::StartsWith => "starts with",
            Self::EndsWith => "ends with",
            Self::Matches => "matches",
            Self::IsEmpty => "is empty",
        }
    }

    #[must_use]
    pub const fn wants(self) -> Wants {
        match self {
            Self::Eq | Self::Neq | Self::Contains => Wants::Any,
            Self::Gt | Self::Gte | Self::Lt | Self::Lte => Wants::Ordered,
            Self::In | Self::NotIn => Wants::List,
            Self::StartsWith | Self::EndsWith => Wants::Text,
            Self::Matches => Wants::Pattern,
            Self::Exists | Self::IsEmpty => Wants::Flag,
        }
    }
}

impl std::fmt::Display for Op {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Op {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|op| op.as_str() == text).ok_or(
            "must be eq, neq, contains, gt, gte, lt, lte, exists, in, not_in, starts_with, ends_with, matches or is_empty",
        )
    }
}
