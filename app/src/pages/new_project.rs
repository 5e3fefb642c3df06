//! A new project.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::{
    forms::{FormState, Hidden, use_form},
    project::FrameWithoutProject,
};
use crate::{api::projects::CreateProject, components::*, paths};

#[component]
pub fn NewProjectPage() -> impl IntoView {
    view! {
        <FrameWithoutProject>
            <NewProject/>
        </FrameWithoutProject>
    }
    .into_any()
}

#[component]
fn NewProject() -> impl IntoView {
    let org = use_query_map().with_untracked(|query| query.get("org").unwrap_or_default());
    let FormState { action, problem, typed } = use_form::<CreateProject>();
    let modes = vec![
        RadioCard::new("live", "Live").text("Real traffic. Its API keys begin with hs_live_.").icon(Icon::Radio),
        RadioCard::new("test", "Test")
            .text("For trying things out; marked everywhere. Its API keys begin with hs_test_.")
            .icon(Icon::FlaskConical),
    ];
    view! {
        <PageHeader
            title="New project"
            subtitle="Sources, destinations, connections, events and API keys belong to one project, and none of them is seen from another."
        />
        <Card>
            <ActionForm action=action>
                <FormBody problem=problem>
                    <Hidden name="org" value=org/>
                    <Field name="name" label="Name" help="Such as staging, or the name of a product." required=true>
                        <TextInput value=typed.text("name", "")/>
                    </Field>
                    <RadioCards name="mode" label="Mode" options=modes value=typed.text("mode", "test")/>
                    <FormActions>
                        <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Create project"</Button>
                        <ButtonLink href=paths::HOME kind=ButtonKind::Ghost>"Cancel"</ButtonLink>
                    </FormActions>
                </FormBody>
            </ActionForm>
        </Card>
    }
    .into_any()
}
