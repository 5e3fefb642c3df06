//! The types of events that sources have seen.

use std::collections::BTreeSet;

use domain::{
    event_type::{EventType, Shape},
    id::{EnvId, SourceId},
    time::Timestamp,
};
use sea_orm::ConnectionTrait;

use crate::{
    batch::RowStatement,
    db::Store,
    error::Result,
    row::{at, get, json, number, to_json, uuid},
    scope::Scope,
    signals::Signal,
};

/// What was seen of one type since it was last written down.
#[derive(Debug, Clone)]
pub struct SeenType {
    pub env_id: EnvId,
    pub source_id: SourceId,
    /// Empty for events without a type.
    pub name: String,
    pub count: u64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    /// What is new of it.
    pub shape: Shape,
}

/// Types that are remembered of one source. Those that come later are not.
pub const MAX_TYPES: usize = 500;

const ADD: &str = "INSERT INTO event_types AS t (env_id, source_id, event_type, count, first_seen_at, last_seen_at, shape) \
    SELECT v.column1, v.column2, v.column3, v.column4, v.column5, v.column6, v.column7 FROM ({rows}) AS v \
    WHERE EXISTS (SELECT 1 FROM event_types e WHERE e.env_id = v.column1 AND e.source_id = v.column2 AND e.event_type = v.column3) \
      OR (SELECT count(*) FROM event_types e WHERE e.env_id = v.column1 AND e.source_id = v.column2) < {most} \
    ON CONFLICT (env_id, source_id, event_type) DO UPDATE SET count = t.count + excluded.count, \
    last_seen_at = CASE WHEN t.last_seen_at > excluded.last_seen_at THEN t.last_seen_at ELSE excluded.last_seen_at END, \
    shape = excluded.shape";

impl Store {
    /// Adds what was seen. Of shapes that two nodes add at one moment, one may be lost until it is seen again.
    pub async fn add_event_types(&self, seen: &[SeenType]) -> Result<()> {
        let mut rows = Vec::with_capacity(seen.len());
        for one in seen {
            let mut shape = self.shape_of(one).await?;
            shape.merge(one.shape.clone());
            rows.push(vec![
                uuid(one.env_id.as_u128()).into(),
                uuid(one.source_id.as_u128()).into(),
                one.name.as_str().into(),
                i64::try_from(one.count).unwrap_or(i64::MAX).into(),
                one.first_at.as_micros().into(),
                one.last_at.as_micros().into(),
                to_json(&shape)?.into(),
            ]);
        }
        let sql = ADD.replace("{most}", &MAX_TYPES.to_string());
        self.run_together(vec![RowStatement::new("seen_types", sql, rows)]).await?;
        let projects: BTreeSet<EnvId> = seen.iter().map(|one| one.env_id).collect();
        for env in projects {
            self.signals().send(Signal::Activity(env));
        }
        Ok(())
    }

    async fn shape_of(&self, seen: &SeenType) -> Result<Shape> {
        let sql = "SELECT shape FROM event_types WHERE env_id = $1 AND source_id = $2 AND event_type = $3";
        let values =
            [uuid(seen.env_id.as_u128()).into(), uuid(seen.source_id.as_u128()).into(), seen.name.as_str().into()];
        let row = self.reader().query_one_raw(self.statement(sql, values)).await?;
        let shape = row.map(|row| json("event_types", "shape", &get::<String>(&row, "shape")?)).transpose()?;
        Ok(shape.unwrap_or_default())
    }
}

impl Scope {
    /// The most frequent first.
    pub async fn event_types(&self, source: SourceId) -> Result<Vec<EventType>> {
        const T: &str = "event_types";
        let sql = "SELECT event_type, count, first_seen_at, last_seen_at, shape FROM event_types \
            WHERE env_id = $1 AND source_id = $2 ORDER BY count DESC, event_type";
        let values = [self.env_uuid().into(), uuid(source.as_u128()).into()];
        let rows = self.store.reader().query_all_raw(self.store.statement(sql, values)).await?;
        rows.iter()
            .map(|row| {
                Ok(EventType {
                    name: Some(get::<String>(row, "event_type")?).filter(|name| !name.is_empty()),
                    count: number(T, "count", get(row, "count")?)?,
                    first_seen_at: at(get(row, "first_seen_at")?),
                    last_seen_at: at(get(row, "last_seen_at")?),
                    shape: json(T, "shape", &get::<String>(row, "shape")?)?,
                })
            })
            .collect()
    }
}
