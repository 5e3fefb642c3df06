//! Events of a project, as people and deliveries read them.

use std::{collections::HashMap, fmt::Write};

use bytes::Bytes;
use domain::{
    event::{EventFilter, EventStatus, EventSummary, SchemaError},
    filter::Remembered,
    id::{EnvId, EventId, SourceId, uuid_v7},
    page::{Cursor, Page, PageRequest},
};
use sea_orm::{ConnectionTrait, QueryResult, Value, prelude::Uuid};

use crate::{
    body::unpack,
    error::Result,
    row::{at, get, json, number, parse, uuid},
    scope::{Scope, rows_wanted},
};

/// An event with its headers and body.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    pub summary: EventSummary,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// What the source's schema found wrong with the body.
    pub schema_errors: Vec<SchemaError>,
    /// Connections that it did not match.
    pub unmatched: Remembered,
}

/// What a delivery sends of an event.
#[derive(Debug, Clone)]
pub struct Content {
    pub source_id: SourceId,
    pub event_type: Option<String>,
    pub method: String,
    pub path: String,
    pub query: Option<String>,
    pub source_ip: Option<String>,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

/// How many events are read back by one statement; of each the statement is prepared once.
const CONTENT_SIZES: [usize; 4] = [1, 8, 32, 128];

/// How many events one page looks at that no index leads: a search, or one by type.
const WINDOW: u32 = 20_000;

pub(crate) const COLUMNS: &str = "e.env_id, e.id, e.source_id, e.status, e.event_type, e.provider_event_id, e.method, e.path, e.query, \
    e.content_type, e.content_length, e.source_ip, e.received_at, e.verification_status, e.dedup_status, e.duplicate_of";

const CONTENT_COLUMNS: &str = "e.source_id, e.event_type, e.method, e.path, e.query, e.source_ip, e.content_length, \
    b.headers, b.body, b.encoding";

impl Scope {
    /// Newest first. A search, and what is asked for by type or connection, looks at a bounded number of events for each
    /// page, which may therefore be short, or even empty, while there is more.
    pub async fn events(&self, filter: &EventFilter, page: PageRequest) -> Result<Page<EventSummary>> {
        let mut conditions = Conditions::new(self.env_uuid());
        conditions.below(page.after);
        if let Some(source) = filter.source_id {
            conditions.add("e.source_id = ?", [uuid(source.as_u128()).into()]);
        }
        if let Some(status) = filter.status {
            conditions.add_status(status.as_str(), EventStatus::Delivered.as_str());
        }
        if let Some(event_type) = &filter.event_type {
            conditions.add("e.event_type = ?", [event_type.as_str().into()]);
        }
        // Ids sort by time, so a range of time is a range of ids.
        if let Some(after) = filter.after {
            conditions.add("e.id >= ?", [uuid(uuid_v7(after, 0)).into()]);
        }
        if let Some(before) = filter.before {
            conditions.add("e.id < ?", [uuid(uuid_v7(before, 0)).into()]);
        }
        if let Some(connection) = filter.connection_id {
            conditions.add(
                "EXISTS (SELECT 1 FROM deliveries d WHERE d.env_id = e.env_id AND d.event_id = e.id AND d.connection_id = ?)",
                [uuid(connection.as_u128()).into()],
            );
        }
        if let Some(search) = filter.search.as_deref().filter(|text| !text.is_empty()) {
            return self.search_events(conditions, search, page).await;
        }
        // No index knows these.
        let is_looked_through = filter.event_type.is_some() || filter.connection_id.is_some();
        let window = if is_looked_through { self.window_end(page.after).await? } else { None };
        if let Some(end) = window {
            conditions.add("e.id >= ?", [end.into()]);
        }
        let (clause, mut values) = conditions.finish();
        values.push(i64::try_from(rows_wanted(&page)).unwrap_or(i64::MAX).into());
        let sql = format!("SELECT {COLUMNS} FROM events e WHERE {clause} ORDER BY e.id DESC LIMIT ${}", values.len());
        let rows = self.store.reader().query_all_raw(self.store.statement(sql, values)).await?;
        let events = rows.iter().map(summary).collect::<Result<Vec<_>>>()?;
        Ok(continued(Page::from_rows(events, page.limit, |event| event.id.as_u128()), window))
    }

