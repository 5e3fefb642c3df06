//! Events, their deliveries and attempts.

use domain::{
    delivery::{Attempt, Delivery},
    event::{EventStatus, EventSummary, SchemaError},
    forward::Forward,
    page::Page,
};
use leptos::prelude::*;
use leptos_router::{location::Url, params::ParamsMap};
use serde::{Deserialize, Serialize};

use super::ApiError;
#[cfg(feature = "ssr")]
use super::caller::{id, in_project, now, page_after};
use crate::paths;

/// Which events a list shows, as its address says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventQuery {
    pub status: String,
    pub source: String,
    pub connection: String,
    #[serde(rename = "type")]
    pub event_type: String,
    /// `1h`, `24h`, `7d`, `30d`; empty for all.
    pub range: String,
    pub q: String,
}

/// The ranges of time that a list can be held to: word, label, seconds.
pub const RANGES: [(&str, &str, u64); 4] = [
    ("1h", "Last hour", 3_600),
    ("24h", "Last 24 hours", 86_400),
    ("7d", "Last 7 days", 7 * 86_400),
    ("30d", "Last 30 days", 30 * 86_400),
];

impl EventQuery {
    #[must_use]
    pub fn from_params(params: &ParamsMap) -> Self {
        let text = |name| params.get(name).unwrap_or_default();
        Self {
            status: text("status"),
            source: text("source"),
            connection: text("connection"),
            event_type: text("type"),
            range: text("range"),
            q: text("q"),
        }
    }

    /// Names and values of what is set.
    #[must_use]
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let all = [
            ("status", &self.status),
            ("source", &self.source),
            ("connection", &self.connection),
            ("type", &self.event_type),
            ("range", &self.range),
            ("q", &self.q),
        ];
        all.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name, value.clone())).collect()
    }

    /// `path` with this query.
    #[must_use]
    pub fn on(&self, path: &str) -> String {
        let query: Vec<String> =
            self.pairs().into_iter().map(|(name, value)| format!("{name}={}", Url::escape(&value))).collect();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
    }

    /// The list's address.
    #[must_use]
    pub fn list(&self, env: &str) -> String {
        self.on(&paths::events(env))
    }

    /// The address of an event beside this list.
    #[must_use]
    pub fn event(&self, env: &str, event: impl std::fmt::Display) -> String {
        self.on(&paths::event(env, event))
    }

    /// The same with something changed.
    #[must_use]
    pub fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut changed = self.clone();
        change(&mut changed);
        changed
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What was received.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventContent {
    pub summary: EventSummary,
    pub headers: Vec<(String, String)>,
    pub body: Body,
    /// The body without its content encoding, where it had one.
    pub decoded: Option<Body>,
    /// What the source's schema found wrong with it.
    pub schema_errors: Vec<SchemaError>,
}

/// The body of an event, as far as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    Empty,
    /// Text; `shown` bytes of it when it is larger.
    Text {
        text: String,
        is_json: bool,
        cut: bool,
    },
    /// No UTF-8: the first bytes as a hex dump, and all of it in base64 while it is small.
    Binary {
        dump: String,
        base64: Option<String>,
    },
}

/// The dashboard shows this much of a body; the REST API has all of it.
pub const SHOWN_BYTES: usize = 256 * 1024;

/// How far the deliveries of an event have come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    pub status: EventStatus,
    pub deliveries: Vec<DeliveryProgress>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeliveryProgress {
    pub delivery: Delivery,
    /// Oldest first.
    pub attempts: Vec<Attempt>,
}

#[server(endpoint = "events/list")]
pub async fn events(env: String, query: EventQuery, cursor: Option<String>) -> Result<Page<EventSummary>, ApiError> {
    in_project(&env, async |project| {
        let Some(filter) = filter_of(&query) else {
            // An address with a status or source that does not exist matches nothing.
            return Ok(Page { data: vec![], next_cursor: None, has_more: false });
        };
        Ok(project.gateway.events(&project.access, &filter, page_after(cursor.as_deref())?).await?)
    })
    .await
}

#[cfg(feature = "ssr")]
fn filter_of(query: &EventQuery) -> Option<domain::event::EventFilter> {
    fn chosen<T: std::str::FromStr>(text: &str) -> Result<Option<T>, T::Err> {
        if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
    }
    let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let after = RANGES.iter().find(|(word, ..)| *word == query.range);
    Some(domain::event::EventFilter {
        source_id: chosen(&query.source).ok()?,
        connection_id: chosen(&query.connection).ok()?,
        status: chosen(&query.status).ok()?,
        after: after.map(|(_, _, seconds)| now().minus(std::time::Duration::from_secs(*seconds))),
        before: None,
        event_type: text(&query.event_type),
        search: text(&query.q),
    })
}

