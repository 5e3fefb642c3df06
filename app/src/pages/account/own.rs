//! The account of whoever is signed in: name, address, password, second factor, sessions. Among the settings of a project,
//! and on a page of its own.

use domain::org::{Account, Viewer};
use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_query_map};

use super::{
    links::AccountName,
    provider::{ProviderCard, ProviderOutcome, password_hint},
    sessions::SessionsCard,
};
use crate::{
    api::own_account::{
        ChangeEmail, ChangePassword, DisableSecondFactor, DisconnectProvider, RenamePerson, VerifyEmail, own_account,
    },
    components::*,
    pages::{
        forms::{FormState, Hidden, Outcome, say_when_done, use_action, use_form},
        live::Fresh,
        loaded::Loaded,
        project::FrameWithoutProject,
        settings::SettingsHeader,
    },
    paths,
};

#[component]
pub fn AccountPage() -> impl IntoView {
    view! {
        <FrameWithoutProject>
            <PageHeader title="Account"/>
            <OwnAccount/>
        </FrameWithoutProject>
    }
    .into_any()
}

#[component]
pub fn AccountSettingsPage() -> impl IntoView {
    view! {
        <SettingsHeader current="account"/>
        <OwnAccount/>
    }
    .into_any()
}

#[component]
fn OwnAccount() -> impl IntoView {
    let query = use_query_map();
    let rename = use_form::<RenamePerson>();
    let password = use_form::<ChangePassword>();
    let factor = use_form::<DisableSecondFactor>();
    let provider = use_form::<DisconnectProvider>();
    let (renamed, turned_off) = (rename.action.version(), factor.action.version());
    let disconnected = provider.action.version();
    let email_changed = move || query.with(|query| query.get("email"));
    let account = Resource::new(
        move || (renamed.get(), turned_off.get(), disconnected.get(), email_changed()),
        |_| own_account(),
    );
    if let Some(viewer) = use_context::<Fresh<Viewer>>() {
        viewer.after(rename.action);
    }
    // Not in the cards, which are drawn anew with the account.
    say_when_done(rename.action, "Name changed");
    say_when_done(password.action, "Password changed");
    say_when_done(factor.action, "Second factor turned off");
    say_when_done(provider.action, "Disconnected");
    let rename = StoredValue::new(rename);
    let password = StoredValue::new(password);
    let factor = StoredValue::new(factor);
    let provider = StoredValue::new(provider);
    view! {
        <ProviderOutcome/>
        {move || email_changed().map(|what| view! { <EmailNotice what=what/> })}
        <Loaded
            load=move || async move { account.await }
            children={move |account: Account| {
                let hint = password_hint(account.provider.as_ref());
                let factor = match account.recovery_codes {
                    Some(left) => view! { <SecondFactorOn form=factor left=left hint=hint.clone()/> }.into_any(),
                    None => view! { <SecondFactorOff/> }.into_any(),
                };
                let email = account.user.email.clone();
                let link = account.provider.clone();
                view! {
                    <NameCard form=rename name=account.user.name.clone()/>
                    <EmailCard account=account/>
                    <PasswordCard form=password email=email.clone() hint=hint/>
                    {factor}
                    {link.map(|link| view! { <ProviderCard link=link form=provider email=email/> })}
                }
                .into_any()
            }}
        />
        <SessionsCard changed=Signal::derive(move || password.with_value(|form| form.action.version().get()))/>
    }
    .into_any()
}

#[component]
fn EmailNotice(what: String) -> impl IntoView {
    match what.as_str() {
        "letter" => view! {
            <Alert tone=AlertTone::Success title="Look into your mail">
                "A letter is on its way to the new address. It counts once the link in it is followed; until then you keep the one you have."
            </Alert>
        }
        .into_any(),
        "changed" => view! { <Alert tone=AlertTone::Success title="E-mail changed">"You sign in with it from now on."</Alert> }.into_any(),
        _ => ().into_any(),
    }
}

#[component]
fn NameCard(form: StoredValue<FormState<RenamePerson>>, name: String) -> impl IntoView {
    let (action, problem, typed) = form.with_value(|form| (form.action, form.problem, form.typed));
    view! {
        <Card title="Name">
            <ActionForm action=action>
                <FormBody problem=problem>
                    <Field name="name" label="Your name" required=true>
                        <TextInput autocomplete="name" value=typed.text("name", name)/>
                    </Field>
                    <FormActions>
                        <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Change name"</Button>
                    </FormActions>
                </FormBody>
            </ActionForm>
        </Card>
    }
    .into_any()
}

