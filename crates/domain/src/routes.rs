//! What became of events on the connections of their sources: of one event, and of all together.

use serde::{Deserialize, Serialize};

use crate::{
    delivery::Delivery,
    event::SchemaError,
    filter::Why,
    id::{ConnectionId, DestinationId, SourceId},
    time::Timestamp,
};

/// What became of one event on one connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventRoute {
    pub connection_id: ConnectionId,
    /// `None` of a connection that was deleted, unless a delivery tells it.
    pub destination_id: Option<DestinationId>,
    /// The connection's.
    pub name: Option<String>,
    pub is_deleted: bool,
    pub outcome: RouteOutcome,
    /// The rule that decided, of one that did not match; `None` where it was not kept.
    pub why: Option<Why>,
    /// What the connection's schema found wrong, rejected or not.
    pub schema_errors: Vec<SchemaError>,
    pub delivery: Option<Delivery>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RouteOutcome {
    /// There is a delivery.
    Matched,
    /// The filter did not let it through.
    NotMatched,
    /// The schema did not: the delivery is there, and was skipped.
    SchemaRejected,
    /// The connection is disabled, and made nothing.
    Disabled,
    /// The connection was made after the event came.
    MadeLater,
    /// The event repeats another, and goes nowhere.
    Duplicate,
    /// Nothing was made, and it was not kept why: the connection was disabled then, or there were too many that did not
    /// match.
    NotMade,
}

impl RouteOutcome {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::NotMatched => "not_matched",
            Self::SchemaRejected => "schema_rejected",
            Self::Disabled => "disabled",
            Self::MadeLater => "made_later",
            Self::Duplicate => "duplicate",
            Self::NotMade => "not_made",
        }
    }
}

/// What went over the routes of a project lately.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RouteCounts {
    /// What is counted came after.
    pub since: Timestamp,
    pub sources: Vec<SourceCount>,
    pub connections: Vec<ConnectionCount>,
    pub destinations: Vec<DestinationCount>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SourceCount {
    pub source_id: SourceId,
    pub events: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConnectionCount {
    pub connection_id: ConnectionId,
    pub source_id: SourceId,
    pub destination_id: DestinationId,
    /// Deliveries that were made.
    pub matched: u64,
    /// Events that the filter did not let through.
    pub not_matched: u64,
    /// Those that the schema rejected.
    pub skipped: u64,
    /// Deliveries that have not ended.
    pub backlog: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DestinationCount {
    pub destination_id: DestinationId,
    pub succeeded: u64,
    /// Those that were given up.
    pub failed: u64,
    /// Deliveries that have not ended.
    pub backlog: u64,
    /// There are more than were counted.
    pub has_more_backlog: bool,
}