    /// The id down to which one page looks that no index leads; `None` when that is all there is.
    pub(crate) async fn window_end(&self, after: Option<Cursor>) -> Result<Option<Uuid>> {
        let mut conditions = Conditions::new(self.env_uuid());
        conditions.below(after);
        let (clause, values) = conditions.finish();
        let sql = format!("SELECT e.id FROM events e WHERE {clause} ORDER BY e.id DESC LIMIT 1 OFFSET {WINDOW}");
        let row = self.store.reader().query_one_raw(self.store.statement(sql, values)).await?;
        row.map(|row| get(&row, "id")).transpose()
    }

    pub async fn event(&self, id: EventId) -> Result<Option<StoredEvent>> {
        let sql = format!(
            "SELECT {COLUMNS}, e.schema_errors, b.headers, b.body, b.encoding, b.unmatched FROM events e \
             JOIN event_bodies b ON b.env_id = e.env_id AND b.event_id = e.id WHERE e.env_id = $1 AND e.id = $2"
        );
        let values = [self.env_uuid().into(), uuid(id.as_u128()).into()];
        let row = self.store.reader().query_one_raw(self.store.statement(sql, values)).await?;
        row.map(|row| {
            let summary = summary(&row)?;
            let body = body_of(&row, get(&row, "body")?, summary.content_length)?;
            let schema_errors = get::<Option<String>>(&row, "schema_errors")?;
            let schema_errors = schema_errors.map(|text| json("events", "schema_errors", &text)).transpose()?;
            let schema_errors = schema_errors.unwrap_or_default();
            let unmatched = get::<Option<String>>(&row, "unmatched")?;
            let unmatched = unmatched.map(|text| json("event_bodies", "unmatched", &text)).transpose()?;
            let unmatched = unmatched.unwrap_or_default();
            Ok(StoredEvent { summary, headers: headers_of(&row)?, body, schema_errors, unmatched })
        })
        .transpose()
    }

    /// The last events of a source with what is in them, the newest first, before `before`; of one type where that is given.
    /// One whose body has more than `max_body` bytes is left out, as is a duplicate.
    pub async fn last_contents(
        &self,
        source: SourceId,
        event_type: Option<&str>,
        before: Option<EventId>,
        max_body: usize,
        limit: u32,
    ) -> Result<Vec<(EventId, Content)>> {
        let mut conditions = Conditions::new(self.env_uuid());
        conditions.add("e.source_id = ?", [uuid(source.as_u128()).into()]);
        if let Some(before) = before {
            conditions.add("e.id < ?", [uuid(before.as_u128()).into()]);
        }
        if let Some(event_type) = event_type {
            conditions.add("e.event_type = ?", [event_type.into()]);
            // No index knows it.
            if let Some(end) = self.source_window_end(source).await? {
                conditions.add("e.id >= ?", [end.into()]);
            }
        }
        // A duplicate goes nowhere.
        conditions.add("e.duplicate_of IS NULL", []);
        conditions.add("e.content_length <= ?", [i64::try_from(max_body).unwrap_or(i64::MAX).into()]);
        let (clause, mut values) = conditions.finish();
        values.push(i64::from(limit).into());
        let sql = format!(
            "SELECT e.id, {CONTENT_COLUMNS} FROM events e \
             JOIN event_bodies b ON b.env_id = e.env_id AND b.event_id = e.id \
             WHERE {clause} ORDER BY e.id DESC LIMIT ${}",
            values.len()
        );
        let rows = self.store.reader().query_all_raw(self.store.statement(sql, values)).await?;
        let read = |row| Ok((EventId::from_u128(get::<Uuid>(row, "id")?.as_u128()), content(row)?));
        rows.iter().map(read).collect()
    }

