//! Issues of a project, and those that have become quiet. What feeds them stands in `writer::failure`.

use domain::{
    id::{AttemptId, DeliveryId, DestinationId, EnvId, EventId, IssueId, uuid_v7},
    issue::{Cause, Issue, IssueFilter, IssueState, IssueStatus, Resolver},
    page::{Page, PageRequest},
    time::Timestamp,
};
use sea_orm::{ConnectionTrait, QueryResult, Value, prelude::Uuid};

use crate::{
    db::Store,
    error::Result,
    events::Conditions,
    row::{at, get, number, parse, text, uuid},
    scope::{Scope, rows_wanted},
    signals::Signal,
};

const COLUMNS: &str = "e.env_id, e.id, e.destination_id, e.error_class, e.response_status, e.status, e.snoozed_until, \
    e.resolved_by, e.status_changed_at, e.failure_count, e.regression_count, e.first_seen_at, e.last_seen_at, e.seen, \
    e.last_error, e.example_event_id, e.example_delivery_id, e.example_attempt_id, \
    (SELECT d.name FROM destinations d WHERE d.id = e.destination_id) AS destination, \
    (SELECT count(*) FROM (SELECT 1 FROM deliveries h WHERE h.env_id = e.env_id AND h.issue_id = e.id AND h.is_dlq = TRUE \
        LIMIT 1000) AS counted) AS held";
const NAMELESS: &str = "a deleted destination";
const _: () = assert!(Issue::COUNTED == 1000, "the text of the statement has the number");
/// The newest deliveries of a destination, among which one has to have succeeded.
const LOOK_AT: u32 = 100;
/// Issues that are forgotten at once.
const FORGET: u32 = 200;

/// An unresolved issue that has not failed for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quiet {
    pub env_id: EnvId,
    pub id: IssueId,
    pub last_seen_at: Timestamp,
    /// Its destination has taken a delivery since, or is no more.
    pub is_over: bool,
}

impl Scope {
    /// Those that failed last come first.
    pub async fn issues(&self, filter: &IssueFilter, now: Timestamp, page: PageRequest) -> Result<Page<Issue>> {
        let mut conditions = Conditions::new(self.env_uuid());
        if let Some(cursor) = page.after {
            conditions.add("e.seen < ?", [uuid(cursor.0).into()]);
        }
        if let Some(destination) = filter.destination_id {
            conditions.add("e.destination_id = ?", [uuid(destination.as_u128()).into()]);
        }
        if let Some(status) = filter.status {
            conditions.add("e.status = ?", [status.as_str().into()]);
        }
        if filter.is_unresolved {
            conditions.add("e.status <> 'resolved'", []);
        }
        match filter.snoozed {
            Some(true) => {
                conditions.add("e.status <> 'resolved' AND e.snoozed_until > ?", [now.as_micros().into()]);
            }
            Some(false) => {
                conditions.add("(e.snoozed_until IS NULL OR e.snoozed_until <= ?)", [now.as_micros().into()]);
            }
            None => {}
        }
        let (clause, values) = conditions.finish();
        let found = self.select_issues(&clause, values, rows_wanted(&page)).await?;
        Ok(Page::from_rows(found, page.limit, |(_, seen)| *seen).map(|(issue, _)| issue))
    }

    pub async fn issue(&self, id: IssueId) -> Result<Option<Issue>> {
        let mut conditions = Conditions::new(self.env_uuid());
        conditions.add("e.id = ?", [uuid(id.as_u128()).into()]);
        let (clause, values) = conditions.finish();
        Ok(self.select_issues(&clause, values, 1).await?.pop().map(|(issue, _)| issue))
    }

    /// How many issues are open and not snoozed; no more than `most` are counted.
    pub async fn open_issues(&self, now: Timestamp, most: u32) -> Result<u32> {
        let sql = format!(
            "SELECT count(*) AS found FROM (SELECT 1 FROM issues WHERE env_id = $1 AND status = 'open' \
             AND (snoozed_until IS NULL OR snoozed_until <= $2) LIMIT {most}) AS counted"
        );
        let values = [self.env_uuid().into(), now.as_micros().into()];
        let row = self.store.reader().query_one_raw(self.store.statement(sql, values)).await?;
        row.map_or(Ok(0), |row| number("issues", "count", get(&row, "found")?))
    }

