//! Invitations as whoever has their link sees them.

use domain::team::Offer;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use super::caller::{answer, answer_form};
use super::{ApiError, Form, form::debug_without_fields};
#[cfg(feature = "ssr")]
use crate::paths;

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct InvitedForm {
    pub name: String,
    pub password: String,
}

impl Form for InvitedForm {
    const SECRETS: &'static [&'static str] = &["password"];
}

debug_without_fields!(InvitedForm);

/// What a link offers, and to whom it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferView {
    pub offer: Offer,
    /// The address of the account that is signed in.
    pub signed_in: Option<String>,
}

#[server(endpoint = "invitations/offer")]
pub async fn invitation_offer(token: String) -> Result<OfferView, ApiError> {
    answer(async |call| {
        let offer = call.gateway.offer(&token).await?;
        let signed_in = match call.user() {
            Ok(user) => call.gateway.viewer(user).await.ok().map(|viewer| viewer.user.email),
            Err(_) => None,
        };
        Ok(OfferView { offer, signed_in })
    })
    .await
}

/// By somebody who is signed in.
#[server(endpoint = "invitations/accept")]
pub async fn accept_invitation(token: String) -> Result<(), ApiError> {
    answer(async |call| {
        let caller = call.caller()?;
        let project = call.gateway.accept_invitation(&caller, &token).await?;
        call.reply().go_to(&project.map_or_else(|| paths::HOME.to_owned(), paths::overview));
        Ok(())
    })
    .await
}

/// By somebody who has no account yet.
#[server(endpoint = "invitations/sign_up")]
pub async fn accept_as_new(token: String, #[server(flatten)] form: InvitedForm) -> Result<(), ApiError> {
    answer_form(&form, async |call| {
        let InvitedForm { name, password } = form.clone();
        let input = domain::team::InvitedInput { name, password };
        let (user, project) = call.gateway.accept_as_new(&token, input, call.address()).await?;
        call.reply().sign_in(user, &call.origin()).await?;
        call.reply().go_to(&project.map_or_else(|| paths::HOME.to_owned(), paths::overview));
        Ok(())
    })
    .await
}

/// Ends the session, and leads to the sign-in that comes back to the invitation.
#[server(endpoint = "invitations/other_account")]
pub async fn use_other_account(token: String) -> Result<(), ApiError> {
    answer(async |call| {
        call.user()?;
        call.reply().sign_out().await?;
        call.reply().go_to(&paths::sign_in_then(&paths::invitation(token)));
        Ok(())
    })
    .await
}
