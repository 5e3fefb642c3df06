//! The account of whoever is signed in.

use domain::{
    org::{Account, SecondFactorSetup},
    session::Session,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use super::caller::{answer, answer_form};
use super::{ApiError, Form, form::debug_without_fields};
#[cfg(feature = "ssr")]
use crate::paths;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RenameForm {
    pub name: String,
}

impl Form for RenameForm {}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ChangeEmailForm {
    pub email: String,
    pub password: String,
    /// The page that it stands on.
    pub page: String,
}

impl Form for ChangeEmailForm {
    const SECRETS: &'static [&'static str] = &["password"];
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ChangePasswordForm {
    pub password: String,
    pub new_password: String,
}

impl Form for ChangePasswordForm {
    const SECRETS: &'static [&'static str] = &["password", "new_password"];
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DisconnectForm {
    pub password: String,
    /// The page that it stands on.
    pub page: String,
}

impl Form for DisconnectForm {
    const SECRETS: &'static [&'static str] = &["password"];
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SecondFactorForm {
    pub code: String,
    pub password: String,
}

impl Form for SecondFactorForm {
    const SECRETS: &'static [&'static str] = &["code", "password"];
}

debug_without_fields!(ChangeEmailForm, ChangePasswordForm, DisconnectForm, SecondFactorForm);

#[server(endpoint = "account/get")]
pub async fn own_account() -> Result<Account, ApiError> {
    answer(async |call| Ok(call.gateway.account(call.user()?).await?)).await
}

#[server(endpoint = "account/rename")]
pub async fn rename_person(#[server(flatten)] form: RenameForm) -> Result<(), ApiError> {
    answer_form(&form, async |call| Ok(call.gateway.rename_person(call.user()?, &form.name).await?)).await
}

#[server(endpoint = "account/change_email")]
pub async fn change_email(#[server(flatten)] form: ChangeEmailForm) -> Result<(), ApiError> {
    answer_form(&form, async |call| {
        use gateway::manage::EmailChange;
        let user = call.user()?;
        let change = call.gateway.change_email(user, &form.email, &form.password, &call.origin()).await?;
        let sent = match change {
            EmailChange::Done => "changed",
            EmailChange::LetterSent => "letter",
        };
        call.reply().go_to(&paths::with_query(paths::local_or_home(&form.page), [("email", sent)]));
        Ok(())
    })
    .await
}

#[server(endpoint = "account/verify_email")]
pub async fn verify_email() -> Result<(), ApiError> {
    answer(async |call| Ok(call.gateway.verify_email(call.user()?).await?)).await
}

#[server(endpoint = "account/change_password")]
pub async fn change_password(#[server(flatten)] form: ChangePasswordForm) -> Result<(), ApiError> {
    answer_form(&form, async |call| {
        let (user, session) = (call.user()?, call.reply().session_hash()?);
        let ChangePasswordForm { password, new_password } = form.clone();
        let origin = call.origin();
        call.gateway.change_password(user, &password, new_password, &origin, session.as_deref()).await?;
        call.reply().renew().await
    })
    .await
}

/// Forgets who the person is at the provider.
#[server(endpoint = "account/disconnect_provider")]
pub async fn disconnect_provider(#[server(flatten)] form: DisconnectForm) -> Result<(), ApiError> {
    answer_form(&form, async |call| {
        call.gateway.disconnect_provider(call.user()?, &form.password, &call.origin()).await?;
        // Whose address may still say that it was connected.
        call.reply().go_to(paths::local_or_home(&form.page));
        Ok(())
    })
    .await
}

/// Where the person is signed in.
#[server(endpoint = "account/sessions")]
pub async fn sessions() -> Result<Vec<Session>, ApiError> {
    answer(async |call| {
        let (user, session) = (call.user()?, call.reply().session_hash()?);
        Ok(call.gateway.sessions(user, session.as_deref()).await?)
    })
    .await
}

#[server(endpoint = "account/end_session")]
pub async fn end_session(session: String) -> Result<(), ApiError> {
    answer(async |call| Ok(call.gateway.end_session(call.user()?, &session).await?)).await
}

/// Ends all sessions, this one too.
#[server(endpoint = "account/end_sessions")]
pub async fn end_sessions() -> Result<(), ApiError> {
    answer(async |call| {
        call.gateway.end_sessions(call.user()?).await?;
        call.reply().sign_out().await?;
        call.reply().go_to(paths::SIGN_IN);
        Ok(())
    })
    .await
}

/// What an authenticator app is given.
#[server(endpoint = "account/second_factor_to_set_up")]
pub async fn second_factor_to_set_up() -> Result<SecondFactorSetup, ApiError> {
    answer(async |call| Ok(call.gateway.set_up_second_factor(call.user()?).await?)).await
}

#[server(endpoint = "account/enable_second_factor")]
pub async fn enable_second_factor(#[server(flatten)] form: SecondFactorForm) -> Result<(), ApiError> {
    answer_form(&form, async |call| {
        let (user, session) = (call.user()?, call.reply().session_hash()?);
        let SecondFactorForm { code, password } = &form;
        let codes = call.gateway.enable_second_factor(user, code, password, &call.origin(), session.as_deref()).await?;
        call.reply().renew().await?;
        call.reply().show_once(user, &codes.join(" "));
        call.reply().go_to(&paths::recovery_codes(user));
        Ok(())
    })
    .await
}

#[server(endpoint = "account/disable_second_factor")]
pub async fn disable_second_factor(#[server(flatten)] form: SecondFactorForm) -> Result<(), ApiError> {
    answer_form(&form, async |call| {
        let (user, session) = (call.user()?, call.reply().session_hash()?);
        let SecondFactorForm { code, password } = &form;
        call.gateway.disable_second_factor(user, code, password, &call.origin(), session.as_deref()).await?;
        call.reply().renew().await
    })
    .await
}
