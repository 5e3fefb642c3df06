//! Signing up, in and out, and who is signed in.

use domain::org::Viewer;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use super::caller::{answer, answer_form};
use super::{ApiError, Form, form::debug_without_fields};
#[cfg(feature = "ssr")]
use crate::paths;

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SignUpForm {
    pub name: String,
    pub email: String,
    pub organization: String,
    pub password: String,
}

impl Form for SignUpForm {
    const SECRETS: &'static [&'static str] = &["password"];
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SignInForm {
    pub email: String,
    pub password: String,
    /// The page that was asked for.
    pub next: String,
}

impl Form for SignInForm {
    const SECRETS: &'static [&'static str] = &["password"];
}

debug_without_fields!(SignUpForm, SignInForm);

/// Who is signed in, where the server found out before it began to draw. By context.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownViewer(pub Result<Viewer, ApiError>);

/// Whether people may sign up by themselves. Asked before there is anyone.
#[server(endpoint = "account/sign_up_is_open")]
pub async fn sign_up_is_open() -> Result<bool, ApiError> {
    answer(async |call| Ok(call.gateway.signup_is_open().await?)).await
}

#[server(endpoint = "account/sign_up")]
pub async fn sign_up(#[server(flatten)] form: SignUpForm) -> Result<(), ApiError> {
    answer_form(&form, async |call| {
        let SignUpForm { name, email, organization, password } = form.clone();
        let input = domain::org::SignUpInput { name, email, organization, password };
        let (user, env) = call.gateway.sign_up(input, call.address()).await?;
        call.reply().sign_in(user).await?;
        call.reply().go_to(&paths::overview(env));
        Ok(())
    })
    .await
}

#[server(endpoint = "account/sign_in")]
pub async fn sign_in(#[server(flatten)] form: SignInForm) -> Result<(), ApiError> {
    answer_form(&form, async |call| {
        let user = call.gateway.sign_in(&form.email, &form.password).await?;
        call.reply().sign_in(user).await?;
        call.reply().go_to(paths::local_or_home(&form.next));
        Ok(())
    })
    .await
}

#[server(endpoint = "account/sign_out")]
pub async fn sign_out() -> Result<(), ApiError> {
    answer(async |call| {
        call.user()?;
        call.reply().sign_out().await?;
        call.reply().go_to(paths::SIGN_IN);
        Ok(())
    })
    .await
}

/// Who is signed in, and what they may see.
#[server(endpoint = "account/viewer")]
pub async fn current_viewer() -> Result<Viewer, ApiError> {
    answer(async |call| Ok(call.gateway.viewer(call.user()?).await?)).await
}
