//! Replays: stored events sent again, through one connection or all of a source or project.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    field::FieldErrors,
    filter::Filter,
    id::{ConnectionId, EnvId, EventId, ReplayId, SourceId},
    time::Timestamp,
};

/// The most deliveries a second that can be asked for.
pub const MAX_RATE: u32 = 10_000;
/// The most events that a replay can be limited to; one without a limit takes all of its range.
pub const MAX_LIMIT: u32 = 100_000_000;
/// Replays of one project that are at work, or paused, at the same time.
pub const MAX_UNFINISHED: u16 = 20;

/// Where a replay stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReplayStatus {
    /// Not yet begun.
    Pending,
    /// Going through its range.
    Running,
    /// Stopped by a person, who may let it go on.
    Paused,
    /// At the end of its range or limit: all its deliveries are made.
    Completed,
    /// Ended by a person. What it had queued and was not yet sent is withdrawn.
    Cancelled,
    /// It cannot go on: what it went through was deleted.
    Failed,
}

impl ReplayStatus {
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Running, Self::Paused, Self::Completed, Self::Cancelled, Self::Failed];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing more comes of it by itself or by anybody.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Failed)
    }

    #[must_use]
    pub const fn may_pause(self) -> bool {
        matches!(self, Self::Pending | Self::Running)
    }

    #[must_use]
    pub const fn may_resume(self) -> bool {
        matches!(self, Self::Paused)
    }

    #[must_use]
    pub const fn may_cancel(self) -> bool {
        !self.is_final()
    }
}

impl std::str::FromStr for ReplayStatus {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or("must be pending, running, paused, completed, cancelled or failed")
    }
}

/// What a replay has gone through so far, or would go through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReplayCounts {
    /// Events of the range that were looked at.
    pub events: u64,
    /// Those of them that the replay's filter takes, duplicates aside.
    pub matched: u64,
    /// Deliveries that were made: new ones, and failed ones that were taken up again.
    pub deliveries: u64,
    /// Duplicates of other events, which are left out unless they are asked for.
    pub duplicates: u64,
    /// Deliveries that were not made, since their connection's own filter or schema says no.
    pub filtered: u64,
    /// Deliveries that were not made, since an earlier one of the same event and connection is still to be made.
    pub still_open: u64,
    /// Matched events that no connection takes.
    pub no_route: u64,
}

impl ReplayCounts {
    /// Both together.
    #[must_use]
    pub const fn plus(self, more: Self) -> Self {
        Self {
            events: self.events + more.events,
            matched: self.matched + more.matched,
            deliveries: self.deliveries + more.deliveries,
            duplicates: self.duplicates + more.duplicates,
            filtered: self.filtered + more.filtered,
            still_open: self.still_open + more.still_open,
            no_route: self.no_route + more.no_route,
        }
    }
}

/// What became of a replay's deliveries up to now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReplayOutcome {
    /// Waiting, held or being sent.
    pub open: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub cancelled: u64,
    /// Whether these are exact: counting stops at a bound.
    pub is_complete: bool,
}

/// A replay as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Replay {
    pub id: ReplayId,
    pub env_id: EnvId,
    /// The source whose events are sent again; without one, and without a connection, those of all sources.
    pub source_id: Option<SourceId>,
    /// The connection that they are sent through; without one through all of each event's source.
    pub connection_id: Option<ConnectionId>,
    /// Events received at or after.
    pub from: Timestamp,
    /// Events received before.
    pub to: Timestamp,
    pub filter: Option<Filter>,
    /// Deliveries that become due in a second.
    pub rate_per_second: Option<u32>,
    /// Events that are taken at most.
    pub limit: Option<u32>,
    /// Whether duplicates are sent as well.
    pub include_duplicates: bool,
    pub status: ReplayStatus,
    /// Why it failed.
    pub error: Option<String>,
    /// How much of its way lies behind it, from 0 to 1.
    pub progress: f64,
    /// Events of its range when it was made, unless there were more than are counted.
    pub total_events: Option<u64>,
    pub counts: ReplayCounts,
    /// Of a single replay; lists leave it out.
    pub outcome: Option<ReplayOutcome>,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub updated_at: Timestamp,
}

impl Replay {
    /// What was asked for.
    #[must_use]
    pub fn spec(&self) -> ReplaySpec {
        ReplaySpec {
            source_id: self.source_id,
            connection_id: self.connection_id,
            from: self.from,
            to: self.to,
            filter: self.filter.clone(),
            rate_per_second: self.rate_per_second,
            limit: self.limit,
            include_duplicates: self.include_duplicates,
        }
    }
}

/// What a replay would do, as far as it was counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DryRun {
    /// Always true: nothing was made.
    pub dry_run: bool,
    pub from: Timestamp,
    pub to: Timestamp,
    pub counts: ReplayCounts,
    /// Whether the whole range was counted. If not, `counts` are of the events up to `counted_until`.
    pub is_complete: bool,
    pub counted_until: Option<Timestamp>,
    /// How many events the whole range holds, where it was not counted to its end and they can be counted.
    pub total_events: Option<u64>,
}

