//! Trying a connection's rules out: on one event, and on the last ones of a source.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    checks::SchemaAction,
    filter::Why,
    id::{ConnectionId, EventId, SourceId},
    time::Timestamp,
};

/// Rules and the event to try them on: a stored one, or one that is given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ConnectionTestInput"))]
#[serde(deny_unknown_fields)]
pub struct TestInput {
    #[serde(default)]
    pub event_id: Option<EventId>,
    #[serde(default)]
    pub event: Option<SampleEvent>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::filter::Filter>"))]
    pub filter: Option<Value>,
    #[serde(default)]
    pub transform: Option<String>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::JsonSchemaDocument>"))]
    pub schema: Option<Value>,
    #[serde(default)]
    pub schema_action: Option<SchemaAction>,
}

/// An event as somebody writes it down.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SampleEvent {
    #[serde(default)]
    pub payload: Option<Value>,
    /// An object with names and values, or a list of both, as events have it.
    #[serde(default)]
    pub headers: Option<Headers>,
    /// As in a URL, without the question mark.
    #[serde(default)]
    pub query: Option<String>,
    /// `POST` when it is left out.
    #[serde(default)]
    pub method: Option<String>,
    #[serde(default)]
    pub path: Option<String>,
    /// That of the headers when it is left out.
    #[serde(default)]
    pub content_type: Option<String>,
    #[serde(default)]
    pub source_ip: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "SampleHeaders"))]
#[serde(untagged, expecting = "must be an object with names and texts, or a list of [name, value]")]
pub enum Headers {
    List(Vec<(String, String)>),
    Object(std::collections::BTreeMap<String, String>),
}

impl Headers {
    #[must_use]
    pub fn into_list(self) -> Vec<(String, String)> {
        match self {
            Self::List(list) => list,
            Self::Object(object) => object.into_iter().collect(),
        }
    }
}

/// What rules make of one event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ConnectionTestResult"))]
pub struct TestResult {
    /// Whether the filter lets it through; it does when there is none.
    pub matched: bool,
    /// The rule that decided; `null` without a filter.
    pub why: Option<Why>,
    /// Every rule of the filter by itself, whether or not it was needed.
    pub rules: Vec<Why>,
    /// Whether anything would be sent: it matches, no schema rejects it, and the transform does not fail.
    pub delivered: bool,
    /// The transform's result, or the payload without one; `null` as well where it would not come so far.
    pub output: Option<Value>,
    /// What schema and transform found wrong.
    pub errors: Vec<TestError>,
}

/// Something that would go wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ConnectionTestError"))]
pub struct TestError {
    pub part: TestPart,
    pub message: String,
    /// JSONata's code: `T2001`.
    pub code: Option<String>,
    /// Where in the expression, in characters.
    pub position: Option<usize>,
    /// Where in the payload, as a JSON Pointer; of the schema.
    pub pointer: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ConnectionTestPart"))]
#[serde(rename_all = "snake_case")]
pub enum TestPart {
    Transform,
    Schema,
}

/// Rules to be held against the last events of a source.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ConnectionPreviewInput"))]
#[serde(deny_unknown_fields)]
pub struct PreviewInput {
    /// Not needed with `connection_id`.
    #[serde(default)]
    pub source_id: Option<SourceId>,
    /// A connection to compare with, as it is now.
    #[serde(default)]
    pub connection_id: Option<ConnectionId>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::filter::Filter>"))]
    pub filter: Option<Value>,
    #[serde(default)]
    pub transform: Option<String>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::JsonSchemaDocument>"))]
    pub schema: Option<Value>,
    #[serde(default)]
    pub schema_action: Option<SchemaAction>,
    /// Events to look at, the newest first: 1 to 1000, 100 when it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("minimum" = 1, "maximum" = Self::MAX_LIMIT, "default" = Self::DEFAULT_LIMIT)))]
    pub limit: Option<u32>,
}

impl PreviewInput {
    pub const DEFAULT_LIMIT: u32 = 100;
    pub const MAX_LIMIT: u32 = 1000;
}

/// What rules would have made of the last events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ConnectionPreview"))]
pub struct Preview {
    pub counts: PreviewCounts,
    /// Newest first.
    pub events: Vec<PreviewLine>,
    /// All that were asked for were looked at; else time or room ran out before.
    pub is_complete: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PreviewCounts {
    pub events: u32,
    /// Those that would be delivered, whether or not a schema warns.
    pub matched: u32,
    pub not_matched: u32,
    /// Those that the schema does not allow, rejected or not.
    pub schema_invalid: u32,
    /// Those whose transform fails.
    pub failed: u32,
    /// With a connection to compare with: those of which something else would have become. Without: those that would be
    /// sent otherwise than they came.
    pub changed: u32,
}

impl PreviewCounts {
    /// Counts one more.
    pub fn add(&mut self, line: &PreviewLine, is_changed: bool) {
        self.events += 1;
        self.matched += u32::from(line.verdict == PreviewVerdict::Matched);
        self.not_matched += u32::from(line.verdict == PreviewVerdict::NotMatched);
        self.failed += u32::from(line.verdict == PreviewVerdict::Failed);
        self.schema_invalid += u32::from(line.schema_invalid);
        self.changed += u32::from(is_changed);
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PreviewLine {
    pub event_id: EventId,
    pub received_at: Timestamp,
    #[serde(rename = "type")]
    pub event_type: Option<String>,
    pub verdict: PreviewVerdict,
    /// Of what is not delivered, why, in words.
    pub reason: Option<String>,
    pub schema_invalid: bool,
    /// What the compared connection makes of it now.
    pub was: Option<PreviewVerdict>,
    /// What is sent is not what the compared connection sends; without one, not what came.
    pub output_differs: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PreviewVerdict {
    /// It is delivered.
    Matched,
    NotMatched,
    /// The schema rejects it.
    SchemaRejected,
    /// The transform fails.
    Failed,
}

impl PreviewVerdict {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::NotMatched => "not_matched",
            Self::SchemaRejected => "schema_rejected",
            Self::Failed => "failed",
        }
    }
}

/// A schema that the last events of a source fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InferredSchema {
    /// Draft 2020-12.
    pub schema: Value,
    /// Payloads that it was made from.
    pub events: u32,
}

/// A place in payloads that was seen, for those who write filters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SeenField {
    /// As filters write it.
    pub field: String,
    pub kinds: Vec<crate::event_type::Kind>,
    /// A few different values, the most recent first; cut where they are long, and masked where they are secrets.
    pub examples: Vec<Value>,
    /// How many of the events looked at have it.
    pub events: u32,
}

/// Places in the last events of a source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SeenFields {
    pub fields: Vec<SeenField>,
    /// Events that were looked at.
    pub events: u32,
}
