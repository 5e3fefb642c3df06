//! Setting up a second factor: a picture to scan, a code that shows that it was, and the recovery codes, once.

use domain::org::SecondFactorSetup;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    api::{
        once::shown_once,
        own_account::{EnableSecondFactor, second_factor_to_set_up},
    },
    components::*,
    pages::{
        account::provider::password_hint,
        forms::{FormState, use_form},
        loaded::Loaded,
        project::FrameWithoutProject,
    },
    paths,
};

#[component]
pub fn SecondFactorPage() -> impl IntoView {
    view! {
        <FrameWithoutProject>
            <SecondFactor/>
        </FrameWithoutProject>
    }
    .into_any()
}

#[component]
fn SecondFactor() -> impl IntoView {
    let query = use_query_map();
    let of = Memo::new(move |_| query.with(|query| query.get("codes")));
    view! {
        <PageHeader title="Second factor" subtitle="A code of an authenticator app, besides the password."/>
        {move || match of.get() {
            Some(user) => view! { <RecoveryCodes user=user/> }.into_any(),
            None => view! { <SetUp/> }.into_any(),
        }}
    }
    .into_any()
}

#[component]
fn SetUp() -> impl IntoView {
    let setup = Resource::new(|| (), |()| second_factor_to_set_up());
    let FormState { action, problem, .. } = use_form::<EnableSecondFactor>();
    view! {
        <Loaded
            load=move || async move { setup.await }
            part=true
            children={move |setup: SecondFactorSetup| {
                let hint = password_hint(setup.provider.as_ref());
                view! {
                    <Card title="1. Scan this with your app" text="Any app for one-time codes will do: Aegis, Google Authenticator, 1Password and others.">
                        <div class="second-factor">
                            <QrCode path=setup.path size=setup.size/>
                            <CopyField label="Or type this key" value=setup.key help="Based on time, six digits, every 30 seconds."/>
                        </div>
                    </Card>
                    <Card title="2. Type the code that it shows">
                        <ActionForm action=action>
                            <FormBody problem=problem>
                                <FieldRow>
                                    <Field name="code" label="Code" required=true>
                                        <TextInput autocomplete="one-time-code" mono=true/>
                                    </Field>
                                    <Field name="password" label="Your password" help=hint required=true>
                                        <PasswordInput/>
                                    </Field>
                                </FieldRow>
                                <FormActions>
                                    <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Turn on the second factor"</Button>
                                    <ButtonLink href=paths::ACCOUNT kind=ButtonKind::Ghost>"Cancel"</ButtonLink>
                                </FormActions>
                            </FormBody>
                        </ActionForm>
                    </Card>
                }
                .into_any()
            }}
        />
    }
    .into_any()
}

#[component]
fn QrCode(path: String, size: usize) -> impl IntoView {
    view! {
        <svg class="qr-code" viewBox=format!("0 0 {size} {size}") role="img" aria-label="QR code for an authenticator app" shape-rendering="crispEdges">
            <path d=path/>
        </svg>
    }
    .into_any()
}

#[component]
fn RecoveryCodes(user: String) -> impl IntoView {
    let codes = Resource::new(move || user.clone(), shown_once);
    view! {
        <Loaded
            load=move || async move { codes.await }
            part=true
            children={|codes: Option<String>| match codes {
                Some(codes) => {
                    view! {
                        <Alert tone=AlertTone::Success title="The second factor is on">
                            "Your next sign-in asks for a code. All other sessions have ended."
                        </Alert>
                        <Card title="Recovery codes" text="Each lets you in once without the app. They are shown this once, and kept as hashes: keep them where you keep your passwords.">
                            <CodeBlock title="Recovery codes" code=codes.replace(' ', "\n") language=Language::Plain/>
                            <FormActions>
                                <ButtonLink href=paths::ACCOUNT kind=ButtonKind::Primary>"I have kept them"</ButtonLink>
                            </FormActions>
                        </Card>
                    }
                    .into_any()
                }
                None => {
                    view! {
                        <Alert title="The recovery codes were shown already">
                            "They are kept as hashes alone. To get new ones, turn the second factor off and set it up again."
                        </Alert>
                        <FormActions>
                            <ButtonLink href=paths::ACCOUNT kind=ButtonKind::Primary>"Go to your account"</ButtonLink>
                        </FormActions>
                    }
                    .into_any()
                }
            }}
        />
    }
    .into_any()
}
