//! Issues: deliveries that were given up, folded by destination and cause.
//!
//! A destination has one issue for each cause, for ever: a failure of a cause that was resolved opens its issue again. So the id of
//! an issue follows from the two, and whoever records a failure knows it without asking the database.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    delivery::{Attempt, ErrorClass},
    field::FieldErrors,
    id::{AttemptId, DeliveryId, DestinationId, EnvId, EventId, IssueId},
    time::Timestamp,
};

/// An issue is resolved by itself when its destination has taken deliveries and none has failed so for this long.
pub const QUIET: Duration = Duration::from_mins(30);
/// The longest snooze.
pub const LONGEST_SNOOZE: Duration = Duration::from_hours(90 * 24);

/// What failures have in common that are one issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cause {
    pub error_class: ErrorClass,
    /// Of answers that were no success.
    pub response_status: Option<u16>,
}

impl Cause {
    /// Why an attempt failed; `None` when it did not.
    #[must_use]
    pub fn of(attempt: &Attempt) -> Option<Self> {
        let error_class = attempt.error_class?;
        // An answer may have begun well and then broken off: that is not a cause of its own.
        let response_status = attempt.response_status.filter(|_| error_class == ErrorClass::Status);
        Some(Self { error_class, response_status })
    }

    /// A name for people: what happens at `destination`.
    #[must_use]
    pub fn title(self, destination: &str) -> String {
        match (self.error_class, self.response_status) {
            (ErrorClass::Status, Some(status)) => format!("HTTP {status} from {destination}"),
            (ErrorClass::Status, None) => format!("Refused by {destination}"),
            (ErrorClass::Timeout, _) => format!("Timed out at {destination}"),
            (ErrorClass::Dns, _) => format!("No address found for {destination}"),
            (ErrorClass::Connect, _) => format!("No connection to {destination}"),
            (ErrorClass::Tls, _) => format!("TLS failed with {destination}"),
            (ErrorClass::Protocol, _) => format!("No proper answer from {destination}"),
            (ErrorClass::Transform, _) => format!("Transform failed for {destination}"),
            (ErrorClass::Schema, _) => format!("Schema did not fit for {destination}"),
            (ErrorClass::Config, _) => format!("Settings of {destination} do not work"),
            (ErrorClass::Blocked, _) => format!("Address of {destination} is not allowed"),
        }
    }

    /// The same in a few words, without the destination.
    #[must_use]
    pub fn short(self) -> String {
        match (self.error_class, self.response_status) {
            (ErrorClass::Status, Some(status)) => format!("HTTP {status}"),
            (class, _) => class.as_str().to_owned(),
        }
    }

    /// Another for every cause, below 2^20. Ids are made of it: none may ever change.
    fn number(self) -> u32 {
        let class: u32 = match self.error_class {
            ErrorClass::Dns => 1,
            ErrorClass::Connect => 2,
            ErrorClass::Tls => 3,
            ErrorClass::Timeout => 4,
            ErrorClass::Status => 5,
            ErrorClass::Transform => 6,
            ErrorClass::Schema => 7,
            ErrorClass::Config => 8,
            ErrorClass::Blocked => 9,
            ErrorClass::Protocol => 10,
        };
        (class << 16) | u32::from(self.response_status.unwrap_or(0))
    }
}

impl IssueId {
    /// The issue of a destination and a cause. Destinations differ in more bits of chance than those that the cause takes.
    #[must_use]
    pub fn of(destination: DestinationId, cause: Cause) -> Self {
        Self::from_u128(destination.as_u128() ^ u128::from(cause.number()))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum IssueStatus {
    Open,
    /// Somebody looks after it.
    Acknowledged,
    /// Over, until it fails so once more.
    Resolved,
}

impl IssueStatus {
    pub const ALL: [Self; 3] = [Self::Open, Self::Acknowledged, Self::Resolved];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }

    /// What a person may make of it.
    fn turn_into(self, next: Self) -> Result<Self, &'static str> {
        match (self, next) {
            (Self::Resolved, Self::Acknowledged) => Err("a resolved issue is opened again before it is acknowledged"),
            (_, next) => Ok(next),
        }
    }
}

impl std::str::FromStr for IssueStatus {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or("must be open, acknowledged or resolved")
    }
}

