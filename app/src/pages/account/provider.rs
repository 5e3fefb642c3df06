//! Signing in by an OpenID provider.

use domain::org::ProviderLink;
use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_query_map};

use super::links::AccountName;
use crate::{
    api::{account::provider, own_account::DisconnectProvider},
    components::*,
    pages::{
        forms::{FormState, Hidden},
        loaded::Loaded,
    },
    paths,
};

/// The way to the provider, where there is one.
#[component]
pub fn ProviderButton() -> impl IntoView {
    let next = use_query_map().with_untracked(|query| query.get("next").unwrap_or_default());
    let provider = Resource::new(|| (), |()| provider());
    view! {
        <Loaded
            load=move || async move { provider.await }
            skeleton=|| ()
            part=true
            children={move |name: Option<String>| {
                let href = paths::provider_sign_in(&next);
                name.map(|name| {
                    view! {
                        <ButtonLink href=href icon=Icon::Key attr:rel="external">{format!("Sign in with {name}")}</ButtonLink>
                    }
                })
                .into_any()
            }}
        />
    }
    .into_any()
}

/// What came of it, as the address says.
#[component]
pub fn ProviderOutcome() -> impl IntoView {
    let query = use_query_map();
    move || {
        let outcome = query.with(|query| query.get("provider"))?;
        let (tone, title, text) = match outcome.as_str() {
            "connected" => (AlertTone::Success, "Connected", "You can sign in with it from now on."),
            "other_account" => (
                AlertTone::Danger,
                "Not connected",
                "That account of the provider belongs to somebody else here, or yours is connected with another one already.",
            ),
            "address_taken" => (
                AlertTone::Warning,
                "There is an account with your address",
                "Sign in with its password, and connect it with the provider in Settings, under Account.",
            ),
            "no_address" => (
                AlertTone::Danger,
                "Nobody was signed in",
                "No account is connected with yours at the provider, and none was made, since the provider does not say that your e-mail address is confirmed. If you have an account, sign in with its password, and connect it in Settings, under Account.",
            ),
            "not_invited" => (
                AlertTone::Danger,
                "Nobody was signed in",
                "No account is connected with yours at the provider, and sign-up is not open here. If you have an account, sign in with its password, and connect it in Settings, under Account.",
            ),
            "too_many" => {
                (AlertTone::Danger, "Too many accounts were made from your network", "Try again in some minutes.")
            }
            _ => (
                AlertTone::Danger,
                "The sign-in with the provider failed",
                "It was broken off, took too long, or the provider cannot be reached. Try again; the server's log says more.",
            ),
        };
        Some(view! { <Alert tone=tone title=title>{text}</Alert> })
    }
}

/// What stands at fields for the password of somebody who may never have chosen one.
#[must_use]
pub fn password_hint(link: Option<&ProviderLink>) -> Option<String> {
    let name = link.filter(|link| link.is_connected).map(|link| &link.name)?;
    Some(format!("If you came by {name} and have none yet, choose one by “Forgot your password?” on the sign-in page."))
}

/// The provider among what somebody's account has.
#[component]
pub fn ProviderCard(
    link: ProviderLink,
    form: StoredValue<FormState<DisconnectProvider>>,
    email: String,
) -> impl IntoView {
    let (action, problem) = form.with_value(|form| (form.action, form.problem));
    let title = format!("Sign in with {}", link.name);
    let here = use_location().pathname;
    if !link.is_connected {
        return view! {
            <Card title=title text="Connect your account, and you can sign in with it instead of the password.">
                <div class="row">
                    <ButtonLink href=paths::CONNECT_PROVIDER kind=ButtonKind::Primary icon=Icon::Key attr:rel="external">
                        {format!("Connect with {}", link.name)}
                    </ButtonLink>
                </div>
            </Card>
        }
        .into_any();
    }
    view! {
        <Card title=title text="Your account is connected. Once it is not, you sign in with the password.">
            <ActionForm action=action>
                <FormBody problem=problem>
                    <Hidden name="page" value=here.get_untracked()/>
                    <AccountName email=email/>
                    <Field
                        name="password"
                        id="provider-password"
                        label="Password to disconnect"
                        help=password_hint(Some(&link))
                        required=true
                    >
                        <PasswordInput/>
                    </Field>
                    <FormActions>
                        <Button submit=true kind=ButtonKind::Danger pending=action.pending()>"Disconnect"</Button>
                    </FormActions>
                </FormBody>
            </ActionForm>
        </Card>
    }
    .into_any()
}
