//! API keys.

use domain::{api_key::ApiKey, page::Page, time::Timestamp};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::{ApiError, Form};
#[cfg(feature = "ssr")]
use super::{
    caller::{form_in_project, id, in_project, now, page_after},
    form::read,
};
#[cfg(feature = "ssr")]
use crate::paths;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ApiKeyForm {
    pub name: String,
    pub scopes: Vec<String>,
    /// Days until it ends; empty for never.
    #[serde(rename = "expires_at")]
    pub expires_in_days: String,
}

impl Form for ApiKeyForm {}

/// The keys of a project, and where programs use them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiAccess {
    pub keys: Page<ApiKey>,
    /// What the addresses of the REST API begin with: `https://hooks.example.com/v1`.
    pub base_url: String,
    /// When they were read.
    pub as_of: Timestamp,
}

#[server(endpoint = "api_keys/list")]
pub async fn api_keys(env: String, cursor: Option<String>) -> Result<ApiAccess, ApiError> {
    in_project(&env, async |project| {
        let keys = project.gateway.api_keys(&project.access, page_after(cursor.as_deref())?).await?;
        Ok(ApiAccess { keys, base_url: format!("{}/v1", project.gateway.public_url()), as_of: now() })
    })
    .await
}

#[server(endpoint = "api_keys/create")]
pub async fn create_api_key(env: String, #[server(flatten)] form: ApiKeyForm) -> Result<(), ApiError> {
    form_in_project(&env, &form, async |project| {
        let mut errors = domain::field::FieldErrors::default();
        let scopes = form.scopes.iter().filter_map(|word| read::word(&mut errors, "scopes", word)).collect();
        let days: Option<u32> = read::number(&mut errors, "expires_at", &form.expires_in_days);
        errors.into_result()?;
        let ends = |days: u32| now().plus(std::time::Duration::from_secs(u64::from(days) * 86_400));
        let input = domain::api_key::ApiKeyInput { name: form.name.clone(), scopes, expires_at: days.map(ends) };
        let made = project.gateway.create_api_key(&project.access, input).await?;
        project.reply.show_once(made.api_key.id, &made.key);
        project.reply.go_to(&paths::new_api_key(&env, made.api_key.id));
        Ok(())
    })
    .await
}

#[server(endpoint = "api_keys/rename")]
pub async fn rename_api_key(env: String, key: String, new_name: String) -> Result<(), ApiError> {
    in_project(&env, async |project| {
        let patch = serde_json::json!({ "name": new_name });
        project.gateway.update_api_key(&project.access, id(&key)?, patch).await?;
        project.reply.go_to(&paths::api_keys(&env));
        Ok(())
    })
    .await
}

/// `overlap_hours` is how long the old key works beside the new one; empty for a day.
#[server(endpoint = "api_keys/rotate")]
pub async fn rotate_api_key(
    env: String,
    key: String,
    #[server(default)] overlap_hours: String,
) -> Result<(), ApiError> {
    in_project(&env, async |project| {
        let mut errors = domain::field::FieldErrors::default();
        let overlap_hours = read::number(&mut errors, "overlap_hours", &overlap_hours);
        errors.into_result()?;
        let input = domain::api_key::RotateInput { overlap_hours };
        let made = project.gateway.rotate_api_key(&project.access, id(&key)?, input).await?;
        project.reply.show_once(made.api_key.id, &made.key);
        project.reply.go_to(&paths::new_api_key(&env, made.api_key.id));
        Ok(())
    })
    .await
}

#[server(endpoint = "api_keys/revoke")]
pub async fn revoke_api_key(env: String, key: String) -> Result<(), ApiError> {
    in_project(&env, async |project| {
        project.gateway.revoke_api_key(&project.access, id(&key)?).await?;
        project.reply.go_to(&paths::api_keys(&env));
        Ok(())
    })
    .await
}
