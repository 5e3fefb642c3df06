//! Destinations.

use std::collections::BTreeMap;

use domain::{
    circuit::CircuitStatus,
    delivery::{Delivery, Trial},
    destination::Destination,
    health::{Health, HealthDay},
    page::Page,
};
use leptos::prelude::*;
use serde::{Deserialize, Deserializer, Serialize};

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
pub struct DestinationForm {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(rename = "auth.type")]
    pub auth: String,
    /// A header a line: `Name: value`.
    pub headers: String,
    pub timeout_ms: String,
    #[serde(rename = "retry.strategy")]
    pub strategy: String,
    /// `30 s, 5 min, 2 h`.
    #[serde(rename = "retry.intervals_seconds")]
    pub intervals: String,
    #[serde(rename = "retry.base_seconds")]
    pub base_seconds: String,
    #[serde(rename = "retry.max_attempts")]
    pub max_attempts: String,
    #[serde(rename = "retry.give_up_on")]
    pub give_up_on: String,
    /// `on` or `off`.
    #[serde(rename = "circuit_breaker.enabled")]
    pub breaker: String,
    #[serde(rename = "circuit_breaker.failure_threshold")]
    pub failure_threshold: String,
    #[serde(rename = "circuit_breaker.reset_seconds")]
    pub reset_seconds: String,
    #[serde(rename = "rate_limit.limit")]
    pub limit: String,
    #[serde(rename = "rate_limit.per")]
    pub per: String,
    #[serde(rename = "rate_limit.max_in_flight")]
    pub max_in_flight: String,
    #[serde(rename = "ordering.mode")]
    pub ordering: String,
    #[serde(rename = "ordering.key")]
    pub order_key: String,
    #[serde(rename = "signing.scheme")]
    pub signing: String,
    /// A secret to add.
    #[serde(rename = "signing.secrets")]
    pub secret: String,
    #[serde(rename = "signing.header")]
    pub signing_header: String,
    #[serde(rename = "signing.prefix")]
    pub signing_prefix: String,
    #[serde(rename = "signing.algorithm")]
    pub signing_algorithm: String,
    /// The secrets that stay, masked.
    pub keep: Vec<String>,
    /// The settings of the type and of the authentication, by their paths: `config.url`, `auth.token`.
    #[serde(flatten, deserialize_with = "settings_among")]
    pub settings: BTreeMap<String, String>,
}

/// Whatever else a form sends is none of them.
fn settings_among<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let fields = BTreeMap::<String, serde_json::Value>::deserialize(deserializer)?;
    let is_setting = |name: &str| name.starts_with("config.") || name.starts_with("auth.");
    let text = |(name, value): (String, serde_json::Value)| Some((name, value.as_str()?.to_owned()));
    Ok(fields.into_iter().filter(|(name, _)| is_setting(name)).filter_map(text).collect())
}

impl Form for DestinationForm {
    const SECRETS: &'static [&'static str] = &["signing.secrets"];

    fn is_secret(name: &str) -> bool {
        use domain::destination::{AuthType, DestinationType, Setting};
        let is_one = |path: &str, settings: &'static [Setting]| {
            let name = name.strip_prefix(path);
            settings.iter().any(|setting| setting.is_secret() && name == Some(setting.name))
        };
        Self::SECRETS.contains(&name)
            || DestinationType::ALL.iter().any(|kind| is_one("config.", kind.settings()))
            || AuthType::ALL.iter().any(|kind| is_one("auth.", kind.settings()))
    }
}

debug_without_fields!(DestinationForm);

/// The lists of the domain that are one field of the form.
#[cfg(feature = "ssr")]
fn in_the_form(error: ApiError) -> ApiError {
    match error {
        ApiError::Invalid(errors) => {
            ApiError::Invalid(read::gathered(&read::gathered(&errors, "headers"), "signing.secrets"))
        }
        other => other,
    }
}

#[server(endpoint = "destinations/list")]
pub async fn destinations(env: String, cursor: Option<String>) -> Result<Page<Destination>, ApiError> {
    in_project(&env, async |project| {
        Ok(project.gateway.destinations(&project.access, page_after(cursor.as_deref())?).await?)
    })
    .await
}

/// How the destinations of the same page of the list do.
#[server(endpoint = "destinations/healths")]
pub async fn destination_healths(env: String, cursor: Option<String>) -> Result<Page<Health>, ApiError> {
    in_project(&env, async |project| {
        Ok(project.gateway.healths(&project.access, page_after(cursor.as_deref())?).await?)
    })
    .await
}

/// How a destination does, hour by hour.
#[server(endpoint = "destinations/health")]
pub async fn destination_health(env: String, destination: String) -> Result<HealthDay, ApiError> {
    in_project(&env, async |project| Ok(project.gateway.health(&project.access, id(&destination)?).await?)).await
}

#[server(endpoint = "destinations/get")]
pub async fn find_destination(env: String, destination: String) -> Result<Destination, ApiError> {
    in_project(&env, async |project| Ok(project.gateway.destination(&project.access, id(&destination)?).await?)).await
}

