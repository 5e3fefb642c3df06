//! Letting in a machine that runs `hookstream login`: its code is typed here, and a yes gives it a key.

use domain::{
    device::{DeviceRequest, UserCode},
    org::Viewer,
    permission::{Permission, Role, Scope},
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::{
    forms::{FormState, Hidden, Outcome, use_action, use_form},
    loaded::Loaded,
    project::FrameWithoutProject,
};
use crate::{
    api::{
        account::current_viewer,
        device::{ApproveDevice, DenyDevice, read_device_request},
    },
    components::*,
    paths,
};

#[component]
pub fn DevicePage() -> impl IntoView {
    view! {
        <FrameWithoutProject>
            <PageHeader title="Sign in a machine" subtitle="For hookstream login: a terminal shows a code, and you say here whether it may come in."/>
            <Device/>
        </FrameWithoutProject>
    }
    .into_any()
}

#[component]
fn Device() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        query.with(|query| (query.get("code").unwrap_or_default(), query.get("answered").unwrap_or_default()))
    });
    move || {
        let (code, answered) = asked.get();
        match (answered.as_str(), code.is_empty()) {
            ("approved", _) => view! {
                <Alert tone=AlertTone::Success title="The machine is signed in">
                    "You can close this page and go back to the terminal. Its API key stands among the keys of the project, named after the machine; revoke it there."
                </Alert>
            }
            .into_any(),
            ("denied", _) => view! { <Alert title="The machine was refused">"It gets no key."</Alert> }.into_any(),
            (_, true) => view! { <AskForCode wrong=None/> }.into_any(),
            (_, false) => view! { <Confirming code=code/> }.into_any(),
        }
    }
}

/// A form that leads to this page again, with the code in its address.
#[component]
fn AskForCode(wrong: Option<String>) -> impl IntoView {
    view! {
        <Card>
            <form method="get" action=paths::DEVICE>
                <FormBody>
                    <Field name="code" label="Code" help="Eight letters, as the terminal shows them." error=wrong required=true>
                        <TextInput mono=true autofocus=true placeholder="BCDF-GHJK"/>
                    </Field>
                    <FormActions>
                        <Button kind=ButtonKind::Primary submit=true>"Continue"</Button>
                    </FormActions>
                </FormBody>
            </form>
        </Card>
    }
    .into_any()
}

#[component]
fn Confirming(code: String) -> impl IntoView {
    let shown = code.clone();
    let request = Resource::new(move || shown.clone(), read_device_request);
    let viewer = Resource::new(|| (), |()| current_viewer());
    view! {
        <Loaded
            load=move || async move { Ok((request.await?, viewer.await?)) }
            children={move |(request, viewer): (Result<DeviceRequest, String>, Viewer)| match request {
                Ok(request) => view! { <Confirm code=code.clone() request=request viewer=viewer/> }.into_any(),
                Err(wrong) => view! { <AskForCode wrong=Some(wrong)/> }.into_any(),
            }}
        />
    }
    .into_any()
}

#[component]
fn Confirm(code: String, request: DeviceRequest, viewer: Viewer) -> impl IntoView {
    let FormState { action, problem, typed } = use_form::<ApproveDevice>();
    let deny = use_action::<DenyDevice>();
    let role = |project| viewer.role_in(project).unwrap_or(Role::Viewer);
    let projects: Vec<_> = viewer
        .projects
        .iter()
        .map(|project| {
            let org = viewer.memberships.iter().find(|it| it.org_id == project.org_id);
            let org = org.map(|it| format!("{} / ", it.org_name)).unwrap_or_default();
            Choice::new(project.id.to_string(), format!("{org}{} ({})", project.name, project.mode.as_str()))
        })
        .collect();
    let first = viewer.projects.first().map(|project| project.id.to_string()).unwrap_or_default();
    let may_manage = viewer.projects.iter().any(|project| role(project).may(Permission::ManageKeys));
    let scopes = vec![
        RadioCard::new(Scope::Write.as_str(), "Read and write")
            .text("Also change sources, destinations and connections, retry, and note what listen has done."),
        RadioCard::new(Scope::Read.as_str(), "Read").text("See everything in the project."),
        RadioCard::new(Scope::Admin.as_str(), "Everything").text("Also make and revoke API keys."),
    ];
    let scopes = if may_manage { scopes } else { scopes.into_iter().skip(1).take(1).collect() };
    let usual = if may_manage { Scope::Write } else { Scope::Read };
    // As the terminal shows it, however it was typed.
    let code = StoredValue::new(code.parse::<UserCode>().map(|it| it.to_string()).unwrap_or(code));
    view! {
        <Card title="A machine asks to come in" text="Say yes only if you have started this yourself, and the terminal shows this very code.">
            <Facts>
                <Fact label="Code"><span class="mono">{code.get_value()}</span></Fact>
                <Fact label="Machine">{request.device_name}</Fact>
                <Fact label="Address">{request.device_ip.unwrap_or_else(|| "not known".to_owned())}</Fact>
                <Fact label="Asked"><RelativeTime at=request.created_at/></Fact>
            </Facts>
        </Card>
        <Outcome action=deny done="Refused"/>
        <Card>
            <ActionForm action=action>
                <FormBody problem=problem>
                    <Hidden name="code" value=code.get_value()/>
                    <Field name="env" label="Project" help="Its API key is of this project.">
                        <Select options=projects value=typed.text("env", first)/>
                    </Field>
                    <RadioCards name="scope" label="It may" options=scopes value=typed.text("scope", usual.as_str())/>
                    <FormActions>
                        <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Let it in"</Button>
                    </FormActions>
                </FormBody>
            </ActionForm>
        </Card>
        <ActionForm action=deny>
            <Hidden name="code" value=code.get_value()/>
            <Button submit=true icon=Icon::Ban pending=deny.pending()>"Refuse"</Button>
        </ActionForm>
    }
    .into_any()
}
