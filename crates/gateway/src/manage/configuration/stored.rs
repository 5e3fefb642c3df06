//! What a project has, in the form in which documents say it.

use std::{collections::BTreeSet, convert::Infallible};

use domain::{
    configuration::{Resource, each_text, reference_to},
    connection::{Connection, ConnectionInput},
    destination::{Destination, DestinationInput},
    id::{DestinationId, SourceId},
    page::{Cursor, PageRequest},
    source::{Source, SourceInput},
};
use serde_json::{Map, Value, json};

use super::super::{Access, Error, Result};
use crate::{
    Gateway,
    registry::{destination_place, source_place},
};

/// Things of each kind that a project may have in order to be written down.
const MAX_THINGS: usize = 2000;

/// A source or destination.
pub(super) struct Thing<T> {
    /// With its secrets opened.
    pub it: T,
    pub resource: Resource,
    pub slug: String,
    pub id: String,
    /// As a document says it, with its secrets.
    pub said: Value,
    /// The paths in `said` at which secrets stand.
    pub secrets: BTreeSet<String>,
}

/// A connection, with the slugs of its ends.
pub(super) struct Link {
    pub it: Connection,
    pub source: String,
    pub destination: String,
    pub said: Value,
}

/// All that a project has, the oldest first.
pub(super) struct Stored {
    pub sources: Vec<Thing<Source>>,
    pub destinations: Vec<Thing<Destination>>,
    pub connections: Vec<Link>,
}

/// Every page of a list, the oldest first.
macro_rules! all {
    ($rows:ident.$list:ident) => {{
        let mut found = Vec::new();
        let mut after: Option<Cursor> = None;
        loop {
            let page = $rows.$list(PageRequest { limit: PageRequest::MAX_LIMIT, after }).await?;
            found.extend(page.data);
            if found.len() > MAX_THINGS {
                return Err(Error::Conflict(format!("the project has more than {MAX_THINGS} things of a kind")));
            }
            after = page.next_cursor.and_then(|cursor| cursor.parse().ok());
            if after.is_none() {
                found.reverse();
                break found;
            }
        }
    }};
}

impl Stored {
    pub async fn read(gateway: &Gateway, access: &Access) -> Result<Self> {
        let rows = &access.rows;
        let vault = &gateway.inner.vault;
        let mut sources = Vec::new();
        for source in all!(rows.sources) {
            let place = source_place(source.id);
            let verification = source.verification.clone().map_secrets(|sealed| vault.open(&place, sealed))?;
            sources.push(of_source(Source { verification, ..source }));
        }
        let mut destinations = Vec::new();
        for destination in all!(rows.destinations) {
            let place = destination_place(destination.id);
            destinations.push(of_destination(destination.map_secrets(|sealed| vault.open(&place, sealed))?));
        }
        let mut connections = Vec::new();
        for connection in all!(rows.connections) {
            let source = sources.iter().find(|thing| thing.it.id == connection.source_id);
            let destination = destinations.iter().find(|thing| thing.it.id == connection.destination_id);
            let (Some(source), Some(destination)) = (source, destination) else { continue };
            connections.push(of_connection(connection, &source.slug, &destination.slug));
        }
        Ok(Self { sources, destinations, connections })
    }

    pub fn source(&self, slug: &str) -> Option<&Thing<Source>> {
        self.sources.iter().find(|thing| thing.slug == slug)
    }

    pub fn destination(&self, slug: &str) -> Option<&Thing<Destination>> {
        self.destinations.iter().find(|thing| thing.slug == slug)
    }

    pub fn link(&self, source: SourceId, destination: DestinationId) -> Option<&Link> {
        self.connections.iter().find(|link| link.it.source_id == source && link.it.destination_id == destination)
    }
}

/// Its secrets are opened.
pub(super) fn of_source(it: Source) -> Thing<Source> {
    let Ok(verification) = it.verification.clone().map_secrets(|_| mark());
    let marked = SourceInput::from(&Source { verification, ..it.clone() });
    let (said, secrets) = (said(&SourceInput::from(&it)), secrets_of(&marked));
    Thing { resource: Resource::Source, slug: it.slug.clone(), id: it.id.to_string(), said, secrets, it }
}

pub(super) fn of_destination(it: Destination) -> Thing<Destination> {
    let Ok(marked) = it.clone().map_secrets(|_| mark());
    let (said, secrets) = (said(&DestinationInput::from(&it)), secrets_of(&DestinationInput::from(&marked)));
    Thing { resource: Resource::Destination, slug: it.slug.clone(), id: it.id.to_string(), said, secrets, it }
}

pub(super) fn of_connection(it: Connection, source: &str, destination: &str) -> Link {
    let mut said = json!({ "source": source, "destination": destination });
    if let (Some(said), Value::Object(input)) = (said.as_object_mut(), self::said(&ConnectionInput::from(&it))) {
        said.extend(input.into_iter().filter(|(name, _)| !matches!(name.as_str(), "source_id" | "destination_id")));
    }
    Link { it, source: source.to_owned(), destination: destination.to_owned(), said }
}

/// Stands in the place of a secret while places are looked for; nothing else is so.
const MARK: &str = "\u{0}secret";

#[expect(clippy::unnecessary_wraps, reason = "secrets are changed by functions that may fail")]
fn mark() -> std::result::Result<String, Infallible> {
    Ok(MARK.to_owned())
}

fn secrets_of(marked: &impl serde::Serialize) -> BTreeSet<String> {
    let mut secrets = BTreeSet::new();
    each_text(&mut said(marked), &mut |path, text| {
        if text == MARK {
            secrets.insert(path.to_owned());
        }
    });
    secrets
}

/// An input as a document says it: the slug first, and without what is not set.
fn said(input: &impl serde::Serialize) -> Value {
    let mut value = serde_json::to_value(input).unwrap_or_default();
    let Some(fields) = value.as_object_mut() else { return value };
    let slug = fields.shift_remove("slug");
    let mut ordered: Map<String, Value> = slug.into_iter().map(|slug| ("slug".to_owned(), slug)).collect();
    ordered.append(fields);
    // A filter or schema keeps its nulls: they are its own.
    for (name, value) in &mut ordered {
        if !matches!(name.as_str(), "filter" | "schema") {
            drop_nulls(value);
        }
    }
    ordered.retain(|_, value| !is_nothing(value));
    Value::Object(ordered)
}

fn drop_nulls(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.values_mut().for_each(drop_nulls);
        fields.retain(|_, value| !value.is_null());
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

impl<T> Thing<T> {
    /// With references in place of secrets, each named by where it stands.
    pub fn exported(&self) -> Value {
        let mut said = self.said.clone();
        each_text(&mut said, &mut |path, text| {
            if self.secrets.contains(path) {
                *text = reference_to(&[self.resource.as_str(), &self.slug, path]);
            }
        });
        said
    }
}

impl Link {
    pub fn exported(&self) -> Value {
        self.said.clone()
    }
}
