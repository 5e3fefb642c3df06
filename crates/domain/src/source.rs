//! Sources: where providers post to, and how their requests are verified.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    checks::{Checks, ChecksInput, IngestRateInput, ResponseInput, SchemaAction},
    dedup::DedupInput,
    field::{FieldErrors, parse_name},
    id::{EnvId, SourceId},
    patch::mask,
    project::parse_slug,
    template::TemplateId,
    time::Timestamp,
};

/// An ingest URL and its checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

/// How a request proves that it comes from the provider.
///
/// The secrets are as the provider gave them while a request is checked, sealed at rest, and masked in answers;
/// [`Verification::map_secrets`] goes from one to the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    #[serde(rename = "type")]
    pub kind: VerificationKind,
    /// Several may be live at once, so that one can be rotated without refusing a webhook.
    pub secrets: Vec<String>,
    pub header: Option<String>,
    pub prefix: Option<String>,
    pub encoding: Option<Encoding>,
    pub tolerance_seconds: Option<u32>,
}

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerificationKind {
    /// Nothing: whoever knows the URL may post.
    None,
    /// HMAC-SHA256 in the form of the template, or over the raw body.
    HmacSha256,
    /// HMAC-SHA1 over the raw body.
    HmacSha1,
    /// The headers `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    StandardWebhooks,
}

/// How a signature is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    #[default]
    Hex,
    Base64,
}

impl Verification {
    #[must_use]
    pub const fn none() -> Self {
        Self {
            kind: VerificationKind::None,
            secrets: Vec::new(),
            header: None,
            prefix: None,
            encoding: None,
            tolerance_seconds: None,
        }
    }

    /// The same with every secret changed by `f`.
    ///
    /// # Errors
    /// The first error of `f`.
    pub fn map_secrets<E>(mut self, f: impl FnMut(&String) -> Result<String, E>) -> Result<Self, E> {
        self.secrets = self.secrets.iter().map(f).collect::<Result<_, _>>()?;
        Ok(self)
    }

    /// The same as answers show it.
    #[must_use]
    pub fn masked(mut self) -> Self {
        self.secrets = self.secrets.iter().map(|secret| mask(secret)).collect();
        self
    }
}

/// What makes or changes a source.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceInput {
    pub name: String,
    #[serde(default)]
    pub slug: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub template: Option<TemplateId>,
    #[serde(default)]
    pub verification: Option<VerificationInput>,
    #[serde(default)]
    pub ip_allowlist: Option<Vec<String>>,
    #[serde(default)]
    pub ip_denylist: Option<Vec<String>>,
    #[serde(default)]
    pub dedup: Option<DedupInput>,
    #[serde(default)]
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

/// How a request is to be verified: a template needs `secrets` only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerificationInput {
    #[serde(default, rename = "type")]
    pub kind: Option<VerificationKind>,
    #[serde(default)]
    pub secrets: Vec<String>,
    #[serde(default)]
    pub header: Option<String>,
    #[serde(default)]
    pub prefix: Option<String>,
    #[serde(default)]
    pub encoding: Option<Encoding>,
    #[serde(default)]
    pub tolerance_seconds: Option<u32>,
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

/// How many secrets of one source may be live at once.
pub const MAX_SECRETS: usize = 10;
const DEFAULT_TOLERANCE: u32 = 300;

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
        let verification = parse_verification(&mut errors, self.template, self.verification.unwrap_or_default());
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

fn parse_verification(
    errors: &mut FieldErrors,
    template: Option<TemplateId>,
    input: VerificationInput,
) -> Verification {
    let own = template.map(TemplateId::template);
    let kind = match (own, input.kind) {
        (Some(_), None | Some(VerificationKind::HmacSha256)) => VerificationKind::HmacSha256,
        (Some(template), Some(_)) => {
            errors.push("verification.type", format!("is given by the template {}", template.label));
            VerificationKind::HmacSha256
        }
        (None, kind) => kind.unwrap_or(VerificationKind::None),
    };
    if own.is_some() {
        for (field, given) in [
            ("header", input.header.is_some()),
            ("prefix", input.prefix.is_some()),
            ("encoding", input.encoding.is_some()),
        ] {
            if given {
                errors.push(format!("verification.{field}"), "is given by the template");
            }
        }
    }
    let secrets = parse_secrets(errors, kind, input.secrets);
    let by_header = own.is_none() && matches!(kind, VerificationKind::HmacSha256 | VerificationKind::HmacSha1);
    if by_header && input.header.as_deref().is_none_or(|name| !is_header_name(name)) {
        errors.push("verification.header", "must name the header that carries the signature");
    }
    if input.tolerance_seconds.is_some_and(|seconds| !(1..=86_400).contains(&seconds)) {
        errors.push("verification.tolerance_seconds", "must be 1 to 86400");
    }
    let signs_time = match own {
        Some(template) => template.tolerance_seconds,
        None => (kind == VerificationKind::StandardWebhooks).then_some(DEFAULT_TOLERANCE),
    };
    if signs_time.is_none() && input.tolerance_seconds.is_some() {
        errors.push("verification.tolerance_seconds", "has no use here: no time is signed");
    }
    Verification {
        kind,
        secrets,
        header: input.header.filter(|_| by_header),
        prefix: input.prefix.filter(|prefix| by_header && !prefix.is_empty()),
        encoding: by_header.then(|| input.encoding.unwrap_or_default()),
        tolerance_seconds: signs_time.map(|default| input.tolerance_seconds.unwrap_or(default)),
    }
}

