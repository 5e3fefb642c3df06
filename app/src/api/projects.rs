//! Projects, and one of them at a glance.

use domain::project::Overview;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::{ApiError, Form};
#[cfg(feature = "ssr")]
use super::{
    caller::{answer_form, form_in_project, id, in_project},
    form::read,
};
#[cfg(feature = "ssr")]
use crate::paths;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ProjectForm {
    pub name: String,
    pub mode: String,
}

impl Form for ProjectForm {}

/// How long a project keeps its events.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RetentionForm {
    pub retention_days: String,
}

impl Form for RetentionForm {}

/// The name of a thing, typed so that it may be deleted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfirmForm {
    pub confirm_name: String,
}

impl Form for ConfirmForm {}

#[cfg(feature = "ssr")]
impl ConfirmForm {
    /// Refuses unless `name` is what was typed.
    pub fn check(&self, name: &str) -> Result<(), ApiError> {
        let typed = self.confirm_name.trim() == name.trim();
        if typed { Ok(()) } else { Err(ApiError::field("confirm_name", format!("must be {name}"))) }
    }
}

#[server(endpoint = "projects/overview")]
pub async fn project_overview(env: String) -> Result<Overview, ApiError> {
    in_project(&env, async |project| Ok(project.gateway.overview(&project.access).await?)).await
}

#[server(endpoint = "projects/create")]
pub async fn create_project(org: String, #[server(flatten)] form: ProjectForm) -> Result<(), ApiError> {
    answer_form(&form, async |call| {
        let caller = call.caller()?;
        let mut errors = domain::field::FieldErrors::default();
        let mode = read::word(&mut errors, "mode", &form.mode).unwrap_or(domain::project::Mode::Live);
        errors.into_result()?;
        let input =
            domain::project::EnvironmentInput { name: form.name.clone(), slug: None, mode, retention_days: None };
        let project = call.gateway.create_environment(&caller, Some(id(&org)?), input).await?;
        call.reply().go_to(&paths::overview(project.id));
        Ok(())
    })
    .await
}

#[server(endpoint = "projects/update")]
pub async fn update_project(env: String, #[server(flatten)] form: ProjectForm) -> Result<(), ApiError> {
    form_in_project(&env, &form, async |project| {
        let patch = serde_json::json!({ "name": form.name });
        project.gateway.update_environment(&project.access, patch).await?;
        Ok(())
    })
    .await
}

/// Nothing typed stands for the default.
#[server(endpoint = "projects/retention")]
pub async fn set_retention(env: String, #[server(flatten)] form: RetentionForm) -> Result<(), ApiError> {
    form_in_project(&env, &form, async |project| {
        project.access.require(domain::permission::Permission::ManageProjects)?;
        let mut errors = domain::field::FieldErrors::default();
        let days = read::number::<i64>(&mut errors, "retention_days", &form.retention_days);
        errors.into_result()?;
        let patch = serde_json::json!({ "retention_days": days });
        project.gateway.update_environment(&project.access, patch).await?;
        Ok(())
    })
    .await
}

#[server(endpoint = "projects/delete")]
pub async fn delete_project(env: String, #[server(flatten)] form: ConfirmForm) -> Result<(), ApiError> {
    form_in_project(&env, &form, async |project| {
        project.access.require(domain::permission::Permission::ManageProjects)?;
        form.check(&project.access.environment().name)?;
        project.gateway.delete_environment(&project.access).await?;
        project.reply.go_to(paths::HOME);
        Ok(())
    })
    .await
}