/// The newest deliveries to a destination.
#[server(endpoint = "destinations/deliveries")]
pub async fn destination_deliveries(
    env: String,
    destination: String,
    cursor: Option<String>,
) -> Result<Page<Delivery>, ApiError> {
    in_project(&env, async |project| {
        let filter = domain::delivery::DeliveryFilter {
            destination_id: Some(id(&destination)?),
            ..domain::delivery::DeliveryFilter::default()
        };
        let page = domain::page::PageRequest { limit: 20, ..page_after(cursor.as_deref())? };
        Ok(project.gateway.deliveries(&project.access, &filter, page).await?)
    })
    .await
}

/// Where the destination's circuit stands.
#[server(endpoint = "destinations/circuit")]
pub async fn destination_circuit(env: String, destination: String) -> Result<CircuitStatus, ApiError> {
    in_project(&env, async |project| Ok(project.gateway.circuit(&project.access, id(&destination)?).await?)).await
}

#[server(endpoint = "destinations/reset_circuit")]
pub async fn reset_circuit(env: String, destination: String) -> Result<(), ApiError> {
    in_project(&env, async |project| {
        project.gateway.reset_circuit(&project.access, id(&destination)?).await?;
        Ok(())
    })
    .await
}

/// What a browser without JavaScript keeps of an answer until its page is drawn again, in characters.
#[cfg(feature = "ssr")]
const KEPT_ANSWER: usize = 600;

/// Sends a test event, and says what the receiver answered.
#[server(endpoint = "destinations/test")]
pub async fn test_destination(env: String, destination: String) -> Result<Trial, ApiError> {
    in_project(&env, async |project| {
        let trial = project.gateway.test_destination(&project.access, id(&destination)?).await?;
        if project.reply.is_document() {
            let short = |text: &String| text.chars().take(KEPT_ANSWER).collect();
            let kept = Trial {
                response_headers: None,
                response_body: trial.response_body.as_ref().map(short),
                error: trial.error.as_ref().map(short),
                request: domain::delivery::SentRequest { headers: vec![], ..trial.request.clone() },
                ..trial.clone()
            };
            let text = serde_json::to_string(&kept).map_err(|_| ApiError::Internal)?;
            project.reply.show_once(trial_key(&destination), &text);
        }
        Ok(trial)
    })
    .await
}

/// Where a browser without JavaScript keeps the answer to its last test event.
#[must_use]
pub fn trial_key(destination: &str) -> String {
    format!("trial-{destination}")
}

#[server(endpoint = "destinations/create")]
pub async fn create_destination(env: String, #[server(flatten)] form: DestinationForm) -> Result<(), ApiError> {
    form_in_project(&env, &form, async |project| {
        project.access.require(domain::permission::Permission::Write)?;
        let made = project.gateway.create_destination(&project.access, form.input()?).await;
        let destination = made.map_err(|error| in_the_form(error.into()))?;
        // One that was typed is known already.
        if let Some(secret) = destination.signing.secrets.first().filter(|_| form.secret.trim().is_empty()) {
            project.reply.show_once(destination.id, secret);
        }
        project.reply.go_to(&paths::destination(&env, destination.id));
        Ok(())
    })
    .await
}

#[server(endpoint = "destinations/update")]
pub async fn update_destination(
    env: String,
    destination: String,
    #[server(flatten)] form: DestinationForm,
) -> Result<(), ApiError> {
    form_in_project(&env, &form, async |project| {
        let former = project.gateway.destination(&project.access, id(&destination)?).await?;
        project.access.require(domain::permission::Permission::Write)?;
        let patch = form.patch(&former)?;
        let changed = project.gateway.update_destination(&project.access, former.id, patch).await;
        changed.map_err(|error| in_the_form(error.into()))?;
        project.reply.go_to(&paths::destination(&env, &destination));
        Ok(())
    })
    .await
}

/// Pauses or resumes.
#[server(endpoint = "destinations/set_status")]
pub async fn set_destination_status(env: String, destination: String, status: String) -> Result<(), ApiError> {
    in_project(&env, async |project| {
        use domain::destination::DestinationStatus;
        let (gateway, access, destination) = (&project.gateway, &project.access, id(&destination)?);
        match status.parse().map_err(|why| ApiError::field("status", why))? {
            DestinationStatus::Active => gateway.resume_destination(access, destination).await?,
            DestinationStatus::Paused => gateway.pause_destination(access, destination).await?,
        };
        Ok(())
    })
    .await
}

#[server(endpoint = "destinations/delete")]
pub async fn delete_destination(
    env: String,
    destination: String,
    #[server(flatten)] form: ConfirmForm,
) -> Result<(), ApiError> {
    form_in_project(&env, &form, async |project| {
        let destination = project.gateway.destination(&project.access, id(&destination)?).await?;
        project.access.require(domain::permission::Permission::Write)?;
        form.check(&destination.name)?;
        project.gateway.delete_destination(&project.access, destination.id).await?;
        project.reply.go_to(&paths::destinations(&env));
        Ok(())
    })
    .await
}
