//! Sources.

use domain::{event_type::EventType, page::Page, rejection::RejectedRequest, source::Source};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::{ApiError, Form, form::debug_without_fields, projects::ConfirmForm};
#[cfg(feature = "ssr")]
use super::{
    caller::{form_in_project, id, in_project, page_after},
    form::read,
};
#[cfg(feature = "ssr")]
use crate::paths;

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceForm {
    pub name: String,
    pub description: String,
    pub template: String,
    #[serde(rename = "verification.type")]
    pub kind: String,
    /// A secret to add.
    #[serde(rename = "verification.secrets")]
    pub secret: String,
    /// The secrets that stay, masked.
    pub keep: Vec<String>,
    #[serde(rename = "verification.header")]
    pub header: String,
    #[serde(rename = "verification.prefix")]
    pub prefix: String,
    #[serde(rename = "verification.encoding")]
    pub encoding: String,
    #[serde(rename = "verification.tolerance_seconds")]
    pub tolerance_seconds: String,
    /// Addresses and ranges, a line each.
    pub ip_allowlist: String,
    /// Whether those that the template's provider publishes are to be added.
    pub ip_published: String,
    pub ip_denylist: String,
    #[serde(rename = "rate_limit.limit")]
    pub rate_limit: String,
    #[serde(rename = "rate_limit.per")]
    pub rate_per: String,
    /// A strategy, or nothing for none.
    #[serde(rename = "dedup.strategy")]
    pub dedup_strategy: String,
    #[serde(rename = "dedup.header")]
    pub dedup_header: String,
    #[serde(rename = "dedup.field")]
    pub dedup_field: String,
    #[serde(rename = "dedup.window_seconds")]
    pub dedup_window: String,
    pub schema: String,
    pub schema_action: String,
    /// `fixed`, or hookstream's own.
    pub response: String,
    #[serde(rename = "response.status")]
    pub response_status: String,
    #[serde(rename = "response.content_type")]
    pub response_content_type: String,
    #[serde(rename = "response.body")]
    pub response_body: String,
    #[serde(rename = "verification.timestamp_header")]
    pub timestamp_header: String,
    #[serde(rename = "verification.timestamp_unit")]
    pub timestamp_unit: String,
    #[serde(rename = "verification.id_header")]
    pub id_header: String,
    #[serde(rename = "verification.signed_content")]
    pub signed_content: String,
    #[serde(rename = "verification.username")]
    pub username: String,
    #[serde(rename = "verification.query_parameter")]
    pub query_parameter: String,
    #[serde(rename = "verification.verify_token")]
    pub verify_token: String,
    #[serde(rename = "verification.challenge_parameter")]
    pub challenge_parameter: String,
}

impl Form for SourceForm {
    const SECRETS: &'static [&'static str] = &["verification.secrets", "verification.verify_token"];
}

debug_without_fields!(SourceForm);