fn parse_secrets(errors: &mut FieldErrors, kind: VerificationKind, given: Vec<String>) -> Vec<String> {
    let secrets: Vec<String> =
        given.into_iter().map(|secret| secret.trim().to_owned()).filter(|secret| !secret.is_empty()).collect();
    let path = "verification.secrets";
    match (kind, secrets.len()) {
        (VerificationKind::None, 0) => {}
        (VerificationKind::None, _) => errors.push(path, "have no use without verification"),
        (_, 0) => errors.push(path, "must hold the secret that the provider signs with"),
        (_, 1..=MAX_SECRETS) => {}
        _ => errors.push(path, "must be at most 10"),
    }
    for (index, secret) in secrets.iter().enumerate() {
        if secret.len() > 500 {
            errors.push(format!("{path}.{index}"), "must be at most 500 bytes");
        } else if secret.contains('•') {
            errors.push(format!("{path}.{index}"), "is masked and matches none of the secrets kept");
        } else if kind == VerificationKind::StandardWebhooks && !secret.starts_with("whsec_") {
            errors.push(format!("{path}.{index}"), "must begin with whsec_");
        }
    }
    secrets
}

/// Whether `name` is a token of RFC 9110.
pub(crate) fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 100
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

impl From<&Source> for SourceInput {
    fn from(source: &Source) -> Self {
        let v = &source.verification;
        let by_template = source.template.is_some();
        let checks = ChecksInput::from(&source.checks);
        Self {
            name: source.name.clone(),
            slug: Some(source.slug.clone()),
            description: source.description.clone(),
            template: source.template,
            verification: Some(VerificationInput {
                kind: Some(v.kind).filter(|_| !by_template),
                secrets: v.secrets.clone(),
                header: v.header.clone(),
                prefix: v.prefix.clone(),
                encoding: v.encoding,
                tolerance_seconds: v.tolerance_seconds,
            }),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn with(template: Option<TemplateId>, verification: VerificationInput) -> Result<SourceSpec, FieldErrors> {
        SourceInput { name: "s".into(), template, verification: Some(verification), ..SourceInput::default() }.parse()
    }

    #[test]
    fn a_template_needs_only_its_secret() {
        let spec = with(
            Some(TemplateId::Stripe),
            VerificationInput { secrets: vec![" whsec_x ".into()], ..VerificationInput::default() },
        )
        .expect("enough");
        assert_eq!(spec.verification.secrets, ["whsec_x"]);
        assert_eq!(spec.verification.tolerance_seconds, Some(300));
        let errors = with(Some(TemplateId::Github), VerificationInput::default()).expect_err("no secret");
        assert!(errors.at("verification.secrets").is_some());
    }

    #[test]
    fn what_has_no_effect_is_refused() {
        let errors = with(None, VerificationInput { secrets: vec!["x".into()], ..VerificationInput::default() });
        assert!(errors.expect_err("unused secret").at("verification.secrets").is_some());
        let github = VerificationInput {
            secrets: vec!["x".into()],
            tolerance_seconds: Some(5),
            header: Some("X".into()),
            ..VerificationInput::default()
        };
        let errors = with(Some(TemplateId::Github), github).expect_err("two idle fields");
        assert!(errors.at("verification.tolerance_seconds").is_some() && errors.at("verification.header").is_some());
    }

    #[test]
    fn a_plain_hmac_names_its_header() {
        let input = VerificationInput {
            kind: Some(VerificationKind::HmacSha1),
            secrets: vec!["x".into()],
            ..VerificationInput::default()
        };
        assert!(with(None, input).expect_err("no header").at("verification.header").is_some());
    }
}
