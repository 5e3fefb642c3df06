//! Deliveries and issues of a project that have changed of late, for those who follow them.

use std::time::Duration;

use domain::{
    delivery::Delivery,
    id::{DeliveryId, DestinationId, uuid_v7},
    issue::Issue,
    time::Timestamp,
};
use sea_orm::ConnectionTrait;

use crate::{
    deliveries::{COLUMNS, delivery},
    error::Result,
    events::Conditions,
    row::uuid,
    scope::Scope,
};

/// A delivery that changes so long after it was made stands in an index of its own; the others are found by their ids. The
/// migration has the number.
const LATE: Duration = Duration::from_mins(1);

impl Scope {
    /// Deliveries that changed after this time, or at it and have a higher id: in this order, no more than `limit`.
    pub async fn deliveries_changed(
        &self,
        after: (Timestamp, DeliveryId),
        destination: Option<DestinationId>,
        limit: u16,
    ) -> Result<Vec<Delivery>> {
        let (since, id) = after;
        let mut values = vec![
            self.env_uuid().into(),
            since.as_micros().into(),
            uuid(id.as_u128()).into(),
            uuid(uuid_v7(since.minus(LATE), 0)).into(),
        ];
        values.extend(destination.map(|id| uuid(id.as_u128()).into()));
        let of_one = destination.map_or("", |_| " AND e.destination_id = $5");
        let changed = format!("e.env_id = $1 AND (e.updated_at, e.id) > ($2, $3) AND e.updated_at >= $2{of_one}");
        let sql = format!(
            "SELECT * FROM (SELECT {COLUMNS} FROM deliveries e WHERE {changed} AND e.id >= $4 \
             UNION ALL SELECT {COLUMNS} FROM deliveries e \
             WHERE {changed} AND e.updated_at > e.created_at + {} AND e.id < $4) AS c ORDER BY updated_at, id LIMIT {limit}",
            LATE.as_micros()
        );
        let rows = self.store.reader().query_all_raw(self.store.statement(sql, values)).await?;
        rows.iter().map(delivery).collect()
    }

    /// Issues that failed or changed after `since`, those that failed last first, no more than `limit`.
    pub async fn issues_changed(&self, since: Timestamp, limit: u16) -> Result<Vec<Issue>> {
        let mut conditions = Conditions::new(self.env_uuid());
        let since = since.as_micros();
        conditions.add("(e.last_seen_at > ? OR e.status_changed_at > ?)", [since.into(), since.into()]);
        let (clause, values) = conditions.finish();
        let found = self.select_issues(&clause, values, u64::from(limit)).await?;
        Ok(found.into_iter().map(|(issue, _)| issue).collect())
    }
}