    /// Makes an issue what it becomes by `state`, unless it changed since `former` was read. Returns whether it did so.
    pub async fn change_issue(&self, former: &Issue, state: IssueState) -> Result<bool> {
        let sql = "UPDATE issues SET status = $1, snoozed_until = $2, resolved_by = $3, status_changed_at = $4 \
            WHERE env_id = $5 AND id = $6 AND status = $7 AND status_changed_at = $8";
        let values = [
            state.status.as_str().into(),
            Value::BigInt(state.snoozed_until.map(Timestamp::as_micros)),
            text(state.resolved_by.map(Resolver::as_str)),
            state.status_changed_at.as_micros().into(),
            self.env_uuid().into(),
            uuid(former.id.as_u128()).into(),
            former.status.as_str().into(),
            former.status_changed_at.as_micros().into(),
        ];
        let changed = self.store.writer().execute_raw(self.store.statement(sql, values)).await?.rows_affected() > 0;
        if changed {
            self.store.sync().await?;
            self.store.signals().send(Signal::Activity(self.env_id));
        }
        Ok(changed)
    }

    /// Forgets issues that were resolved and have not failed since `before`, a few of them. Returns how many.
    pub async fn forget_issues(&self, before: Timestamp) -> Result<u64> {
        let sql = format!(
            "SELECT e.id FROM issues e WHERE e.env_id = $1 AND e.status = 'resolved' AND e.seen < $2 AND NOT EXISTS \
             (SELECT 1 FROM deliveries d WHERE d.env_id = e.env_id AND d.issue_id = e.id AND d.is_dlq = TRUE) LIMIT {FORGET}"
        );
        let values = [self.env_uuid().into(), uuid(uuid_v7(before, 0)).into()];
        let found = self.store.reader().query_all_raw(self.store.statement(sql, values)).await?;
        let mut forgotten = 0;
        // One by one: whoever records failures locks several, in an order of their own.
        for row in &found {
            let sql = "DELETE FROM issues WHERE env_id = $1 AND id = $2 AND status = 'resolved' AND seen < $3";
            let values = [self.env_uuid().into(), get::<Uuid>(row, "id")?.into(), uuid(uuid_v7(before, 0)).into()];
            forgotten += self.store.writer().execute_raw(self.store.statement(sql, values)).await?.rows_affected();
        }
        Ok(forgotten)
    }

    /// Each with its place in lists.
    pub(crate) async fn select_issues(
        &self,
        clause: &str,
        mut values: Vec<Value>,
        limit: u64,
    ) -> Result<Vec<(Issue, u128)>> {
        values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
        let sql = format!("SELECT {COLUMNS} FROM issues e WHERE {clause} ORDER BY e.seen DESC LIMIT ${}", values.len());
        let rows = self.store.reader().query_all_raw(self.store.statement(sql, values)).await?;
        rows.iter().map(|row| Ok((issue(row)?, get::<Uuid>(row, "seen")?.as_u128()))).collect()
    }
}