#[cfg(feature = "ssr")]
impl SourceForm {
    /// As the domain wants it.
    fn read(&self) -> Result<domain::source::SourceInput, ApiError> {
        use domain::{
            checks::{IngestRateInput, ResponseInput},
            source::{SourceInput, VerificationInput, VerificationKind},
            template::{
                TemplateId,
                scheme::{Algorithm, Scheme},
            },
        };

        let mut errors = domain::field::FieldErrors::default();
        let template: Option<TemplateId> = read::word(&mut errors, "template", &self.template);
        let own = template.filter(|id| *id != TemplateId::Custom).map(TemplateId::template);
        let word = |field, text: &str| read::optional(text).map(|word| (field, word));
        let (kind, encoding, unit) = (
            word("verification.type", &self.kind),
            word("verification.encoding", &self.encoding),
            word("verification.timestamp_unit", &self.timestamp_unit),
        );
        let kind: Option<VerificationKind> = one_of(&mut errors, kind);
        // Fields of another kind of verification are hidden, and what stands in them has no meaning.
        let is_signed = own.is_none() && kind.is_some_and(|kind| Algorithm::of(kind).is_some());
        let is_token = own.is_none() && kind == Some(VerificationKind::SharedToken);
        let timestamp_header = read::optional(&self.timestamp_header).filter(|_| is_signed);
        let signs_time = match own {
            Some(template) => match kind {
                Some(kind) => template.scheme(kind).is_some_and(Scheme::signs_time),
                None => template.tolerance_seconds.is_some() && template.schemes.len() == 1,
            },
            None => timestamp_header.is_some() || kind == Some(VerificationKind::StandardWebhooks),
        };
        let verified = own.is_some() || kind.is_some_and(|kind| kind != VerificationKind::None);
        let tolerance = Some(self.tolerance_seconds.as_str()).filter(|_| signs_time).unwrap_or_default();
        let is_named = own.is_some() || kind == Some(VerificationKind::Basic);
        let verification = VerificationInput {
            kind: kind.filter(|_| own.is_none_or(|template| template.schemes.len() > 1)),
            secrets: if verified {
                self.keep.iter().cloned().chain(read::optional(&self.secret)).collect()
            } else {
                vec![]
            },
            header: read::optional(&self.header).filter(|_| is_signed || is_token),
            prefix: Some(self.prefix.clone()).filter(|prefix| !prefix.is_empty() && (is_signed || is_token)),
            encoding: one_of(&mut errors, encoding).filter(|_| is_signed),
            tolerance_seconds: read::number(&mut errors, "verification.tolerance_seconds", tolerance),
            timestamp_unit: one_of(&mut errors, unit).filter(|_| timestamp_header.is_some()),
            timestamp_header,
            id_header: read::optional(&self.id_header).filter(|_| is_signed),
            signed_content: read::optional(&self.signed_content).filter(|_| is_signed),
            username: read::optional(&self.username).filter(|_| is_named),
            query_parameter: read::optional(&self.query_parameter).filter(|_| is_token),
            verify_token: read::optional(&self.verify_token),
            challenge_parameter: read::optional(&self.challenge_parameter).filter(|_| own.is_none()),
        };
        let input = SourceInput {
            name: self.name.clone(),
            description: read::optional(&self.description),
            template,
            verification: Some(verification),
            ip_allowlist: Some(self.allowed(template)),
            ip_denylist: Some(lines(&self.ip_denylist)),
            dedup: self.dedup(&mut errors),
            schema: read::optional(&self.schema).and_then(|text| {
                let schema = serde_json::from_str(&text);
                errors.check("schema", schema.map_err(|error| format!("is not JSON: {error}")))
            }),
            schema_action: read::word(&mut errors, "schema_action", &self.schema_action),
            response: (self.response == "fixed").then(|| ResponseInput {
                status: read::number(&mut errors, "response.status", &self.response_status),
                content_type: read::optional(&self.response_content_type),
                // Browsers send CR LF for what people see as one end of a line.
                body: Some(self.response_body.replace("\r\n", "\n")),
            }),
            rate_limit: read::number(&mut errors, "rate_limit.limit", &self.rate_limit)
                .map(|limit| IngestRateInput { limit, per: read::word(&mut errors, "rate_limit.per", &self.rate_per) }),
            ..SourceInput::default()
        };
        errors.into_result()?;
        Ok(input)
    }

    fn allowed(&self, template: Option<domain::template::TemplateId>) -> Vec<String> {
        let published = template.and_then(|id| id.template().addresses).filter(|_| self.ip_published == "true");
        let published = published.map(|addresses| addresses.ranges).unwrap_or_default();
        lines(&self.ip_allowlist).into_iter().chain(published.iter().map(|text| (*text).to_owned())).collect()
    }

    /// Fields of another strategy are hidden, and what stands in them has no meaning.
    fn dedup(&self, errors: &mut domain::field::FieldErrors) -> Option<domain::dedup::DedupInput> {
        use domain::dedup::{DedupInput, DedupStrategy};

        let strategy = read::word(errors, "dedup.strategy", &self.dedup_strategy)?;
        Some(DedupInput {
            strategy,
            header: read::optional(&self.dedup_header).filter(|_| strategy == DedupStrategy::Header),
            field: read::optional(&self.dedup_field).filter(|_| strategy == DedupStrategy::BodyField),
            window_seconds: read::number(errors, "dedup.window_seconds", &self.dedup_window),
        })
    }
}

#[cfg(feature = "ssr")]
fn lines(text: &str) -> Vec<String> {
    text.lines().filter_map(read::optional).collect()
}

/// A word that has to be one of a few.
#[cfg(feature = "ssr")]
fn one_of<T: serde::de::DeserializeOwned>(
    errors: &mut domain::field::FieldErrors,
    field: Option<(&str, String)>,
) -> Option<T> {
    let (field, word) = field?;
    errors.check(field, serde_json::from_value(word.into()).map_err(|_| "must be one of those listed"))
}

/// What is a list to the domain is one field to the form.
#[cfg(feature = "ssr")]
fn in_the_form(error: ApiError) -> ApiError {
    let ApiError::Invalid(errors) = error else { return error };
    let lists = ["verification.secrets", "ip_allowlist", "ip_denylist"];
    ApiError::Invalid(lists.into_iter().fold(errors, |errors, list| read::gathered(&errors, list)))
}