    /// The id down to which the events of a source are looked through.
    async fn source_window_end(&self, source: SourceId) -> Result<Option<Uuid>> {
        let sql = format!(
            "SELECT e.id FROM events e WHERE e.env_id = $1 AND e.source_id = $2 ORDER BY e.id DESC LIMIT 1 OFFSET {WINDOW}"
        );
        let values = [self.env_uuid().into(), uuid(source.as_u128()).into()];
        let row = self.store.reader().query_one_raw(self.store.statement(sql, values)).await?;
        row.map(|row| get(&row, "id")).transpose()
    }

    /// What deliveries of these events send. One whose body takes more than `max_body` bytes in the database is left out, as
    /// is one that is no longer kept.
    pub async fn contents(&self, events: &[EventId], max_body: usize) -> Result<HashMap<EventId, Content>> {
        let mut contents = HashMap::with_capacity(events.len());
        let largest = CONTENT_SIZES[CONTENT_SIZES.len() - 1];
        for events in events.chunks(largest) {
            let size = CONTENT_SIZES.into_iter().find(|size| *size >= events.len()).unwrap_or(largest);
            let places: Vec<String> = (3..3 + size).map(|place| format!("${place}")).collect();
            let sql = self.contents_sql(&places.join(","));
            // What a size has too many is nothing.
            let padding = std::iter::repeat_n(Value::Uuid(None), size - events.len());
            let max_body = i64::try_from(max_body).unwrap_or(i64::MAX);
            let first = [self.env_uuid().into(), max_body.into()];
            let ids = events.iter().map(|id| uuid(id.as_u128()).into());
            let values = first.into_iter().chain(ids).chain(padding);
            for row in self.store.reader().query_all_raw(self.store.statement(sql, values)).await? {
                contents.insert(EventId::from_u128(get::<Uuid>(&row, "id")?.as_u128()), content(&row)?);
            }
        }
        Ok(contents)
    }

    fn contents_sql(&self, places: &str) -> String {
        if self.store.is_shared() {
            // One event after the other, each by its key. Left to itself PostgreSQL may read all bodies of a project and pick
            // those that were asked for: so it does while it has not yet looked how many a project has.
            return format!(
                "SELECT e.id, {CONTENT_COLUMNS} FROM unnest(ARRAY[{places}]::uuid[]) AS wanted (id) \
                 CROSS JOIN LATERAL (SELECT * FROM events WHERE env_id = $1 AND id = wanted.id OFFSET 0) AS e \
                 CROSS JOIN LATERAL (SELECT * FROM event_bodies WHERE env_id = $1 AND event_id = wanted.id \
                 AND length(body) <= $2 OFFSET 0) AS b"
            );
        }
        format!(
            "SELECT e.id, {CONTENT_COLUMNS} FROM events e \
             JOIN event_bodies b ON b.env_id = e.env_id AND b.event_id = e.id \
             WHERE e.env_id = $1 AND e.id IN ({places}) AND length(b.body) <= $2"
        )
    }
}

fn content(row: &QueryResult) -> Result<Content> {
    let length = number("events", "content_length", get(row, "content_length")?)?;
    Ok(Content {
        source_id: SourceId::from_u128(get::<Uuid>(row, "source_id")?.as_u128()),
        event_type: get(row, "event_type")?,
        method: get(row, "method")?,
        path: get(row, "path")?,
        query: get(row, "query")?,
        source_ip: get(row, "source_ip")?,
        headers: headers_of(row)?,
        body: body_of(row, get(row, "body")?, length)?,
    })
}

/// A page that ends where its window does goes on from there.
pub(crate) fn continued(mut page: Page<EventSummary>, window_end: Option<Uuid>) -> Page<EventSummary> {
    if let (false, Some(end)) = (page.has_more, window_end) {
        page.has_more = true;
        page.next_cursor = Some(Cursor(end.as_u128()).to_string());
    }
    page
}

fn headers_of(row: &QueryResult) -> Result<Vec<(String, String)>> {
    json("event_bodies", "headers", &get::<String>(row, "headers")?)
}

fn body_of(row: &QueryResult, kept: Vec<u8>, length: u64) -> Result<Bytes> {
    let encoding: Option<String> = get(row, "encoding")?;
    Ok(Bytes::from(unpack(kept, encoding.as_deref(), length)?))
}

/// Conditions of a WHERE clause, written with `?` and numbered at the end.
#[derive(Clone)]
pub(crate) struct Conditions {
    clause: String,
    values: Vec<Value>,
}

impl Conditions {
    pub(crate) fn new(env: Uuid) -> Self {
        Self { clause: "e.env_id = $1".to_owned(), values: vec![env.into()] }
    }

