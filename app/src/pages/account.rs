//! Signing up and in. What concerns somebody who is signed in stands in [`own`], and what links in letters lead to in
//! [`links`].

pub mod links;
pub mod own;
pub mod provider;
pub mod second_factor;
mod sessions;

use domain::org::SignUpOffer;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use self::provider::{ProviderButton, ProviderOutcome};
use super::{
    forms::{FormState, Hidden, use_form},
    loaded::Loaded,
};
use crate::{
    api::account::{SignIn, SignInCode, SignUp, who_may_sign_up},
    components::*,
    layout::AuthLayout,
    paths,
};

#[component]
pub fn SignInPage() -> impl IntoView {
    let query = use_query_map();
    let next = query.with_untracked(|query| query.get("next").unwrap_or_default());
    let has_chosen = move || query.with(|query| query.get("done").as_deref() == Some("password"));
    let offer = Resource::new(|| (), |()| who_may_sign_up());
    let FormState { action, problem, typed } = use_form::<SignIn>();
    view! {
        <AuthLayout
            title="Sign in"
            foot=move || {
                view! {
                    <Loaded
                        load=move || async move { offer.await }
                        skeleton=|| ()
                        part=true
                        children={|offer: SignUpOffer| {
                            (offer == SignUpOffer::Anybody)
                                .then(|| view! { "No account yet? " <a href=paths::SIGN_UP>"Sign up"</a> })
                                .into_any()
                        }}
                    />
                }
            }
        >
            <ProviderOutcome/>
            {move || {
                has_chosen().then(|| {
                    view! {
                        <Alert tone=AlertTone::Success title="Password changed">"All sessions have ended. Sign in with the new password."</Alert>
                    }
                })
            }}
            <ActionForm action=action>
                <FormBody problem=problem>
                    <Hidden name="next" value=typed.text("next", next)/>
                    <Field name="email" label="E-mail" required=true>
                        <TextInput kind="email" autocomplete="username" autofocus=true value=typed.text("email", "")/>
                    </Field>
                    <Field name="password" label="Password" required=true>
                        <PasswordInput/>
                    </Field>
                    <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Sign in"</Button>
                    <p class="auth-text"><a href=paths::FORGOT_PASSWORD>"Forgot your password?"</a></p>
                </FormBody>
            </ActionForm>
            <ProviderButton/>
        </AuthLayout>
    }
    .into_any()
}

/// The second step of a sign-in.
#[component]
pub fn SignInCodePage() -> impl IntoView {
    let next = use_query_map().with_untracked(|query| query.get("next").unwrap_or_default());
    let FormState { action, problem, typed } = use_form::<SignInCode>();
    view! {
        <AuthLayout
            title="Enter your code"
            text="Now the code that your authenticator app shows, or one of your recovery codes."
            foot=|| view! { <a href=paths::SIGN_IN>"Sign in with another account"</a> }
        >
            <ActionForm action=action>
                <FormBody problem=problem>
                    <Hidden name="next" value=typed.text("next", next)/>
                    <Field name="code" label="Code" required=true>
                        <TextInput autocomplete="one-time-code" mono=true autofocus=true/>
                    </Field>
                    <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Sign in"</Button>
                </FormBody>
            </ActionForm>
        </AuthLayout>
    }
    .into_any()
}

#[component]
pub fn SignUpPage() -> impl IntoView {
    let query = use_query_map();
    let sent = move || query.with(|query| query.get("sent").is_some());
    let offer = Resource::new(|| (), |()| who_may_sign_up());
    view! {
        <AuthLayout
            title="Sign up"
            foot=|| view! { "Have an account already? " <a href=paths::SIGN_IN>"Sign in"</a> }
        >
            {move || {
                if sent() {
                    return view! { <SignUpSent/> }.into_any();
                }
                view! {
                    <Loaded
                        load=move || async move { offer.await }
                        part=true
                        children={|offer: SignUpOffer| match offer {
                            SignUpOffer::Anybody => view! { <SignUpForm/> }.into_any(),
                            SignUpOffer::Invited => view! { <SignUpByInvitation/> }.into_any(),
                            SignUpOffer::Nobody => view! { <SignUpClosed/> }.into_any(),
                        }}
                    />
                }
                .into_any()
            }}
        </AuthLayout>
    }
    .into_any()
}

#[component]
fn SignUpSent() -> impl IntoView {
    view! {
        <Alert tone=AlertTone::Success title="Look into your mail">
            "A letter is on its way to the address that you gave. The link in it makes your account, and works for a day."
        </Alert>
    }
    .into_any()
}

#[component]
fn SignUpByInvitation() -> impl IntoView {
    view! {
        <Alert title="Sign-up is by invitation">
            "Ask an owner or admin of your organization to invite you. Whoever runs this server can open it with HOOKSTREAM_SIGNUP=open."
        </Alert>
    }
    .into_any()
}

#[component]
fn SignUpClosed() -> impl IntoView {
    view! {
        <Alert title="Sign-up is closed">
            "No new accounts are made on this server, by invitation neither. Whoever runs it can change that with HOOKSTREAM_SIGNUP."
        </Alert>
    }
    .into_any()
}

#[component]
fn SignUpForm() -> impl IntoView {
    let FormState { action, problem, typed } = use_form::<SignUp>();
    view! {
        <ActionForm action=action>
            <FormBody problem=problem>
                <Field name="name" label="Your name" required=true>
                    <TextInput autocomplete="name" autofocus=true value=typed.text("name", "")/>
                </Field>
                <Field name="email" label="E-mail" required=true>
                    <TextInput kind="email" autocomplete="username" value=typed.text("email", "")/>
                </Field>
                <Field name="organization" label="Organization" help="Your company or team. It begins with a project called production." required=true>
                    <TextInput autocomplete="organization" value=typed.text("organization", "")/>
                </Field>
                <Field name="password" label="Password" help="At least 10 characters, none that many people use." required=true>
                    <PasswordInput autocomplete="new-password" minlength=10/>
                </Field>
                <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Sign up"</Button>
            </FormBody>
        </ActionForm>
        <ProviderButton/>
    }
    .into_any()
}