#[server(endpoint = "sources/list")]
pub async fn sources(env: String, cursor: Option<String>) -> Result<Page<Source>, ApiError> {
    in_project(&env, async |project| {
        Ok(project.gateway.sources(&project.access, page_after(cursor.as_deref())?).await?)
    })
    .await
}

/// The source that was made last.
#[server(endpoint = "sources/newest")]
pub async fn newest_source(env: String) -> Result<Option<Source>, ApiError> {
    in_project(&env, async |project| {
        let page = project.gateway.sources(&project.access, domain::page::PageRequest::first(1)).await?;
        Ok(page.data.into_iter().next())
    })
    .await
}

#[server(endpoint = "sources/get")]
pub async fn find_source(env: String, source: String) -> Result<Source, ApiError> {
    in_project(&env, async |project| Ok(project.gateway.source(&project.access, id(&source)?).await?)).await
}

#[server(endpoint = "sources/create")]
pub async fn create_source(env: String, #[server(flatten)] form: SourceForm) -> Result<(), ApiError> {
    form_in_project(&env, &form, async |project| {
        let made = project.gateway.create_source(&project.access, form.read()?).await;
        let source = made.map_err(|error| in_the_form(error.into()))?;
        project.reply.go_to(&paths::source(&env, source.id));
        Ok(())
    })
    .await
}

#[server(endpoint = "sources/update")]
pub async fn update_source(env: String, source: String, #[server(flatten)] form: SourceForm) -> Result<(), ApiError> {
    form_in_project(&env, &form, async |project| {
        let input = form.read()?;
        // Every field is said, `null` where there is none, since a patch leaves alone what it does not name.
        let patch = serde_json::json!({
            "name": input.name,
            "description": input.description,
            "verification": input.verification,
            "ip_allowlist": input.ip_allowlist,
            "ip_denylist": input.ip_denylist,
            "dedup": input.dedup,
            "schema": input.schema,
            "schema_action": input.schema_action,
            "response": input.response,
            "rate_limit": input.rate_limit,
        });
        let changed = project.gateway.update_source(&project.access, id(&source)?, patch).await;
        changed.map_err(|error| in_the_form(error.into()))?;
        project.reply.go_to(&paths::source(&env, &source));
        Ok(())
    })
    .await
}

/// Pauses or resumes.
#[server(endpoint = "sources/set_status")]
pub async fn set_source_status(env: String, source: String, status: String) -> Result<(), ApiError> {
    in_project(&env, async |project| {
        let status: domain::source::SourceStatus = status.parse().map_err(|why| ApiError::field("status", why))?;
        let patch = serde_json::json!({ "status": status });
        project.gateway.update_source(&project.access, id(&source)?, patch).await?;
        Ok(())
    })
    .await
}

#[server(endpoint = "sources/delete")]
pub async fn delete_source(env: String, source: String, #[server(flatten)] form: ConfirmForm) -> Result<(), ApiError> {
    form_in_project(&env, &form, async |project| {
        let source = project.gateway.source(&project.access, id(&source)?).await?;
        project.access.require(domain::permission::Permission::Write)?;
        form.check(&source.name)?;
        project.gateway.delete_source(&project.access, source.id).await?;
        project.reply.go_to(&paths::sources(&env));
        Ok(())
    })
    .await
}

/// Sends an event as the provider would, and leads to it.
#[server(endpoint = "sources/send_test_event")]
pub async fn send_test_event(env: String, source: String) -> Result<(), ApiError> {
    in_project(&env, async |project| {
        let event = project.gateway.send_test_event(&project.access, id(&source)?).await?;
        project.reply.go_to(&paths::event(&env, event));
        Ok(())
    })
    .await
}

/// The types of events that a source has seen.
#[server(endpoint = "sources/event_types")]
pub async fn event_types(env: String, source: String) -> Result<Vec<EventType>, ApiError> {
    in_project(&env, async |project| Ok(project.gateway.event_types(&project.access, id(&source)?).await?)).await
}

/// The last requests that a source refused.
#[server(endpoint = "sources/rejected")]
pub async fn rejected_requests(env: String, source: String) -> Result<Vec<RejectedRequest>, ApiError> {
    in_project(&env, async |project| Ok(project.gateway.rejected_requests(&project.access, id(&source)?).await?)).await
}

/// Takes a refused request in after all, and leads to the event.
#[server(endpoint = "sources/replay_rejected")]
pub async fn replay_rejected(env: String, source: String, request: String) -> Result<(), ApiError> {
    in_project(&env, async |project| {
        let event = project.gateway.replay_rejected(&project.access, id(&source)?, id(&request)?).await?;
        project.reply.go_to(&paths::event(&env, event));
        Ok(())
    })
    .await
}