/// Who resolved an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "IssueResolver"))]
#[serde(rename_all = "snake_case")]
pub enum Resolver {
    /// Somebody by hand.
    Person,
    /// [`QUIET`] has passed without a failure.
    Quiet,
}

impl Resolver {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Quiet => "quiet",
        }
    }
}

impl std::str::FromStr for Resolver {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Person, Self::Quiet].into_iter().find(|it| it.as_str() == text).ok_or("must be person or quiet")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Issue {
    pub id: IssueId,
    pub env_id: EnvId,
    pub destination_id: DestinationId,
    /// A name for people, made of the cause and the destination's name.
    pub title: String,
    #[serde(flatten)]
    pub cause: Cause,
    pub status: IssueStatus,
    /// Until then it is not shown among those that want attention.
    pub snoozed_until: Option<Timestamp>,
    pub resolved_by: Option<Resolver>,
    /// When it was last opened, acknowledged or resolved.
    pub status_changed_at: Timestamp,
    /// Deliveries that were given up for this cause, from the first on.
    pub failure_count: u64,
    /// How often it came back after it had been resolved.
    pub regression_count: u64,
    pub first_seen_at: Timestamp,
    pub last_seen_at: Timestamp,
    /// What the latest failure said.
    pub last_error: Option<String>,
    /// The latest failure.
    pub example_event_id: EventId,
    pub example_delivery_id: DeliveryId,
    pub example_attempt_id: AttemptId,
    /// Its deliveries that are in the dead letter queue now, of which at most [`Issue::COUNTED`] are counted.
    pub dlq_count: u32,
}

impl Issue {
    pub const COUNTED: u32 = 1000;

    /// When it last failed, or was last opened, acknowledged or resolved.
    #[must_use]
    pub fn changed_at(&self) -> Timestamp {
        self.last_seen_at.max(self.status_changed_at)
    }

    #[must_use]
    pub fn is_snoozed(&self, now: Timestamp) -> bool {
        self.status != IssueStatus::Resolved && self.snoozed_until.is_some_and(|until| until > now)
    }

    /// What it becomes by `input`. `None` when that changes nothing.
    ///
    /// # Errors
    /// Names the field that cannot be so.
    pub fn changed(&self, input: &IssueInput, now: Timestamp) -> Result<Option<IssueState>, FieldErrors> {
        let mut errors = FieldErrors::default();
        let status = errors.check("status", self.status.turn_into(input.status)).unwrap_or(self.status);
        let is_new = input.snoozed_until != self.snoozed_until;
        if let (true, Some(until)) = (is_new, input.snoozed_until) {
            if status == IssueStatus::Resolved {
                errors.push("snoozed_until", "a resolved issue cannot be snoozed");
            } else if until <= now {
                errors.push("snoozed_until", "must be in the future");
            } else if until > now.plus(LONGEST_SNOOZE) {
                errors.push("snoozed_until", "must be within 90 days");
            }
        }
        errors.into_result()?;
        // What was snoozed until then is no matter of the next time.
        let snoozed_until = input.snoozed_until.filter(|_| status != IssueStatus::Resolved);
        let has_status_changed = status != self.status;
        if !has_status_changed && snoozed_until == self.snoozed_until {
            return Ok(None);
        }
        let resolved_by = match status {
            IssueStatus::Resolved if has_status_changed => Some(Resolver::Person),
            _ if has_status_changed => None,
            _ => self.resolved_by,
        };
        let status_changed_at = if has_status_changed { now } else { self.status_changed_at };
        Ok(Some(IssueState { status, snoozed_until, resolved_by, status_changed_at }))
    }
}

/// What of an issue people change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IssueState {
    pub status: IssueStatus,
    pub snoozed_until: Option<Timestamp>,
    pub resolved_by: Option<Resolver>,
    pub status_changed_at: Timestamp,
}

/// The form in which they do, which a merge patch is laid over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct IssueInput {
    pub status: IssueStatus,
    #[serde(default)]
    pub snoozed_until: Option<Timestamp>,
}

impl From<&Issue> for IssueInput {
    fn from(issue: &Issue) -> Self {
        Self { status: issue.status, snoozed_until: issue.snoozed_until }
    }
}

