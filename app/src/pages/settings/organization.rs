//! The organization: its name, leaving it, its end, and the way to another.

use domain::permission::Permission;
use leptos::prelude::*;

use super::SettingsHeader;
use crate::{
    api::{
        organizations::{DeleteOrganization, RenameOrganization},
        team::LeaveOrganization,
    },
    components::*,
    pages::{
        forms::{ConfirmDelete, FormState, Hidden, Outcome, say_when_done, use_action, use_form},
        project::{use_project, use_viewer},
    },
    paths,
};

#[component]
pub fn OrganizationPage() -> impl IntoView {
    let project = use_project();
    let viewer = use_viewer();
    let name = Signal::derive(move || {
        viewer.data().with(|viewer| {
            let of_project = |org: &&domain::org::Membership| org.org_id.to_string() == project.org();
            viewer.memberships.iter().find(of_project).map(|org| org.org_name.clone()).unwrap_or_default()
        })
    });
    let owns = project.may(Permission::ManageOrganization);
    view! {
        <SettingsHeader current="organization"/>
        <Card title="Organization">
            <Facts>
                <Fact label="Name">{move || name.get()}</Fact>
                <Fact label="Your role">{project.role().as_str()}</Fact>
                <Fact label="Id"><Id value=project.org()/></Fact>
            </Facts>
        </Card>
        {move || owns.then(|| view! { <Rename name=untrack(move || name.get())/> })}
        <Card title="Another organization" text="With projects, members and an audit log of its own. You can belong to several, and switch between their projects in the sidebar.">
            <ButtonLink href=paths::NEW_ORGANIZATION icon=Icon::Plus>"New organization"</ButtonLink>
        </Card>
        <Leave name=name/>
        {move || owns.then(|| view! { <Delete name=name/> })}
    }
    .into_any()
}

#[component]
fn Rename(name: String) -> impl IntoView {
    let project = use_project();
    let FormState { action, problem, typed } = use_form::<RenameOrganization>();
    use_viewer().after(action);
    say_when_done(action, "Organization renamed");
    view! {
        <Card title="Rename">
            <ActionForm action=action>
                <FormBody problem=problem>
                    <Hidden name="org" value=project.org()/>
                    <Field name="organization" label="Name" required=true>
                        <TextInput value=typed.text("organization", name)/>
                    </Field>
                    <FormActions>
                        <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Rename organization"</Button>
                    </FormActions>
                </FormBody>
            </ActionForm>
        </Card>
    }
    .into_any()
}

#[component]
fn Leave(name: Signal<String>) -> impl IntoView {
    let project = use_project();
    let action = use_action::<LeaveOrganization>();
    view! {
        <Card title="Leave" text="You see nothing of the organization any more, until somebody invites you again. The last owner cannot leave.">
            <Outcome action=action done="You have left the organization"/>
            <ActionForm action=action>
                <Confirm
                    id="leave-organization"
                    trigger="Leave organization"
                    title=Signal::derive(move || format!("Leave {}?", name.get()))
                    action="Leave organization"
                    icon=Icon::LogOut
                    kind=ButtonKind::Secondary
                    pending=action.pending()
                >
                    <Hidden name="org" value=project.org()/>
                    <p>"Its projects are closed to you from now on."</p>
                </Confirm>
            </ActionForm>
        </Card>
    }
    .into_any()
}

#[component]
fn Delete(name: Signal<String>) -> impl IntoView {
    let project = use_project();
    let action = use_action::<DeleteOrganization>();
    view! {
        <Card title="Delete this organization" text="With all its projects, members, invitations and its audit log.">
            <Outcome action=action done="Organization deleted"/>
            <ActionForm action=action>
                <ConfirmDelete action=action thing="organization" name=name>
                    <Hidden name="org" value=project.org()/>
                    <p>"All its projects end at once and cannot be brought back: their URLs stop answering, their API keys stop working, and nobody belongs to it any more. What they hold is removed in the background."</p>
                </ConfirmDelete>
            </ActionForm>
        </Card>
    }
    .into_any()
}
