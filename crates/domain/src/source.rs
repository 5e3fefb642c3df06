//! Sources: where providers post to. How their requests are verified stands in [`crate::verification`].

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use crate::verification::{Encoding, TimestampUnit, Verification, VerificationInput, VerificationKind};
use crate::{
    checks::{Checks, ChecksInput, IngestRateInput, ResponseInput, SchemaAction},
    dedup::DedupInput,
    field::{FieldErrors, parse_name},
    id::{EnvId, SourceId},
    project::parse_slug,
    template::TemplateId,
    time::Timestamp,
};

/// An ingest URL and its checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Source {
    pub id: SourceId,
    pub env_id: EnvId,
    pub name: String,
    pub slug: String,
    pub description: Option<String>,
    pub template: Option<TemplateId>,
    pub verification: Verification,
    #[serde(flatten)]
    pub checks: Checks,
    pub status: SourceStatus,
    /// Where the provider posts to.
    pub ingest_url: String,
    pub event_count: u64,
    pub last_event_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SourceStatus {
    #[default]
    Active,
    /// Refuses every request with 404, as if it did not exist.
    Paused,
}

impl SourceStatus {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
        }
    }
}

impl std::str::FromStr for SourceStatus {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "active" => Ok(Self::Active),
            "paused" => Ok(Self::Paused),
            _ => Err("must be active or paused"),
        }
    }
}

/// What makes or changes a source.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SourceInput {
    #[cfg_attr(feature = "schema", schemars(extend("minLength" = 1, "maxLength" = 100)))]
    pub name: String,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^([a-z0-9]+(-[a-z0-9]+)*)?$", "maxLength" = 60)))]
    pub slug: Option<String>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("maxLength" = 1000)))]
    pub description: Option<String>,
    #[serde(default)]
    pub template: Option<TemplateId>,
    #[serde(default)]
    pub verification: Option<VerificationInput>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("maxItems" = crate::ip_rules::IpRules::MAX_RANGES)))]
    pub ip_allowlist: Option<Vec<String>>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("maxItems" = crate::ip_rules::IpRules::MAX_RANGES)))]
    pub ip_denylist: Option<Vec<String>>,
    #[serde(default)]
    pub dedup: Option<DedupInput>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::JsonSchemaDocument>"))]
    pub schema: Option<Value>,
    #[serde(default)]
    pub schema_action: Option<SchemaAction>,
    #[serde(default)]
    pub response: Option<ResponseInput>,
    #[serde(default)]
    pub rate_limit: Option<IngestRateInput>,
    #[serde(default)]
    pub status: Option<SourceStatus>,
}

/// A source that can be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceSpec {
    pub name: String,
    pub slug: String,
    pub description: Option<String>,
    pub template: Option<TemplateId>,
    pub verification: Verification,
    pub checks: Checks,
    pub status: SourceStatus,
}

impl SourceInput {
    /// # Errors
    /// Every field that is wrong.
    pub fn parse(self) -> Result<SourceSpec, FieldErrors> {
        let mut errors = FieldErrors::default();
        let name = errors.check("name", parse_name(&self.name)).unwrap_or_default();
        let slug = parse_slug(&mut errors, self.slug, &name);
        let description = self.description.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        if description.as_ref().is_some_and(|text| text.chars().count() > 1000) {
            errors.push("description", "must be at most 1000 characters");
        }
        let verification = self.verification.unwrap_or_default().parse(&mut errors, self.template);
        let checks = ChecksInput {
            ip_allowlist: self.ip_allowlist.unwrap_or_default(),
            ip_denylist: self.ip_denylist.unwrap_or_default(),
            dedup: self.dedup,
            schema: self.schema,
            schema_action: self.schema_action,
            response: self.response,
            rate_limit: self.rate_limit,
        };
        let checks = checks.parse(&mut errors);
        errors.into_result()?;
        let status = self.status.unwrap_or_default();
        Ok(SourceSpec { name, slug, description, template: self.template, verification, checks, status })
    }
}

/// Whether `name` is a token of RFC 9110.
pub(crate) fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 100
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

impl From<&Source> for SourceInput {
    fn from(source: &Source) -> Self {
        let checks = ChecksInput::from(&source.checks);
        Self {
            name: source.name.clone(),
            slug: Some(source.slug.clone()),
            description: source.description.clone(),
            template: source.template,
            verification: Some(VerificationInput::of(&source.verification, source.template)),
            ip_allowlist: Some(checks.ip_allowlist),
            ip_denylist: Some(checks.ip_denylist),
            dedup: checks.dedup,
            schema: checks.schema,
            schema_action: checks.schema_action,
            response: checks.response,
            rate_limit: checks.rate_limit,
            status: Some(source.status),
        }
    }
}
