//! Projects: the boundary of isolation. The dashboard says *project*, the API and the database say *environment*.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    event::EventSummary,
    field::{FieldErrors, parse_name, slug_of},
    id::{EnvId, OrgId},
    time::Timestamp,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Environment {
    pub id: EnvId,
    pub org_id: OrgId,
    pub name: String,
    pub slug: String,
    pub mode: Mode,
    pub retention_days: RetentionDays,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A project at a glance.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    pub source_count: u64,
    pub destination_count: u64,
    pub connection_count: u64,
    /// Events ever received by the sources that exist.
    pub event_count: u64,
    /// Deliveries in the dead letter queue; stops counting at 1000.
    pub failed_count: u64,
    /// Deliveries due or waiting for their next try; stops counting at 1000.
    pub queued_count: u64,
    /// The newest events, at most 10.
    pub recent: Vec<EventSummary>,
}

/// Whether a project carries real traffic; its API keys begin accordingly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "EnvironmentMode"))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Live,
    Test,
}

impl Mode {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

impl std::str::FromStr for Mode {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "live" => Ok(Self::Live),
            "test" => Ok(Self::Test),
            _ => Err("must be live or test"),
        }
    }
}

/// For how many days a project keeps its events, with what was delivered of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "i64", into = "i64")]
pub struct RetentionDays(u16);

impl RetentionDays {
    pub const MIN: i64 = 1;
    pub const MAX: i64 = 365;

    #[must_use]
    pub fn days(self) -> i64 {
        i64::from(self.0)
    }

    /// What was received before this time is no longer kept.
    #[must_use]
    pub fn cutoff(self, now: Timestamp) -> Timestamp {
        now.minus(Duration::from_hours(24 * u64::from(self.0)))
    }
}

impl Default for RetentionDays {
    fn default() -> Self {
        Self(30)
    }
}

impl TryFrom<i64> for RetentionDays {
    type Error = &'static str;
    fn try_from(days: i64) -> Result<Self, Self::Error> {
        match u16::try_from(days) {
            Ok(short) if (Self::MIN..=Self::MAX).contains(&days) => Ok(Self(short)),
            _ => Err("must be 1 to 365 days"),
        }
    }
}

impl From<RetentionDays> for i64 {
    fn from(retention: RetentionDays) -> Self {
        retention.days()
    }
}

/// What makes or changes a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EnvironmentInput {
    #[cfg_attr(feature = "schema", schemars(extend("minLength" = 1, "maxLength" = 100)))]
    pub name: String,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^([a-z0-9]+(-[a-z0-9]+)*)?$", "maxLength" = 60)))]
    pub slug: Option<String>,
    pub mode: Mode,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("minimum" = RetentionDays::MIN, "maximum" = RetentionDays::MAX, "default" = 30)))]
    pub retention_days: Option<i64>,
}

/// A project that can be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentSpec {
    pub name: String,
    pub slug: String,
    pub mode: Mode,
    pub retention_days: RetentionDays,
}

impl EnvironmentInput {
    /// # Errors
    /// Every field that is wrong.
    pub fn parse(self) -> Result<EnvironmentSpec, FieldErrors> {
        let mut errors = FieldErrors::default();
        let name = errors.check("name", parse_name(&self.name)).unwrap_or_default();
        let slug = parse_slug(&mut errors, self.slug, &name);
        let retention_days = self.retention_days.map(RetentionDays::try_from).transpose();
        let retention_days = errors.check("retention_days", retention_days).flatten().unwrap_or_default();
        errors.into_result()?;
        Ok(EnvironmentSpec { name, slug, mode: self.mode, retention_days })
    }
}

impl From<&Environment> for EnvironmentInput {
    fn from(environment: &Environment) -> Self {
        Self {
            name: environment.name.clone(),
            slug: Some(environment.slug.clone()),
            mode: environment.mode,
            retention_days: Some(environment.retention_days.days()),
        }
    }
}

/// The slug that was given, or one made of the name.
pub(crate) fn parse_slug(errors: &mut FieldErrors, given: Option<String>, name: &str) -> String {
    match given.filter(|slug| !slug.is_empty()) {
        None => slug_of(name),
        Some(slug) => {
            if slug_of(&slug) != slug {
                errors.push("slug", "must be lowercase letters, digits and single hyphens, at most 60");
            }
            slug
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retention_is_a_day_to_a_year() {
        let input =
            |retention_days| EnvironmentInput { name: "x".into(), slug: None, mode: Mode::Live, retention_days };
        for (given, days) in [(None, 30), (Some(1), 1), (Some(365), 365)] {
            assert_eq!(input(given).parse().expect("is taken").retention_days.days(), days);
        }
        for wrong in [0, -1, 366, 65_537, i64::MIN] {
            let errors = input(Some(wrong)).parse().expect_err("is refused");
            assert_eq!(errors.at("retention_days"), Some("must be 1 to 365 days"), "{wrong}");
        }
    }

    #[test]
    fn what_is_older_than_the_retention_is_before_the_cutoff() {
        let now = Timestamp::from_micros(1_760_000_000_000_000);
        let week = RetentionDays::try_from(7).expect("a week");
        assert_eq!(now.since(week.cutoff(now)), Duration::from_hours(7 * 24));
    }
}
