//! Projects: the boundary of isolation. The dashboard says *project*, the API and the database say *environment*.

use serde::{Deserialize, Serialize};

use crate::{
    event::EventSummary,
    field::{FieldErrors, parse_name, slug_of},
    id::{EnvId, OrgId},
    time::Timestamp,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    pub id: EnvId,
    pub org_id: OrgId,
    pub name: String,
    pub slug: String,
    pub mode: Mode,
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

/// What makes or changes a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentInput {
    pub name: String,
    #[serde(default)]
    pub slug: Option<String>,
    pub mode: Mode,
}

/// A project that can be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentSpec {
    pub name: String,
    pub slug: String,
    pub mode: Mode,
}

impl EnvironmentInput {
    /// # Errors
    /// Every field that is wrong.
    pub fn parse(self) -> Result<EnvironmentSpec, FieldErrors> {
        let mut errors = FieldErrors::default();
        let name = errors.check("name", parse_name(&self.name)).unwrap_or_default();
        let slug = parse_slug(&mut errors, self.slug, &name);
        errors.into_result()?;
        Ok(EnvironmentSpec { name, slug, mode: self.mode })
    }
}

impl From<&Environment> for EnvironmentInput {
    fn from(environment: &Environment) -> Self {
        Self { name: environment.name.clone(), slug: Some(environment.slug.clone()), mode: environment.mode }
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
