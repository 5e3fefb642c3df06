//! Links that are sent by mail: a new password, and addresses to confirm. Whoever has the link may follow it.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use super::caller::{answer, answer_form};
use super::{ApiError, Form, form::debug_without_fields};
#[cfg(feature = "ssr")]
use crate::paths;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ForgotPasswordForm {
    pub email: String,
}

impl Form for ForgotPasswordForm {}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ResetPasswordForm {
    pub token: String,
    pub new_password: String,
}

impl Form for ResetPasswordForm {
    const SECRETS: &'static [&'static str] = &["token", "new_password"];
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfirmForm {
    pub token: String,
}

impl Form for ConfirmForm {
    const SECRETS: &'static [&'static str] = &["token"];
}

debug_without_fields!(ResetPasswordForm, ConfirmForm);

/// Whether this server sends letters.
#[server(endpoint = "account/sends_mail")]
pub async fn sends_mail() -> Result<bool, ApiError> {
    answer(async |call| Ok(call.gateway.mailer().is_configured())).await
}

#[server(endpoint = "account/forgot_password")]
pub async fn forgot_password(#[server(flatten)] form: ForgotPasswordForm) -> Result<(), ApiError> {
    answer_form(&form, async |call| {
        call.gateway.forgot_password(&form.email, &call.origin()).await?;
        call.reply().go_to(paths::FORGOT_PASSWORD_SENT);
        Ok(())
    })
    .await
}

/// The address whose password the link sets; none when it does not work.
#[server(endpoint = "account/reset_link")]
pub async fn reset_link(token: String) -> Result<Option<String>, ApiError> {
    answer(async |call| working(call.gateway.reset_link(&token).await)).await
}

#[server(endpoint = "account/reset_password")]
pub async fn reset_password(#[server(flatten)] form: ResetPasswordForm) -> Result<(), ApiError> {
    answer_form(&form, async |call| {
        call.gateway.reset_password(&form.token, form.new_password.clone(), &call.origin()).await?;
        call.reply().go_to(paths::PASSWORD_CHOSEN);
        Ok(())
    })
    .await
}

/// The address that the link confirms; none when it does not work.
#[server(endpoint = "account/confirmation")]
pub async fn confirmation(token: String) -> Result<Option<String>, ApiError> {
    answer(async |call| working(call.gateway.confirmation(&token).await)).await
}

#[server(endpoint = "account/confirm")]
pub async fn confirm(#[server(flatten)] form: ConfirmForm) -> Result<(), ApiError> {
    answer_form(&form, async |call| {
        let origin = call.origin();
        match call.gateway.confirm(&form.token, &origin).await? {
            Some((user, env)) => {
                call.reply().sign_in(user, &origin).await?;
                call.reply().go_to(&paths::overview(env));
            }
            None => call.reply().go_to(paths::CONFIRMED),
        }
        Ok(())
    })
    .await
}

#[cfg(feature = "ssr")]
fn working(link: Result<String, gateway::manage::Error>) -> Result<Option<String>, ApiError> {
    match link {
        Ok(email) => Ok(Some(email)),
        Err(gateway::manage::Error::Conflict(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
