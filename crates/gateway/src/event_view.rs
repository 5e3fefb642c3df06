//! An event as filters, schemas and expressions see it, whether it has just come, is stored, or was made up.

use std::{borrow::Cow, sync::OnceLock};

use bytes::Bytes;
use domain::{
    id::{EnvId, EventId, SourceId},
    rehearsal::SampleEvent,
    time::Timestamp,
};
use serde_json::{Map, Value, json};
use store::{Content, StoredEvent, writer::NewEvent};

use crate::{content, transform::Input};

/// A body, read as JSON when that is first asked for, and once at most.
#[derive(Debug)]
pub struct Payload {
    content: Bytes,
    json: OnceLock<Result<Value, String>>,
}

impl Payload {
    /// Of a body that is decompressed.
    #[must_use]
    pub const fn new(content: Bytes) -> Self {
        Self { content, json: OnceLock::new() }
    }

    /// Of a body as it came with these headers.
    #[must_use]
    pub fn of_body(headers: &[(String, String)], body: &Bytes) -> Self {
        Self::new(content::decoded(header(headers, "content-encoding"), body))
    }

    /// One that is JSON already.
    #[must_use]
    pub fn of_json(value: Value) -> Self {
        Self { content: Bytes::new(), json: OnceLock::from(Ok(value)) }
    }

    #[must_use]
    pub const fn content(&self) -> &Bytes {
        &self.content
    }

    /// # Errors
    /// Why the body is not JSON.
    pub fn json(&self) -> Result<&Value, &str> {
        let read = || serde_json::from_slice(&self.content).map_err(|error| error.to_string());
        self.json.get_or_init(read).as_ref().map_err(String::as_str)
    }

    /// The same, unless nobody has asked for it yet.
    #[must_use]
    pub fn known_json(&self) -> Option<&Value> {
        self.json.get()?.as_ref().ok()
    }

    /// The same to keep.
    #[must_use]
    pub fn into_json(self) -> Option<Value> {
        let _ = self.json();
        self.json.into_inner().and_then(Result::ok)
    }
}

/// The first value of a header.
pub(crate) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Everything but the payload.
#[derive(Debug, Clone, Copy)]
pub struct EventView<'a> {
    pub id: Option<EventId>,
    pub source_id: Option<SourceId>,
    pub event_type: Option<&'a str>,
    pub received_at: Timestamp,
    pub method: &'a str,
    pub path: &'a str,
    pub query: Option<&'a str>,
    /// Name and value, in the order received.
    pub headers: &'a [(String, String)],
    pub content_type: Option<&'a str>,
    pub source_ip: Option<&'a str>,
}

/// The same, to be kept.
#[derive(Debug, Clone)]
pub struct OwnedView {
    id: Option<EventId>,
    source_id: Option<SourceId>,
    event_type: Option<String>,
    received_at: Timestamp,
    method: String,
    path: String,
    query: Option<String>,
    headers: Vec<(String, String)>,
    content_type: Option<String>,
    source_ip: Option<String>,
}

impl OwnedView {
    #[must_use]
    pub fn of(view: &EventView<'_>) -> Self {
        Self {
            id: view.id,
            source_id: view.source_id,
            event_type: view.event_type.map(str::to_owned),
            received_at: view.received_at,
            method: view.method.to_owned(),
            path: view.path.to_owned(),
            query: view.query.map(str::to_owned),
            headers: view.headers.to_vec(),
            content_type: view.content_type.map(str::to_owned),
            source_ip: view.source_ip.map(str::to_owned),
        }
    }

    #[must_use]
    pub fn view(&self) -> EventView<'_> {
        EventView {
            id: self.id,
            source_id: self.source_id,
            event_type: self.event_type.as_deref(),
            received_at: self.received_at,
            method: &self.method,
            path: &self.path,
            query: self.query.as_deref(),
            headers: &self.headers,
            content_type: self.content_type.as_deref(),
            source_ip: self.source_ip.as_deref(),
        }
    }
}