/// Which issues a list shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IssueFilter {
    pub status: Option<IssueStatus>,
    /// Without those that are resolved.
    pub is_unresolved: bool,
    /// Only those that are snoozed now, or that are not.
    pub snoozed: Option<bool>,
    pub destination_id: Option<DestinationId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);

    fn issue(status: IssueStatus) -> Issue {
        let cause = Cause { error_class: ErrorClass::Status, response_status: Some(500) };
        Issue {
            id: IssueId::of(DestinationId::from_u128(1 << 40), cause),
            env_id: EnvId::from_u128(1),
            destination_id: DestinationId::from_u128(1 << 40),
            title: cause.title("Billing"),
            cause,
            status,
            snoozed_until: None,
            resolved_by: None,
            status_changed_at: Timestamp::from_micros(0),
            failure_count: 1,
            regression_count: 0,
            first_seen_at: NOW,
            last_seen_at: NOW,
            last_error: None,
            example_event_id: EventId::from_u128(1),
            example_delivery_id: DeliveryId::from_u128(1),
            example_attempt_id: AttemptId::from_u128(1),
            dlq_count: 1,
        }
    }

    #[test]
    fn every_cause_has_an_issue_of_its_own() {
        let destination = DestinationId::new(NOW, u128::MAX / 3);
        let statuses = (100..600).map(Some).chain([None]);
        let causes = ErrorClass::ALL.into_iter().flat_map(|error_class| {
            statuses.clone().map(move |response_status| Cause { error_class, response_status })
        });
        let ids: std::collections::BTreeSet<_> = causes.map(|cause| IssueId::of(destination, cause)).collect();
        assert_eq!(ids.len(), ErrorClass::ALL.len() * 501);
        // They stand where their destination does, in time.
        assert!(ids.iter().all(|id| id.made_at() == destination.made_at()));
    }

    #[test]
    fn titles_say_what_happens_where() {
        let title = |error_class, response_status| Cause { error_class, response_status }.title("Billing");
        assert_eq!(title(ErrorClass::Status, Some(503)), "HTTP 503 from Billing");
        assert_eq!(title(ErrorClass::Timeout, None), "Timed out at Billing");
        assert!(ErrorClass::ALL.into_iter().all(|class| title(class, None).contains("Billing")));
    }

    #[test]
    fn a_person_moves_it_between_its_states() {
        let into = |from, status| issue(from).changed(&IssueInput { status, snoozed_until: None }, NOW);
        let state = into(IssueStatus::Open, IssueStatus::Resolved).expect("may be").expect("changes");
        assert_eq!((state.status, state.resolved_by), (IssueStatus::Resolved, Some(Resolver::Person)));
        assert_eq!(state.status_changed_at, NOW);
        assert_eq!(into(IssueStatus::Open, IssueStatus::Open), Ok(None));
        assert!(into(IssueStatus::Resolved, IssueStatus::Open).expect("may be").is_some());
        let refused = into(IssueStatus::Resolved, IssueStatus::Acknowledged).expect_err("is refused");
        assert!(refused.at("status").is_some());
    }

    #[test]
    fn a_snooze_is_ahead_and_not_for_ever() {
        let snooze = |from, until| issue(from).changed(&IssueInput { status: from, snoozed_until: Some(until) }, NOW);
        let hour = NOW.plus(Duration::from_hours(1));
        let state = snooze(IssueStatus::Acknowledged, hour).expect("may be").expect("changes");
        assert_eq!((state.status, state.snoozed_until), (IssueStatus::Acknowledged, Some(hour)));
        assert_eq!(state.status_changed_at, Timestamp::from_micros(0));
        for wrong in [NOW, NOW.plus(LONGEST_SNOOZE).plus(Duration::from_secs(1))] {
            assert!(snooze(IssueStatus::Open, wrong).expect_err("is refused").at("snoozed_until").is_some());
        }
        assert!(snooze(IssueStatus::Resolved, hour).is_err());
        // Resolving ends it.
        let snoozed = Issue { snoozed_until: Some(hour), ..issue(IssueStatus::Open) };
        assert!(snoozed.is_snoozed(NOW) && !snoozed.is_snoozed(hour));
        let input = IssueInput { status: IssueStatus::Resolved, ..IssueInput::from(&snoozed) };
        assert_eq!(snoozed.changed(&input, NOW).expect("may be").expect("changes").snoozed_until, None);
    }
}
