//! Searching events by a part of their body or headers.
//!
//! The database looks into what it keeps as it was received; compressed bodies are looked into here.

use domain::{
    event::EventSummary,
    id::EventId,
    page::{Cursor, Page, PageRequest},
};
use sea_orm::{ConnectionTrait, DbBackend, Value};

use crate::{
    error::Result,
    events::{COLUMNS, Conditions, Content, continued, summary},
    row::{get, uuid},
    scope::{Scope, rows_wanted},
};

/// Fewer candidates are not asked for at once.
const CANDIDATES: usize = 64;
/// Compressed bodies that are looked into at once, and how long each may be; a longer one is looked into alone.
const UNPACKED: usize = 8;
const MAX_UNPACKED: usize = 1 << 20;

/// An event that may be one of those searched for.
struct Candidate {
    event: EventSummary,
    /// The database has seen it; otherwise its body is compressed.
    is_match: bool,
}

impl Scope {
    /// Events that fit the conditions and hold the text, newest first.
    pub(crate) async fn search_events(
        &self,
        mut conditions: Conditions,
        text: &str,
        page: PageRequest,
    ) -> Result<Page<EventSummary>> {
        let window_end = self.window_end(page.after).await?;
        if let Some(end) = window_end {
            conditions.add("e.id >= ?", [end.into()]);
        }
        let wanted = usize::try_from(rows_wanted(&page)).unwrap_or(usize::MAX);
        let (mut found, mut after) = (Vec::new(), page.after);
        loop {
            let limit = (wanted - found.len()).max(CANDIDATES);
            let candidates = self.candidates(&conditions, text, after, limit).await?;
            let is_last = candidates.len() < limit;
            after = candidates.last().map(|candidate| Cursor(candidate.event.id.as_u128())).or(after);
            found.extend(self.confirm(candidates, text).await?);
            if is_last || found.len() >= wanted {
                break;
            }
        }
        Ok(continued(Page::from_rows(found, page.limit, |event| event.id.as_u128()), window_end))
    }

    async fn candidates(
        &self,
        conditions: &Conditions,
        text: &str,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<Candidate>> {
        let mut conditions = conditions.clone();
        conditions.below(after);
        let (clause, mut values) = conditions.finish();
        let id = text.parse::<EventId>().map_or(0, EventId::as_u128);
        let first = values.len() + 1;
        values.extend([
            uuid(id).into(),
            text.into(),
            Value::Bytes(Some(text.as_bytes().to_vec())),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ]);
        let (id, text, bytes, limit) = (first, first + 1, first + 2, first + 3);
        let matches = match self.store.backend() {
            DbBackend::Postgres => {
                format!("position(${bytes} IN b.body) > 0 AND b.encoding IS NULL OR position(${text} IN b.headers) > 0")
            }
            _ => format!("instr(b.body, ${bytes}) > 0 AND b.encoding IS NULL OR instr(b.headers, ${text}) > 0"),
        };
        let matches = format!("(e.id = ${id} OR e.provider_event_id = ${text} OR {matches})");
        let sql = format!(
            "SELECT {COLUMNS}, CAST(CASE WHEN {matches} THEN 1 ELSE 0 END AS BIGINT) AS is_match FROM events e \
             JOIN event_bodies b ON b.env_id = e.env_id AND b.event_id = e.id \
             WHERE {clause} AND ({matches} OR b.encoding IS NOT NULL) ORDER BY e.id DESC LIMIT ${limit}"
        );
        let rows = self.store.reader().query_all_raw(self.store.statement(sql, values)).await?;
        rows.iter()
            .map(|row| Ok(Candidate { event: summary(row)?, is_match: get::<i64>(row, "is_match")? == 1 }))
            .collect()
    }

    /// Those that hold the text, in their order.
    async fn confirm(&self, candidates: Vec<Candidate>, text: &str) -> Result<Vec<EventSummary>> {
        let packed: Vec<EventId> =
            candidates.iter().filter(|candidate| !candidate.is_match).map(|candidate| candidate.event.id).collect();
        let mut matching = std::collections::HashSet::new();
        for events in packed.chunks(UNPACKED) {
            let contents = self.contents(events, MAX_UNPACKED).await?;
            for id in events {
                let holds = match contents.get(id) {
                    Some(Content { body, .. }) => contains(body, text),
                    None => self.event(*id).await?.is_some_and(|event| contains(&event.body, text)),
                };
                if holds {
                    matching.insert(*id);
                }
            }
        }
        let holds = |candidate: &Candidate| candidate.is_match || matching.contains(&candidate.event.id);
        Ok(candidates.into_iter().filter(holds).map(|candidate| candidate.event).collect())
    }
}

fn contains(body: &[u8], text: &str) -> bool {
    body.windows(text.len().max(1)).any(|part| part == text.as_bytes())
}
