//! Signing up, in and out, and who is signed in.

use domain::org::{SignUpOffer, Viewer};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use super::caller::{answer, answer_form};
use super::{ApiError, Form, form::debug_without_fields};
#[cfg(feature = "ssr")]
use crate::paths;
#[cfg(feature = "ssr")]
use gateway::manage::{SignIn as Step, SignedUp};

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

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SignInCodeForm {
    pub code: String,
    pub next: String,
}

impl Form for SignInCodeForm {
    const SECRETS: &'static [&'static str] = &["code"];
}

debug_without_fields!(SignUpForm, SignInForm, SignInCodeForm);

/// Who is signed in, where the server found out before it began to draw. By context.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownViewer(pub Result<Viewer, ApiError>);

/// Who may sign up. Asked before there is anyone.
#[server(endpoint = "account/who_may_sign_up")]
pub async fn who_may_sign_up() -> Result<SignUpOffer, ApiError> {
    answer(async |call| Ok(call.gateway.sign_up_offer().await?)).await
}

/// The name of the provider that people can sign in with.
#[server(endpoint = "account/provider")]
pub async fn provider() -> Result<Option<String>, ApiError> {
    answer(async |call| Ok(call.gateway.provider_name().map(str::to_owned))).await
}

#[server(endpoint = "account/sign_up")]
pub async fn sign_up(#[server(flatten)] form: SignUpForm) -> Result<(), ApiError> {
    answer_form(&form, async |call| {
        let SignUpForm { name, email, organization, password } = form.clone();
        let input = domain::org::SignUpInput { name, email, organization, password };
        let origin = call.origin();
        match call.gateway.sign_up(input, &origin).await? {
            SignedUp::In(user, env) => {
                call.reply().sign_in(user, &origin).await?;
                call.reply().go_to(&paths::overview(env));
            }
            SignedUp::LetterSent => call.reply().go_to(paths::SIGN_UP_SENT),
        }
        Ok(())
    })
    .await
}

#[server(endpoint = "account/sign_in")]
pub async fn sign_in(#[server(flatten)] form: SignInForm) -> Result<(), ApiError> {
    answer_form(&form, async |call| {
        let origin = call.origin();
        match call.gateway.sign_in(&form.email, &form.password, &origin).await? {
            Step::In(user) => {
                call.reply().sign_in(user, &origin).await?;
                call.reply().go_to(paths::local_or_home(&form.next));
            }
            Step::NeedsCode(user) => {
                call.reply().await_code(user).await?;
                call.reply().go_to(&paths::sign_in_code(&form.next));
            }
        }
        Ok(())
    })
    .await
}

/// The second step of a sign-in.
#[server(endpoint = "account/sign_in_code")]
pub async fn sign_in_code(#[server(flatten)] form: SignInCodeForm) -> Result<(), ApiError> {
    answer_form(&form, async |call| {
        let origin = call.origin();
        let begin_anew = || ApiError::Conflict("Sign in again: this took too long.".to_owned());
        let user = call.reply().awaits_code().await?.ok_or_else(begin_anew)?;
        match call.gateway.sign_in_code(user, &form.code, &origin).await.map_err(ApiError::from) {
            Ok(()) => {}
            Err(error) => {
                if matches!(error, ApiError::Invalid(_)) {
                    call.reply().code_was_wrong().await?;
                }
                return Err(error);
            }
        }
        call.reply().sign_in(user, &origin).await?;
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