impl Store {
    /// Unresolved issues of all projects that have not failed since `before`, the longest quiet first, from behind `after`
    /// on, no more than `limit`.
    pub async fn quiet_issues(
        &self,
        before: Timestamp,
        after: Option<(Timestamp, IssueId)>,
        limit: u32,
    ) -> Result<Vec<Quiet>> {
        // What the newest deliveries say costs nobody who delivers anything.
        let sql = format!(
            "SELECT i.env_id, i.id, i.last_seen_at, (EXISTS (SELECT 1 FROM (SELECT d.status, d.updated_at FROM deliveries d \
               WHERE d.env_id = i.env_id AND d.destination_id = i.destination_id ORDER BY d.id DESC LIMIT {LOOK_AT}) AS n \
               WHERE n.status = 'succeeded' AND n.updated_at > i.last_seen_at) \
             OR NOT EXISTS (SELECT 1 FROM destinations t WHERE t.id = i.destination_id AND t.deleted_at IS NULL)) AS is_over \
             FROM issues i WHERE i.status <> 'resolved' AND i.last_seen_at < $1 AND (i.last_seen_at, i.id) > ($2, $3) \
             ORDER BY i.last_seen_at, i.id LIMIT {limit}"
        );
        let (seen, id) = after.map_or((i64::MIN, 0), |(seen, id)| (seen.as_micros(), id.as_u128()));
        let values = [before.as_micros().into(), seen.into(), uuid(id).into()];
        let rows = self.reader().query_all_raw(self.statement(sql, values)).await?;
        rows.iter()
            .map(|row| {
                Ok(Quiet {
                    env_id: EnvId::from_u128(get::<Uuid>(row, "env_id")?.as_u128()),
                    id: IssueId::from_u128(get::<Uuid>(row, "id")?.as_u128()),
                    last_seen_at: at(get(row, "last_seen_at")?),
                    is_over: get(row, "is_over")?,
                })
            })
            .collect()
    }

    /// Resolves an issue, unless it has failed once more. Returns whether it did.
    pub async fn resolve_quiet(&self, quiet: &Quiet, now: Timestamp) -> Result<bool> {
        let sql = "UPDATE issues SET status = $1, resolved_by = $2, snoozed_until = NULL, status_changed_at = $3 \
            WHERE env_id = $4 AND id = $5 AND status <> $1 AND last_seen_at = $6";
        let values = [
            IssueStatus::Resolved.as_str().into(),
            Resolver::Quiet.as_str().into(),
            now.as_micros().into(),
            uuid(quiet.env_id.as_u128()).into(),
            uuid(quiet.id.as_u128()).into(),
            quiet.last_seen_at.as_micros().into(),
        ];
        let resolved = self.writer().execute_raw(self.statement(sql, values)).await?.rows_affected() > 0;
        if resolved {
            self.signals().send(Signal::Activity(quiet.env_id));
        }
        Ok(resolved)
    }
}

fn issue(row: &QueryResult) -> Result<Issue> {
    const T: &str = "issues";
    let id = |column| get::<Uuid>(row, column).map(|id| id.as_u128());
    let response_status = get::<i64>(row, "response_status")?;
    let cause = Cause {
        error_class: parse(T, "error_class", &get::<String>(row, "error_class")?)?,
        response_status: (response_status != 0).then(|| number(T, "response_status", response_status)).transpose()?,
    };
    let resolved_by: Option<String> = get(row, "resolved_by")?;
    Ok(Issue {
        id: IssueId::from_u128(id("id")?),
        env_id: EnvId::from_u128(id("env_id")?),
        destination_id: DestinationId::from_u128(id("destination_id")?),
        title: cause.title(get::<Option<String>>(row, "destination")?.as_deref().unwrap_or(NAMELESS)),
        cause,
        status: parse(T, "status", &get::<String>(row, "status")?)?,
        snoozed_until: get::<Option<i64>>(row, "snoozed_until")?.map(at),
        resolved_by: resolved_by.map(|text| parse(T, "resolved_by", &text)).transpose()?,
        status_changed_at: at(get(row, "status_changed_at")?),
        failure_count: number(T, "failure_count", get(row, "failure_count")?)?,
        regression_count: number(T, "regression_count", get(row, "regression_count")?)?,
        first_seen_at: at(get(row, "first_seen_at")?),
        last_seen_at: at(get(row, "last_seen_at")?),
        last_error: get(row, "last_error")?,
        example_event_id: EventId::from_u128(id("example_event_id")?),
        example_delivery_id: DeliveryId::from_u128(id("example_delivery_id")?),
        example_attempt_id: AttemptId::from_u128(id("example_attempt_id")?),
        dlq_count: number(T, "dlq_count", get(row, "held")?)?,
    })
}
