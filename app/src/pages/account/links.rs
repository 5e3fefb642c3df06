//! What links in letters lead to: a new password, and an address that is confirmed. A link alone does nothing, since programs
//! that look through mail follow links: a button does it.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    api::account_links::{Confirm, ForgotPassword, ResetPassword, confirmation, reset_link, sends_mail},
    components::{
        Alert, AlertTone, Button, ButtonKind, ButtonLink, CodeBlock, Field, FormBody, Language, PasswordInput,
        TextInput,
    },
    layout::AuthLayout,
    pages::{
        forms::{FormState, Hidden, use_form},
        loaded::Loaded,
    },
    paths,
};

#[component]
pub fn ForgotPasswordPage() -> impl IntoView {
    let query = use_query_map();
    let sent = move || query.with(|query| query.get("sent").is_some());
    let mail = Resource::new(|| (), |()| sends_mail());
    view! {
        <AuthLayout title="Forgot your password?" foot=|| view! { <a href=paths::SIGN_IN>"Back to the sign-in"</a> }>
            {move || {
                if sent() {
                    return view! { <LetterSent/> }.into_any();
                }
                view! {
                    <Loaded
                        load=move || async move { mail.await }
                        part=true
                        children={|sends: bool| {
                            if sends { view! { <ForgotPasswordForm/> }.into_any() } else { view! { <AskTheOperator/> }.into_any() }
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
fn ForgotPasswordForm() -> impl IntoView {
    let FormState { action, problem, typed } = use_form::<ForgotPassword>();
    view! {
        <ActionForm action=action>
            <FormBody problem=problem>
                <Field name="email" label="E-mail" help="A link to choose a new password is sent there." required=true>
                    <TextInput kind="email" autocomplete="username" autofocus=true value=typed.text("email", "")/>
                </Field>
                <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Send the link"</Button>
            </FormBody>
        </ActionForm>
    }
    .into_any()
}

#[component]
fn LetterSent() -> impl IntoView {
    view! {
        <Alert tone=AlertTone::Success title="Look into your mail">
            "A letter is on its way to that address. If it has an account, the link in the letter lets you choose a new password within an hour."
        </Alert>
    }
    .into_any()
}

#[component]
fn AskTheOperator() -> impl IntoView {
    view! {
        <Alert title="This server sends no mail">"Ask whoever runs it for a link; they make one with this command."</Alert>
        <CodeBlock
            title="Terminal"
            code="hookstream reset-password --email you@example.com"
            language=Language::Shell
            wrap=true
        />
    }
    .into_any()
}

#[component]
pub fn ResetPasswordPage() -> impl IntoView {
    let token = token();
    let link = Resource::new(move || token.get(), reset_link);
    view! {
        <AuthLayout title="Choose a new password" foot=|| view! { <a href=paths::SIGN_IN>"Back to the sign-in"</a> }>
            <Loaded
                load=move || async move { link.await }
                part=true
                children={move |email: Option<String>| match email {
                    Some(email) => view! { <ResetPasswordForm token=token.get_untracked() email=email/> }.into_any(),
                    None => {
                        view! {
                            <BadLink/>
                            <ButtonLink href=paths::FORGOT_PASSWORD kind=ButtonKind::Primary>"Ask for another link"</ButtonLink>
                        }
                        .into_any()
                    }
                }}
            />
        </AuthLayout>
    }
    .into_any()
}

#[component]
fn ResetPasswordForm(token: String, email: String) -> impl IntoView {
    let FormState { action, problem, .. } = use_form::<ResetPassword>();
    view! {
        <ActionForm action=action>
            <FormBody problem=problem>
                <p class="auth-text">"For " <strong>{email.clone()}</strong> ". All sessions end."</p>
                <Hidden name="token" value=token/>
                <AccountName email=email/>
                <Field name="new_password" label="New password" help="At least 10 characters, none that many people use." required=true>
                    <PasswordInput autocomplete="new-password" minlength=10/>
                </Field>
                <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Change password"</Button>
            </FormBody>
        </ActionForm>
    }
    .into_any()
}

/// Says to programs that keep passwords whose one a form is about.
#[component]
pub fn AccountName(email: String) -> impl IntoView {
    view! { <input type="text" autocomplete="username" value=email readonly=true hidden=true/> }
}

#[component]
pub fn ConfirmPage() -> impl IntoView {
    let token = token();
    let query = use_query_map();
    let done = move || query.with(|query| query.get("done").is_some());
    let link = Resource::new(move || token.get(), confirmation);
    view! {
        <AuthLayout title="Confirm your address" foot=|| view! { <a href=paths::HOME>"Go to hookstream"</a> }>
            {move || {
                if done() {
                    return view! {
                        <Alert tone=AlertTone::Success title="Address confirmed">"Letters reach you there from now on, and you sign in with it."</Alert>
                    }
                    .into_any();
                }
                view! {
                    <Loaded
                        load=move || async move { link.await }
                        part=true
                        children={move |email: Option<String>| match email {
                            Some(email) => view! { <ConfirmForm token=token.get_untracked() email=email/> }.into_any(),
                            None => view! { <BadLink/> }.into_any(),
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
fn ConfirmForm(token: String, email: String) -> impl IntoView {
    let FormState { action, problem, .. } = use_form::<Confirm>();
    view! {
        <ActionForm action=action>
            <FormBody problem=problem>
                <p class="auth-text">"You can read what is sent to " <strong>{email}</strong> "."</p>
                <Hidden name="token" value=token/>
                <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Confirm"</Button>
            </FormBody>
        </ActionForm>
    }
    .into_any()
}

#[component]
fn BadLink() -> impl IntoView {
    view! {
        <Alert tone=AlertTone::Danger title="This link does not work">"It was used already, is too old, or was cut off on its way."</Alert>
    }
    .into_any()
}

fn token() -> Memo<String> {
    let query = use_query_map();
    Memo::new(move |_| query.with(|query| query.get("token")).unwrap_or_default())
}
