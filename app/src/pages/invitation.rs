//! What the link of an invitation leads to.

use domain::team::InvitationStatus;
use leptos::prelude::*;

use super::{
    forms::{FormState, Hidden, Outcome, use_action, use_form},
    loaded::Loaded,
    project::use_param,
};
use crate::{
    api::{
        ApiError,
        invitations::{AcceptAsNew, AcceptInvitation, OfferView, UseOtherAccount, invitation_offer},
    },
    components::*,
    layout::AuthLayout,
    paths,
};

#[component]
pub fn InvitationPage() -> impl IntoView {
    let token = use_param("token");
    let found = Resource::new(
        move || token.get(),
        |token| async move {
            match invitation_offer(token).await {
                Ok(found) => Ok(Some(found)),
                Err(ApiError::NotFound) => Ok(None),
                Err(error) => Err(error),
            }
        },
    );
    view! {
        <AuthLayout title="Invitation">
            <Loaded
                load=move || async move { found.await }
                part=true
                children={move |found: Option<OfferView>| match found {
                    Some(found) => view! { <Offered token=token.get_untracked() found=found/> }.into_any(),
                    None => ended("There is no such invitation", "The link is not whole, or a newer one was sent in its place. Ask whoever invited you for another."),
                }}
            />
        </AuthLayout>
    }
    .into_any()
}

fn ended(title: &'static str, text: &'static str) -> AnyView {
    view! {
        <Alert tone=AlertTone::Warning title=title>{text}</Alert>
        <p><a href=paths::HOME>"Go to hookstream"</a></p>
    }
    .into_any()
}

#[component]
fn Offered(token: String, found: OfferView) -> impl IntoView {
    let OfferView { offer, signed_in } = found;
    match offer.status {
        InvitationStatus::Pending => {}
        InvitationStatus::Expired => {
            return ended(
                "The invitation has expired",
                "Invitations hold for 7 days. Ask whoever invited you to send it again.",
            );
        }
        InvitationStatus::Revoked => {
            return ended("The invitation was revoked", "Whoever invited you, or another admin, has taken it back.");
        }
        InvitationStatus::Accepted => {
            return ended("The invitation was accepted already", "It works once. If it was you, sign in.");
        }
    }
    let words = format!("{} invites you to {}, as {}.", offer.invited_by, offer.organization, offer.role.as_str());
    let way = match signed_in {
        Some(email) if email == offer.email => {
            view! { <Accept token=token organization=offer.organization/> }.into_any()
        }
        Some(email) => view! { <OtherAccount token=token signed_in=email wanted=offer.email/> }.into_any(),
        None if offer.may_sign_up => view! { <NewAccount token=token email=offer.email/> }.into_any(),
        None => view! { <SignInFirst token=token email=offer.email/> }.into_any(),
    };
    view! {
        <p>{words}</p>
        {way}
    }
    .into_any()
}

#[component]
fn Accept(token: String, organization: String) -> impl IntoView {
    let action = use_action::<AcceptInvitation>();
    view! {
        <Outcome action=action done="You are a member now"/>
        <ActionForm action=action>
            <Hidden name="token" value=token/>
            <Button kind=ButtonKind::Primary submit=true pending=action.pending()>{format!("Join {organization}")}</Button>
        </ActionForm>
    }
    .into_any()
}

#[component]
fn OtherAccount(token: String, signed_in: String, wanted: String) -> impl IntoView {
    let action = use_action::<UseOtherAccount>();
    view! {
        <Alert tone=AlertTone::Warning title="This invitation is for another account">
            {format!("You are signed in as {signed_in}; the invitation is for {wanted}. Sign in with that address to accept it.")}
        </Alert>
        <Outcome action=action done="You are signed out"/>
        <ActionForm action=action>
            <Hidden name="token" value=token/>
            <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Use another account"</Button>
        </ActionForm>
    }
    .into_any()
}

#[component]
fn SignInFirst(token: String, email: String) -> impl IntoView {
    view! {
        <p>{format!("Sign in as {email} to accept it.")}</p>
        <ButtonLink href=paths::sign_in_then(&paths::invitation(token)) kind=ButtonKind::Primary>"Sign in"</ButtonLink>
    }
    .into_any()
}

#[component]
fn NewAccount(token: String, email: String) -> impl IntoView {
    let FormState { action, problem, typed } = use_form::<AcceptAsNew>();
    view! {
        <ActionForm action=action>
            <FormBody problem=problem>
                <Hidden name="token" value=token/>
                <p>"Your account will be " <strong>{email}</strong> "."</p>
                <Field name="name" label="Your name" required=true>
                    <TextInput autocomplete="name" autofocus=true value=typed.text("name", "")/>
                </Field>
                <Field name="password" label="Password" help="At least 10 characters." required=true>
                    <PasswordInput autocomplete="new-password" minlength=10/>
                </Field>
                <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Sign up and join"</Button>
            </FormBody>
        </ActionForm>
    }
    .into_any()
}