    pub(crate) fn below(&mut self, cursor: Option<Cursor>) {
        if let Some(cursor) = cursor {
            self.add("e.id < ?", [uuid(cursor.0).into()]);
        }
    }

    /// A partial index holds what has another status than `usual`. Both are written out, so that either database sees that it
    /// fits.
    pub(crate) fn add_status(&mut self, status: &'static str, usual: &'static str) {
        self.add(&format!("e.status = '{status}'"), []);
        if status != usual {
            self.add(&format!("e.status <> '{usual}'"), []);
        }
    }

    pub(crate) fn add<const N: usize>(&mut self, condition: &str, values: [Value; N]) {
        self.clause.push_str(" AND ");
        let mut values = values.into_iter();
        for part in condition.split_inclusive('?') {
            match part.strip_suffix('?') {
                Some(text) => {
                    self.clause.push_str(text);
                    self.values.extend(values.next());
                    let _ = write!(self.clause, "${}", self.values.len());
                }
                None => self.clause.push_str(part),
            }
        }
    }

    /// That a column has one of these values.
    pub(crate) fn add_any(&mut self, column: &str, values: impl Iterator<Item = Value>) {
        let _ = write!(self.clause, " AND {column} IN (");
        for (index, value) in values.enumerate() {
            self.values.push(value);
            let comma = if index == 0 { "" } else { "," };
            let _ = write!(self.clause, "{comma}${}", self.values.len());
        }
        self.clause.push(')');
    }

    pub(crate) fn finish(self) -> (String, Vec<Value>) {
        (self.clause, self.values)
    }
}

pub(crate) fn summary(row: &QueryResult) -> Result<EventSummary> {
    const T: &str = "events";
    let id = |column| get::<Uuid>(row, column).map(|id| id.as_u128());
    Ok(EventSummary {
        id: EventId::from_u128(id("id")?),
        env_id: EnvId::from_u128(id("env_id")?),
        source_id: SourceId::from_u128(id("source_id")?),
        status: parse(T, "status", &get::<String>(row, "status")?)?,
        event_type: get(row, "event_type")?,
        provider_event_id: get(row, "provider_event_id")?,
        method: get(row, "method")?,
        path: get(row, "path")?,
        query: get(row, "query")?,
        content_type: get(row, "content_type")?,
        content_length: number(T, "content_length", get(row, "content_length")?)?,
        source_ip: get(row, "source_ip")?,
        received_at: at(get(row, "received_at")?),
        verification_status: parse(T, "verification_status", &get::<String>(row, "verification_status")?)?,
        dedup_status: parse(T, "dedup_status", &get::<String>(row, "dedup_status")?)?,
        duplicate_of: get::<Option<Uuid>>(row, "duplicate_of")?.map(|id| EventId::from_u128(id.as_u128())),
    })
}