/// What makes a replay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReplayInput {
    #[serde(default)]
    pub source_id: Option<SourceId>,
    #[serde(default)]
    pub connection_id: Option<ConnectionId>,
    pub from: Timestamp,
    pub to: Timestamp,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::filter::Filter>"))]
    pub filter: Option<Value>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("minimum" = 1, "maximum" = MAX_RATE)))]
    pub rate_per_second: Option<u32>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("minimum" = 1, "maximum" = MAX_LIMIT)))]
    pub limit: Option<u32>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = false)))]
    pub include_duplicates: Option<bool>,
    /// Only counts.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = false)))]
    pub dry_run: Option<bool>,
}

/// A replay that can be stored, its source and connection aside: whether they exist only the project knows.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplaySpec {
    pub source_id: Option<SourceId>,
    pub connection_id: Option<ConnectionId>,
    pub from: Timestamp,
    pub to: Timestamp,
    pub filter: Option<Filter>,
    pub rate_per_second: Option<u32>,
    pub limit: Option<u32>,
    pub include_duplicates: bool,
}

impl ReplayInput {
    /// `now` is where a range ends that reaches into the future.
    ///
    /// # Errors
    /// Names each field that cannot be taken.
    pub fn parse(self, now: Timestamp) -> Result<ReplaySpec, FieldErrors> {
        let mut errors = FieldErrors::default();
        let to = self.to.min(now);
        if self.from >= self.to {
            errors.push("to", "must be after `from`");
        } else if self.from >= to {
            errors.push("from", "must be in the past");
        }
        let filter = self.filter.filter(|filter| !filter.is_null()).and_then(|filter| match Filter::parse(&filter) {
            Ok(filter) => Some(filter),
            Err(wrong) => {
                errors.extend(wrong);
                None
            }
        });
        check_range(&mut errors, "rate_per_second", self.rate_per_second, MAX_RATE);
        check_range(&mut errors, "limit", self.limit, MAX_LIMIT);
        errors.into_result()?;
        Ok(ReplaySpec {
            source_id: self.source_id,
            connection_id: self.connection_id,
            from: self.from,
            to,
            filter,
            rate_per_second: self.rate_per_second,
            limit: self.limit,
            include_duplicates: self.include_duplicates.unwrap_or_default(),
        })
    }
}

fn check_range(errors: &mut FieldErrors, field: &str, value: Option<u32>, most: u32) {
    if value.is_some_and(|value| value == 0 || value > most) {
        errors.push(field, format!("must be 1 to {most}"));
    }
}

/// How much of a replay's way lies behind it, from 0 to 1: of its limit, of its events where they were counted, else of its
/// time.
#[must_use]
pub fn progress(
    spec: &ReplaySpec,
    status: ReplayStatus,
    counts: &ReplayCounts,
    total: Option<u64>,
    reached: Option<EventId>,
) -> f64 {
    if status == ReplayStatus::Completed {
        return 1.0;
    }
    let Some(reached) = reached else { return 0.0 };
    let of_events = total.filter(|total| *total > 0).map(|total| share(counts.events, total));
    let way = spec.to.since(spec.from).as_secs_f64();
    let of_time = if way > 0.0 { reached.made_at().since(spec.from).as_secs_f64() / way } else { 0.0 };
    let of_limit = spec.limit.map_or(0.0, |limit| share(counts.matched, u64::from(limit)));
    of_events.unwrap_or(of_time).max(of_limit).clamp(0.0, 1.0)
}

#[expect(clippy::cast_precision_loss, reason = "a share of so many events need not be exact")]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn input(more: &Value) -> ReplayInput {
        let mut input = json!({ "from": at(100), "to": at(200) });
        crate::patch::merge(&mut input, more.clone());
        serde_json::from_value(input).expect("has the form of one")
    }

    #[test]
    fn a_range_ends_now_at_the_latest() {
        let spec = input(&json!({})).parse(at(150)).expect("is taken");
        assert_eq!((spec.from, spec.to), (at(100), at(150)));
        assert_eq!(
            input(&json!({})).parse(at(100)).expect_err("has not begun").at("from"),
            Some("must be in the past")
        );
        let empty = input(&json!({ "to": at(100) })).parse(at(500)).expect_err("is empty");
        assert_eq!(empty.at("to"), Some("must be after `from`"));
    }

    #[test]
    fn every_field_is_named_that_cannot_be_taken() {
        let wrong = input(&json!({ "rate_per_second": 0, "limit": MAX_LIMIT + 1, "filter": [] }));
        let errors = wrong.parse(at(500)).expect_err("is refused");
        assert_eq!(errors.at("rate_per_second"), Some("must be 1 to 10000"));
        assert!(errors.at("limit").is_some() && errors.at("filter").is_some());
    }

    #[test]
    fn progress_goes_by_the_limit_the_events_or_the_time() {
        let mut spec = input(&json!({})).parse(at(500)).expect("is taken");
        let reached = Some(EventId::new(at(125), 0));
        let counts = ReplayCounts { events: 10, matched: 5, ..ReplayCounts::default() };
        let of = |spec: &ReplaySpec, total, reached| progress(spec, ReplayStatus::Running, &counts, total, reached);
        assert!((of(&spec, None, reached) - 0.25).abs() < 1e-9);
        assert!((of(&spec, Some(40), reached) - 0.25).abs() < 1e-9);
        assert!((of(&spec, Some(20), reached) - 0.5).abs() < 1e-9);
        assert!(of(&spec, Some(20), None).abs() < 1e-9);
        spec.limit = Some(6);
        assert!((of(&spec, Some(20), reached) - 5.0 / 6.0).abs() < 1e-9);
    }
}
