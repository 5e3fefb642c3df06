//! Connections: one source to one destination.

use serde::{Deserialize, Serialize};

use crate::{
    field::{FieldErrors, parse_name},
    id::{ConnectionId, DestinationId, EnvId, SourceId},
    time::Timestamp,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    pub id: ConnectionId,
    pub env_id: EnvId,
    pub source_id: SourceId,
    pub destination_id: DestinationId,
    pub name: Option<String>,
    pub status: ConnectionStatus,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
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

/// What makes or changes a connection. Its two ends stay as they were made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionInput {
    pub source_id: SourceId,
    pub destination_id: DestinationId,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub status: Option<ConnectionStatus>,
}

/// A connection that can be stored, its two ends aside: whether they exist only the project knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionSpec {
    pub source_id: SourceId,
    pub destination_id: DestinationId,
    pub name: Option<String>,
    pub status: ConnectionStatus,
}

impl ConnectionInput {
    /// # Errors
    /// Every field that is wrong.
    pub fn parse(self) -> Result<ConnectionSpec, FieldErrors> {
        let mut errors = FieldErrors::default();
        let name =
            self.name.filter(|name| !name.trim().is_empty()).and_then(|name| errors.check("name", parse_name(&name)));
        errors.into_result()?;
        Ok(ConnectionSpec {
            source_id: self.source_id,
            destination_id: self.destination_id,
            name,
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
            status: Some(connection.status),
        }
    }
}
