//! A new destination.

use leptos::prelude::*;

use super::fields::DestinationFields;
use crate::{
    api::destinations::CreateDestination,
    components::*,
    pages::{
        forms::{FormState, Hidden, use_form},
        project::use_project,
    },
    paths,
};

#[component]
pub fn NewDestinationPage() -> impl IntoView {
    let project = use_project();
    let FormState { action, problem, typed } = use_form::<CreateDestination>();
    let list = paths::destinations(project.id());
    view! {
        <PageHeader title="New destination" crumbs=vec![Crumb::new("Destinations", list.clone())]/>
        <ActionForm action=action>
            <FormBody problem=problem>
                <Hidden name="env" value=project.id()/>
                <DestinationFields typed=typed/>
                <FormActions>
                    <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Create destination"</Button>
                    <ButtonLink href=list kind=ButtonKind::Ghost>"Cancel"</ButtonLink>
                </FormActions>
            </FormBody>
        </ActionForm>
    }
    .into_any()
}
