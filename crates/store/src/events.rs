//! Events of a project, as people and deliveries read them.

use std::fmt::Write;

use bytes::Bytes;
use domain::{
    event::{EventFilter, EventSummary},
    id::{EnvId, EventId, SourceId, uuid_v7},
    page::{Cursor, Page, PageRequest},
};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Value, prelude::Uuid};

use crate::{
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
}

/// How many events a search in bodies looks at for one page.
const SEARCH_WINDOW: u32 = 20_000;

const COLUMNS: &str = "e.env_id, e.id, e.source_id, e.status, e.event_type, e.provider_event_id, e.method, e.path, e.query, \
    e.content_type, e.content_length, e.source_ip, e.received_at, e.verification_status, e.dedup_status";

impl Scope {
    /// Newest first. A search looks at a bounded number of events for each page, which may therefore be short, or even
    /// empty, while there is more.
    pub async fn events(&self, filter: &EventFilter, page: PageRequest) -> Result<Page<EventSummary>> {
        let mut conditions = Conditions::new(self.env_uuid());
        conditions.below(page.after);
        if let Some(source) = filter.source_id {
            conditions.add("e.source_id = ?", [uuid(source.as_u128()).into()]);
        }
        if let Some(status) = filter.status {
            // The second half is what the partial index is made for.
            conditions.add("e.status = ?", [status.as_str().into()]);
            if status != domain::event::EventStatus::Delivered {
                conditions.add("e.status <> 'delivered'", []);
            }
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
        let mut window_end = None;
        if let Some(search) = filter.search.as_deref().filter(|text| !text.is_empty()) {
            window_end = self.search_window_end(page.after).await?;
            if let Some(end) = window_end {
                conditions.add("e.id >= ?", [end.into()]);
            }
            self.add_search(&mut conditions, search);
        }
        let (clause, mut values) = conditions.finish();
        values.push(i64::try_from(rows_wanted(&page)).unwrap_or(i64::MAX).into());
        let sql = format!("SELECT {COLUMNS} FROM events e WHERE {clause} ORDER BY e.id DESC LIMIT ${}", values.len());
        let rows = self.store.reader().query_all_raw(self.store.statement(sql, values)).await?;
        let events = rows.iter().map(summary).collect::<Result<Vec<_>>>()?;
        let mut page = Page::from_rows(events, page.limit, |event| event.id.as_u128());
        if let (false, Some(end)) = (page.has_more, window_end) {
            page.has_more = true;
            page.next_cursor = Some(Cursor(end.as_u128()).to_string());
        }
        Ok(page)
    }

    /// The id down to which one page of a search looks; `None` when that is all there is.
    async fn search_window_end(&self, after: Option<Cursor>) -> Result<Option<Uuid>> {
        let mut conditions = Conditions::new(self.env_uuid());
        conditions.below(after);
        let (clause, values) = conditions.finish();
        let sql = format!("SELECT e.id FROM events e WHERE {clause} ORDER BY e.id DESC LIMIT 1 OFFSET {SEARCH_WINDOW}");
        let row = self.store.reader().query_one_raw(self.store.statement(sql, values)).await?;
        row.map(|row| get(&row, "id")).transpose()
    }

    fn add_search(&self, conditions: &mut Conditions, search: &str) {
        let in_body = match self.store.backend() {
            DbBackend::Postgres => "position(? IN b.body) > 0",
            _ => "instr(b.body, ?) > 0",
        };
        let in_headers = match self.store.backend() {
            DbBackend::Postgres => "position(? IN b.headers) > 0",
            _ => "instr(b.headers, ?) > 0",
        };
        let id = search.parse::<EventId>().map_or(0, EventId::as_u128);
        conditions.add(
            &format!(
                "(e.id = ? OR e.provider_event_id = ? OR EXISTS (SELECT 1 FROM event_bodies b \
                 WHERE b.env_id = e.env_id AND b.event_id = e.id AND ({in_body} OR {in_headers})))"
            ),
            [uuid(id).into(), search.into(), Value::Bytes(Some(search.as_bytes().to_vec())), search.into()],
        );
    }

    pub async fn event(&self, id: EventId) -> Result<Option<StoredEvent>> {
        let sql = format!(
            "SELECT {COLUMNS}, b.headers, b.body FROM events e \
             JOIN event_bodies b ON b.env_id = e.env_id AND b.event_id = e.id WHERE e.env_id = $1 AND e.id = $2"
        );
        let values = [self.env_uuid().into(), uuid(id.as_u128()).into()];
        let row = self.store.reader().query_one_raw(self.store.statement(sql, values)).await?;
        row.map(|row| {
            Ok(StoredEvent {
                summary: summary(&row)?,
                headers: json("event_bodies", "headers", &get::<String>(&row, "headers")?)?,
                body: Bytes::from(get::<Vec<u8>>(&row, "body")?),
            })
        })
        .transpose()
    }
}

/// Conditions of a WHERE clause, written with `?` and numbered at the end.
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

    pub(crate) fn finish(self) -> (String, Vec<Value>) {
        (self.clause, self.values)
    }
}

fn summary(row: &QueryResult) -> Result<EventSummary> {
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
    })
}