#[component]
fn EmailCard(account: Account) -> impl IntoView {
    let FormState { action, problem, typed } = use_form::<ChangeEmail>();
    let verify = use_action::<VerifyEmail>();
    let here = use_location().pathname;
    let hint = password_hint(account.provider.as_ref());
    let may_verify = account.has_mail && !account.email_verified;
    let help = if account.has_mail {
        "A letter goes there. It counts once the link in it is followed, and your old address is told."
    } else {
        "It counts at once. This server sends no mail, so make sure that it is right."
    };
    view! {
        <Card title="E-mail" text="What you sign in with.">
            <Outcome action=verify done="Letter sent"/>
            <Facts>
                <Fact label="Address">{account.user.email.clone()}</Fact>
                <Fact label="Confirmed">{if account.email_verified { "yes" } else { "no" }}</Fact>
            </Facts>
            {may_verify
                .then(|| {
                    view! {
                        <ActionForm action=verify>
                            <Button submit=true size=ButtonSize::Small icon=Icon::Send pending=verify.pending()>"Send a letter to confirm it"</Button>
                        </ActionForm>
                    }
                })}
            <ActionForm action=action>
                <FormBody problem=problem>
                    <Hidden name="page" value=here.get_untracked()/>
                    <FieldRow>
                        <Field name="email" label="New e-mail" help=help required=true>
                            <TextInput kind="email" autocomplete="email" value=typed.text("email", "")/>
                        </Field>
                        <Field name="password" id="email-password" label="Password to change the e-mail" help=hint required=true>
                            <PasswordInput/>
                        </Field>
                    </FieldRow>
                    <FormActions>
                        <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Change e-mail"</Button>
                    </FormActions>
                </FormBody>
            </ActionForm>
        </Card>
    }
    .into_any()
}

#[component]
fn PasswordCard(form: StoredValue<FormState<ChangePassword>>, email: String, hint: Option<String>) -> impl IntoView {
    let (action, problem) = form.with_value(|form| (form.action, form.problem));
    view! {
        <Card title="Password" text="Changing it ends all your other sessions.">
            <ActionForm action=action>
                <FormBody problem=problem>
                    <AccountName email=email/>
                    <FieldRow>
                        <Field name="password" id="current-password" label="Current password" help=hint required=true>
                            <PasswordInput/>
                        </Field>
                        <Field name="new_password" label="New password" help="At least 10 characters, none that many people use." required=true>
                            <PasswordInput autocomplete="new-password" minlength=10/>
                        </Field>
                    </FieldRow>
                    <FormActions>
                        <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Change password"</Button>
                    </FormActions>
                </FormBody>
            </ActionForm>
        </Card>
    }
    .into_any()
}

#[component]
fn SecondFactorOff() -> impl IntoView {
    view! {
        <Card title="Second factor" text="With it a sign-in needs a code of an authenticator app besides the password.">
            <div class="row">
                <ButtonLink href=paths::SECOND_FACTOR kind=ButtonKind::Primary icon=Icon::ShieldCheck>"Set up a second factor"</ButtonLink>
            </div>
        </Card>
    }
    .into_any()
}

#[component]
fn SecondFactorOn(form: StoredValue<FormState<DisableSecondFactor>>, left: u32, hint: Option<String>) -> impl IntoView {
    let (action, problem) = form.with_value(|form| (form.action, form.problem));
    view! {
        <Card title="Second factor" text="A sign-in needs a code of your authenticator app.">
            <Facts>
                <Fact label="Recovery codes left">{left.to_string()}</Fact>
            </Facts>
            {(left <= 2)
                .then(|| {
                    view! {
                        <Alert tone=AlertTone::Warning title="Few recovery codes are left">
                            "To get new ones, turn the second factor off and set it up again."
                        </Alert>
                    }
                })}
            <ActionForm action=action>
                <FormBody problem=problem>
                    <FieldRow>
                        <Field name="code" label="Code" help="Of the app, or a recovery code." required=true>
                            <TextInput autocomplete="one-time-code" mono=true/>
                        </Field>
                        <Field name="password" id="factor-password" label="Password to turn it off" help=hint required=true>
                            <PasswordInput/>
                        </Field>
                    </FieldRow>
                    <FormActions>
                        <Button submit=true kind=ButtonKind::Danger pending=action.pending()>"Turn off the second factor"</Button>
                    </FormActions>
                </FormBody>
            </ActionForm>
        </Card>
    }
    .into_any()
}
