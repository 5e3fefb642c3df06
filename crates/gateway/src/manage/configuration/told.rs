//! Things as a document says them, to tell what a change changes.

use std::collections::BTreeSet;

use domain::{
    configuration::FieldChange,
    connection::{Connection, ConnectionSpec},
    destination::{Destination, DestinationSpec},
    id::{ConnectionId, DestinationId, SourceId},
    source::{Source, SourceSpec},
};
use serde_json::Value;

use super::{
    plan::{connection_of, destination_of, differences, source_of},
    stored::{Thing, of_connection, of_destination, of_source},
};

/// One of them, with its secrets opened.
pub(in crate::manage) struct Told {
    said: Value,
    /// The paths at which secrets stand.
    secrets: BTreeSet<String>,
}

impl Told {
    pub fn source(source: Source) -> Self {
        of_source(source).into()
    }

    pub fn source_spec(id: SourceId, spec: SourceSpec) -> Self {
        Self::source(source_of(id, spec))
    }

    pub fn destination(destination: Destination) -> Self {
        of_destination(destination).into()
    }

    pub fn destination_spec(id: DestinationId, spec: DestinationSpec) -> Self {
        Self::destination(destination_of(id, spec))
    }

    pub fn connection(connection: Connection) -> Self {
        let (source, destination) = (connection.source_id.to_string(), connection.destination_id.to_string());
        Self { said: of_connection(connection, &source, &destination).said, secrets: BTreeSet::new() }
    }

    pub fn connection_spec(id: ConnectionId, spec: ConnectionSpec) -> Self {
        Self::connection(connection_of(id, spec))
    }

    /// What differs between two of them, with secrets masked. `None` stands for one that is not there.
    pub fn differences(former: Option<&Self>, next: Option<&Self>) -> Vec<FieldChange> {
        let none = BTreeSet::new();
        let secrets = |told: Option<&Self>| told.map_or_else(|| none.clone(), |told| told.secrets.clone());
        let to = next.map_or(&Value::Null, |next| &next.said);
        differences(former.map(|former| &former.said), to, &secrets(former), &secrets(next))
    }
}

impl<T> From<Thing<T>> for Told {
    fn from(thing: Thing<T>) -> Self {
        Self { said: thing.said, secrets: thing.secrets }
    }
}
