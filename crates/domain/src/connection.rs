//! Connections: one source to one destination, and what lies between: which events go through, as what, and when.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    checks::SchemaAction,
    field::{FieldErrors, parse_name},
    filter::Filter,
    id::{ConnectionId, DestinationId, EnvId, SourceId},
    time::Timestamp,
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Connection {
    pub id: ConnectionId,
    pub env_id: EnvId,
    pub source_id: SourceId,
    pub destination_id: DestinationId,
    pub name: Option<String>,
    #[serde(flatten)]
    pub rules: Rules,
    /// How long after the event its delivery is due.
    #[serde(default)]
    pub delay_seconds: u32,
    pub status: ConnectionStatus,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Connection {
    /// The longest delay, in seconds.
    pub const MAX_DELAY: u32 = 7 * 24 * 60 * 60;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConnectionStatus {
    #[default]
    Active,
    /// Deliveries are made and held until it is active again.
    Paused,
    /// No deliveries are made.
    Disabled,
}

impl ConnectionStatus {
    pub const ALL: [Self; 3] = [Self::Active, Self::Paused, Self::Disabled];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
        }
    }
}

impl std::str::FromStr for ConnectionStatus {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or("must be active, paused or disabled")
    }
}

/// Which events go through a connection, and as what. As it was saved: a filter or schema of an earlier version of this
/// program is shown although it may no longer be understood.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rules {
    /// [`Filter::parse`] reads it.
    #[serde(default)]
    pub filter: Option<Value>,
    /// A JSONata expression.
    #[serde(default)]
    pub transform: Option<String>,
    /// A JSON Schema for the payload as it came.
    #[serde(default)]
    pub schema: Option<Value>,
    #[serde(default)]
    pub schema_action: SchemaAction,
}

impl Rules {
    /// Bytes of a schema as JSON.
    pub const MAX_SCHEMA: usize = 256 << 10;
    /// Bytes of an expression.
    pub const MAX_TRANSFORM: usize = 64 << 10;

    /// Whether every event goes through as it is.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.filter.is_none() && self.transform.is_none() && self.schema.is_none()
    }
}

/// What sets [`Rules`]; what is absent lets everything through.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RulesInput {
    pub filter: Option<Value>,
    pub transform: Option<String>,
    pub schema: Option<Value>,
    pub schema_action: Option<SchemaAction>,
}

impl RulesInput {
    /// Notes what is wrong. Whether patterns, the expression and the schema are what they should be is not looked at here.
    pub fn parse(self, errors: &mut FieldErrors) -> Rules {
        let filter = self.filter.filter(|filter| !filter.is_null());
        let filter = filter.and_then(|filter| match Filter::parse(&filter) {
            Ok(filter) => Some(filter.to_json()),
            Err(wrong) => {
                errors.extend(wrong);
                None
            }
        });
        let transform = self.transform.filter(|text| !text.trim().is_empty());
        if transform.as_ref().is_some_and(|text| text.len() > Rules::MAX_TRANSFORM) {
            errors.push("transform", "must be at most 64 KiB");
        }
        let schema = self.schema.filter(|schema| !schema.is_null());
        if let Some(schema) = &schema {
            if !schema.is_object() && !schema.is_boolean() {
                errors.push("schema", "must be a JSON Schema, an object");
            } else if schema.to_string().len() > Rules::MAX_SCHEMA {
                errors.push("schema", "must be at most 256 KiB");
            }
        }
        Rules { filter, transform, schema, schema_action: self.schema_action.unwrap_or_default() }
    }
}

/// What makes or changes a connection. Its two ends stay as they were made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ConnectionInput {
    pub source_id: SourceId,
    pub destination_id: DestinationId,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("maxLength" = 100)))]
    pub name: Option<String>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::filter::Filter>"))]
    pub filter: Option<Value>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("maxLength" = Rules::MAX_TRANSFORM)))]
    pub transform: Option<String>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::JsonSchemaDocument>"))]
    pub schema: Option<Value>,
    #[serde(default)]
    pub schema_action: Option<SchemaAction>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("minimum" = 0, "maximum" = Connection::MAX_DELAY, "default" = 0)))]
    pub delay_seconds: Option<u32>,
    #[serde(default)]
    pub status: Option<ConnectionStatus>,
}

/// A connection that can be stored, its two ends aside: whether they exist only the project knows.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectionSpec {
    pub source_id: SourceId,
    pub destination_id: DestinationId,
    pub name: Option<String>,
    pub rules: Rules,
    pub delay_seconds: u32,
    pub status: ConnectionStatus,
}

impl ConnectionInput {
    /// One with nothing between its ends.
    #[must_use]
    pub const fn new(source_id: SourceId, destination_id: DestinationId) -> Self {
        Self {
            source_id,
            destination_id,
            name: None,
            filter: None,
            transform: None,
            schema: None,
            schema_action: None,
            delay_seconds: None,
            status: None,
        }
    }

    /// # Errors
    /// Every field that is wrong.
    pub fn parse(self) -> Result<ConnectionSpec, FieldErrors> {
        let mut errors = FieldErrors::default();
        let name =
            self.name.filter(|name| !name.trim().is_empty()).and_then(|name| errors.check("name", parse_name(&name)));
        let rules = RulesInput {
            filter: self.filter,
            transform: self.transform,
            schema: self.schema,
            schema_action: self.schema_action,
        };
        let rules = rules.parse(&mut errors);
        let delay_seconds = self.delay_seconds.unwrap_or_default();
        if delay_seconds > Connection::MAX_DELAY {
            errors.push("delay_seconds", "must be 0 to 604800 (7 days)");
        }
        errors.into_result()?;
        Ok(ConnectionSpec {
            source_id: self.source_id,
            destination_id: self.destination_id,
            name,
            rules,
            delay_seconds,
            status: self.status.unwrap_or_default(),
        })
    }
}

impl From<&Connection> for ConnectionInput {
    fn from(connection: &Connection) -> Self {
        Self {
            source_id: connection.source_id,
            destination_id: connection.destination_id,
            name: connection.name.clone(),
            filter: connection.rules.filter.clone(),
            transform: connection.rules.transform.clone(),
            schema: connection.rules.schema.clone(),
            schema_action: connection.rules.schema.as_ref().map(|_| connection.rules.schema_action),
            delay_seconds: Some(connection.delay_seconds),
            status: Some(connection.status),
        }
    }
}
