//! The project's name, how long it keeps its events, and its end.

use domain::{
    permission::Permission,
    project::{Environment, RetentionDays},
};
use leptos::prelude::*;

use super::SettingsHeader;
use crate::{
    api::projects::{DeleteProject, SetRetention, UpdateProject},
    components::*,
    pages::{
        forms::{ConfirmDelete, FormState, Hidden, Outcome, say_when_done, use_action, use_form},
        project::{use_project, use_viewer},
    },
};

#[component]
pub fn SettingsPage() -> impl IntoView {
    let project = use_project();
    let viewer = use_viewer();
    let manages = project.may(Permission::ManageProjects);
    view! {
        <SettingsHeader current="project"/>
        {move || project.environment(viewer).map(|environment| view! { <AboutProject environment=environment/> })}
        {move || {
            manages.then(|| {
                view! {
                    <RenameProject/>
                    <RetentionCard/>
                    <DeleteProjectCard/>
                }
            })
        }}
    }
    .into_any()
}

#[component]
fn AboutProject(environment: Environment) -> impl IntoView {
    view! {
        <Card title="Project">
            <Facts>
                <Fact label="Name">{environment.name}</Fact>
                <Fact label="Mode">{environment.mode.as_str()}</Fact>
                <Fact label="Events kept">{days(environment.retention_days)}</Fact>
                <Fact label="Slug"><span class="mono">{environment.slug}</span></Fact>
                <Fact label="Id"><Id value=environment.id.to_string()/></Fact>
                <Fact label="Created"><RelativeTime at=environment.created_at/></Fact>
            </Facts>
        </Card>
    }
    .into_any()
}

#[component]
fn RenameProject() -> impl IntoView {
    let project = use_project();
    let FormState { action, problem, typed } = use_form::<UpdateProject>();
    let viewer = use_viewer();
    viewer.after(action);
    say_when_done(action, "Project renamed");
    let name = untrack(|| project.environment(viewer)).map(|environment| environment.name).unwrap_or_default();
    view! {
        <Card title="Rename">
            <ActionForm action=action>
                <FormBody problem=problem>
                    <Hidden name="env" value=project.id()/>
                    <Field name="name" label="Name" required=true>
                        <TextInput value=typed.text("name", name)/>
                    </Field>
                    <FormActions>
                        <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Rename project"</Button>
                    </FormActions>
                </FormBody>
            </ActionForm>
        </Card>
    }
    .into_any()
}

#[component]
fn RetentionCard() -> impl IntoView {
    let project = use_project();
    let FormState { action, problem, typed } = use_form::<SetRetention>();
    let viewer = use_viewer();
    viewer.after(action);
    say_when_done(action, "Retention changed");
    let kept = untrack(|| project.environment(viewer)).map(|environment| environment.retention_days);
    let kept = typed.number("retention_days", kept.unwrap_or_default().days().to_string());
    view! {
        <Card
            title="Retention"
            text="Older events are deleted for good, with their bodies, deliveries and attempts; one that still has a delivery to make stays until that has ended. Counts of events received stay as they are."
        >
            <ActionForm action=action>
                <FormBody problem=problem>
                    <Hidden name="env" value=project.id()/>
                    <Field
                        name="retention_days"
                        label="Keep events for"
                        help="1 to 365 days. A shorter time deletes what is older within minutes."
                        required=true
                    >
                        <NumberInput value=kept min=RetentionDays::MIN max=RetentionDays::MAX unit="days"/>
                    </Field>
                    <FormActions>
                        <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Change retention"</Button>
                    </FormActions>
                </FormBody>
            </ActionForm>
        </Card>
    }
    .into_any()
}

fn days(retention: RetentionDays) -> String {
    match retention.days() {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

#[component]
fn DeleteProjectCard() -> impl IntoView {
    let project = use_project();
    let viewer = use_viewer();
    let action = use_action::<DeleteProject>();
    let name =
        Signal::derive(move || project.environment(viewer).map(|environment| environment.name).unwrap_or_default());
    view! {
        <Card title="Delete this project" text="With its sources, destinations, connections, events and API keys. The last project of an organization cannot be deleted.">
            <Outcome action=action done="Project deleted"/>
            <ActionForm action=action>
                <ConfirmDelete action=action thing="project" name=name>
                    <Hidden name="env" value=project.id()/>
                    <p>"Everything in it ends at once and cannot be brought back: its URLs stop answering, and its API keys stop working."</p>
                </ConfirmDelete>
            </ActionForm>
        </Card>
    }
    .into_any()
}
