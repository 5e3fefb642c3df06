//! Signing up and in.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::{
    forms::{FormState, Hidden, use_form},
    loaded::Loaded,
};
use crate::{
    api::account::{SignIn, SignUp, sign_up_is_open},
    components::*,
    layout::AuthLayout,
    paths,
};

#[component]
pub fn SignInPage() -> impl IntoView {
    let next = use_query_map().with_untracked(|query| query.get("next").unwrap_or_default());
    let may_sign_up = Resource::new(|| (), |()| sign_up_is_open());
    let FormState { action, problem, typed } = use_form::<SignIn>();
    view! {
        <AuthLayout
            title="Sign in"
            foot=move || {
                view! {
                    <Loaded
                        load=move || async move { may_sign_up.await }
                        skeleton=|| ()
                        part=true
                        children={|open: bool| {
                            open.then(|| view! { "No account yet? " <a href=paths::SIGN_UP>"Sign up"</a> }).into_any()
                        }}
                    />
                }
            }
        >
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
                </FormBody>
            </ActionForm>
        </AuthLayout>
    }
    .into_any()
}

#[component]
pub fn SignUpPage() -> impl IntoView {
    let open = Resource::new(|| (), |()| sign_up_is_open());
    view! {
        <AuthLayout
            title="Sign up"
            foot=|| view! { "Have an account already? " <a href=paths::SIGN_IN>"Sign in"</a> }
        >
            <Loaded
                load=move || async move { open.await }
                part=true
                children={|open: bool| if open { view! { <SignUpForm/> }.into_any() } else { view! { <SignUpClosed/> }.into_any() }}
            />
        </AuthLayout>
    }
    .into_any()
}

#[component]
fn SignUpClosed() -> impl IntoView {
    view! {
        <Alert title="Sign-up is by invitation">
            "Ask an owner or admin of your organization to invite you. Whoever runs this server can open it with HOOKSTREAM_SIGNUP=open."
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
                <Field name="password" label="Password" help="At least 10 characters." required=true>
                    <PasswordInput autocomplete="new-password" minlength=10/>
                </Field>
                <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Sign up"</Button>
            </FormBody>
        </ActionForm>
    }
    .into_any()
}
