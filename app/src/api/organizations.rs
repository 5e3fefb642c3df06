//! Organizations themselves.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use super::caller::{answer_form, form_in_org};
use super::{ApiError, Form, projects::ConfirmForm};
#[cfg(feature = "ssr")]
use crate::paths;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OrganizationForm {
    /// Its name.
    pub organization: String,
}

impl Form for OrganizationForm {}

#[server(endpoint = "organizations/create")]
pub async fn create_organization(#[server(flatten)] form: OrganizationForm) -> Result<(), ApiError> {
    answer_form(&form, async |call| {
        let caller = call.caller()?;
        let (_, env) = call.gateway.create_organization(&caller, &form.organization).await?;
        call.reply().go_to(&paths::overview(env));
        Ok(())
    })
    .await
}

#[server(endpoint = "organizations/rename")]
pub async fn rename_organization(org: String, #[server(flatten)] form: OrganizationForm) -> Result<(), ApiError> {
    form_in_org(&org, &form, async |org| Ok(org.gateway.rename_organization(&org.access, &form.organization).await?))
        .await
}

#[server(endpoint = "organizations/delete")]
pub async fn delete_organization(org: String, #[server(flatten)] form: ConfirmForm) -> Result<(), ApiError> {
    form_in_org(&org, &form, async |org| {
        org.access.require(domain::permission::Permission::ManageOrganization)?;
        form.check(&org.access.org().name)?;
        org.gateway.delete_organization(&org.access).await?;
        org.reply.go_to(paths::HOME);
        Ok(())
    })
    .await
}