impl<'a> EventView<'a> {
    #[must_use]
    pub fn of_new(event: &'a NewEvent) -> Self {
        Self {
            id: Some(event.id),
            source_id: Some(event.source_id),
            event_type: event.event_type.as_deref(),
            received_at: event.received_at,
            method: &event.method,
            path: &event.path,
            query: event.query.as_deref(),
            headers: &event.headers,
            content_type: event.content_type.as_deref(),
            source_ip: event.source_ip.as_deref(),
        }
    }

    #[must_use]
    pub fn of_stored(event: &'a StoredEvent) -> Self {
        let summary = &event.summary;
        Self {
            id: Some(summary.id),
            source_id: Some(summary.source_id),
            event_type: summary.event_type.as_deref(),
            received_at: summary.received_at,
            method: &summary.method,
            path: &summary.path,
            query: summary.query.as_deref(),
            headers: &event.headers,
            content_type: summary.content_type.as_deref(),
            source_ip: summary.source_ip.as_deref(),
        }
    }

    #[must_use]
    pub fn of_content(id: EventId, content: &'a Content) -> Self {
        Self {
            id: Some(id),
            source_id: Some(content.source_id),
            event_type: content.event_type.as_deref(),
            received_at: id.made_at(),
            method: &content.method,
            path: &content.path,
            query: content.query.as_deref(),
            headers: &content.headers,
            content_type: header(&content.headers, "content-type"),
            source_ip: content.source_ip.as_deref(),
        }
    }

    /// Of one that was made up; `headers` are its own.
    #[must_use]
    pub fn of_sample(event: &'a SampleEvent, headers: &'a [(String, String)], now: Timestamp) -> Self {
        Self {
            id: None,
            source_id: None,
            event_type: None,
            received_at: now,
            method: event.method.as_deref().unwrap_or("POST"),
            path: event.path.as_deref().unwrap_or("/"),
            query: event.query.as_deref(),
            headers,
            content_type: event.content_type.as_deref().or_else(|| header(headers, "content-type")),
            source_ip: event.source_ip.as_deref(),
        }
    }

    /// The parameters of the query, decoded, in their order.
    pub fn parameters(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
        url::form_urlencoded::parse(self.query.unwrap_or_default().as_bytes())
    }

    /// What expressions see.
    #[must_use]
    pub fn input(&self, project: EnvId, payload: Option<Value>, now: Timestamp) -> Input {
        let event = json!({
            "id": self.id,
            "source_id": self.source_id,
            "type": self.event_type,
            "received_at": self.received_at,
            "path": self.path,
            "content_type": self.content_type,
            "source_ip": self.source_ip,
        });
        let variables = vec![
            ("headers", Value::Object(header_object(self.headers))),
            ("query", Value::Object(self.query_object())),
            ("method", json!(self.method)),
            ("event", event),
        ];
        Input { project, payload, variables, now_ms: now.as_micros() / 1000 }
    }

    /// A parameter that is repeated has a list of its values.
    fn query_object(&self) -> Map<String, Value> {
        let mut query = Map::new();
        for (name, value) in self.parameters() {
            let value = Value::from(value.into_owned());
            match query.get_mut(name.as_ref()) {
                None => {
                    query.insert(name.into_owned(), value);
                }
                Some(Value::Array(values)) => values.push(value),
                Some(first) => *first = Value::Array(vec![first.take(), value]),
            }
        }
        query
    }
}

/// Names in lower case; values of a header that is repeated are joined by commas, which is what HTTP means by it.
pub(crate) fn header_object(headers: &[(String, String)]) -> Map<String, Value> {
    let mut object = Map::new();
    for (name, value) in headers {
        match object.get_mut(&name.to_ascii_lowercase()) {
            Some(Value::String(values)) => {
                values.push_str(", ");
                values.push_str(value);
            }
            _ => {
                object.insert(name.to_ascii_lowercase(), Value::from(value.as_str()));
            }
        }
    }
    object
}