#[server(endpoint = "events/content")]
pub async fn read_event_content(env: String, event: String) -> Result<EventContent, ApiError> {
    in_project(&env, async |project| {
        let event = project.gateway.event(&project.access, id(&event)?).await?;
        let (body, decoded) = shown_bodies(&event);
        let domain::event::Event { summary, headers, schema_errors, .. } = event;
        Ok(EventContent { summary, headers, body, decoded, schema_errors })
    })
    .await
}

/// The body as it came, and as it is meant where that is not the same.
#[cfg(feature = "ssr")]
pub(super) fn shown_bodies(event: &domain::event::Event) -> (Body, Option<Body>) {
    use base64::Engine;
    let raw = base64::engine::general_purpose::STANDARD.decode(&event.body_base64).unwrap_or_default();
    let is_encoding = |(name, _): &&(String, String)| name.eq_ignore_ascii_case("content-encoding");
    let encoding = event.headers.iter().find(is_encoding).map(|(_, value)| value.as_str());
    let raw = raw.into();
    let decoded = gateway::content::decoded(encoding, &raw);
    let is_encoded = decoded != raw;
    let is_json = event.payload.is_some();
    (shown_body(&raw, is_json && !is_encoded), is_encoded.then(|| shown_body(&decoded, is_json)))
}

#[cfg(feature = "ssr")]
fn shown_body(bytes: &[u8], is_json: bool) -> Body {
    use base64::Engine;
    if bytes.is_empty() {
        return Body::Empty;
    }
    let cut = bytes.len() > SHOWN_BYTES;
    if let Ok(text) = std::str::from_utf8(bytes) {
        let end = text.floor_char_boundary(SHOWN_BYTES);
        Body::Text { text: text[..end].to_owned(), is_json: is_json && !cut, cut }
    } else {
        let base64 = (!cut).then(|| base64::engine::general_purpose::STANDARD.encode(bytes));
        Body::Binary { dump: hex_dump(&bytes[..bytes.len().min(1024)]), base64 }
    }
}

/// Offset, 16 bytes, and what of them can be printed.
#[cfg(feature = "ssr")]
fn hex_dump(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.chunks(16).enumerate().fold(String::new(), |mut dump, (row, chunk)| {
        let hex: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
        let plain: String =
            chunk.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' }).collect();
        let _ = writeln!(dump, "{:08x}  {:<47}  {plain}", row * 16, hex.join(" "));
        dump
    })
}

#[server(endpoint = "events/progress")]
pub async fn read_event_progress(env: String, event: String) -> Result<Progress, ApiError> {
    in_project(&env, async |project| {
        let event = project.gateway.event(&project.access, id(&event)?).await?;
        let mut deliveries = Vec::with_capacity(event.deliveries.len());
        for delivery in event.deliveries {
            let attempts = project.gateway.attempts(&project.access, delivery.id).await?;
            deliveries.push(DeliveryProgress { delivery, attempts });
        }
        Ok(Progress { status: event.summary.status, deliveries })
    })
    .await
}

/// What listeners did with the event, oldest first.
#[server(endpoint = "events/forwards")]
pub async fn event_forwards(env: String, event: String) -> Result<Vec<Forward>, ApiError> {
    in_project(&env, async |project| Ok(project.gateway.forwards(&project.access, id(&event)?).await?)).await
}

/// Asks again for every delivery of the event that may be.
#[server(endpoint = "events/retry")]
pub async fn retry_event(env: String, event: String) -> Result<u64, ApiError> {
    in_project(&env, async |project| Ok(project.gateway.retry_event(&project.access, id(&event)?).await?)).await
}

#[server(endpoint = "deliveries/retry")]
pub async fn retry_delivery(env: String, delivery: String) -> Result<(), ApiError> {
    in_project(&env, async |project| {
        project.gateway.retry_delivery(&project.access, id(&delivery)?).await?;
        Ok(())
    })
    .await
}

#[server(endpoint = "deliveries/cancel")]
pub async fn cancel_delivery(env: String, delivery: String) -> Result<(), ApiError> {
    in_project(&env, async |project| {
        project.gateway.cancel_delivery(&project.access, id(&delivery)?).await?;
        Ok(())
    })
    .await
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn a_hex_dump_lines_up() {
        let dump = hex_dump(b"\x00\x01hello, webhooks!\xff");
        let lines: Vec<_> = dump.lines().collect();
        assert_eq!(lines[0], "00000000  00 01 68 65 6c 6c 6f 2c 20 77 65 62 68 6f 6f 6b  ..hello,.webhook");
        assert!(lines[1].starts_with("00000010  73 21 ff  ") && lines[1].ends_with("  s!."));
    }

    #[test]
    fn a_filter_that_names_nothing_matches_nothing() {
        let query = EventQuery { status: "lost".into(), ..EventQuery::default() };
        assert_eq!(filter_of(&query), None);
    }
}
