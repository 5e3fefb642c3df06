//! Changing a destination.

use domain::destination::Destination;
use leptos::prelude::*;

use super::fields::DestinationFields;
use crate::{
    api::destinations::{UpdateDestination, find_destination},
    components::*,
    pages::{
        forms::{FormState, Hidden, use_form},
        loaded::Loaded,
        project::{use_param, use_project},
    },
    paths,
};

#[component]
pub fn EditDestinationPage() -> impl IntoView {
    let project = use_project();
    let id = use_param("destination_id");
    let found = Resource::new(move || (project.id(), id.get()), |(env, id)| find_destination(env, id));
    view! {
        <Loaded
            load=move || async move { found.await }
            children={|destination: Destination| view! { <EditDestination destination=destination/> }.into_any()}
        />
    }
    .into_any()
}

#[component]
fn EditDestination(destination: Destination) -> impl IntoView {
    let project = use_project();
    let FormState { action, problem, typed } = use_form::<UpdateDestination>();
    let (env, id) = (project.id(), destination.id.to_string());
    let back = paths::destination(&env, &id);
    let crumbs =
        vec![Crumb::new("Destinations", paths::destinations(&env)), Crumb::new(destination.name.clone(), back.clone())];
    view! {
        <PageHeader title=format!("Edit {}", destination.name) crumbs=crumbs/>
        <ActionForm action=action>
            <FormBody problem=problem>
                <Hidden name="env" value=env/>
                <Hidden name="destination" value=id/>
                <DestinationFields kind=destination.config.kind() former=destination typed=typed/>
                <FormActions>
                    <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Save changes"</Button>
                    <ButtonLink href=back kind=ButtonKind::Ghost>"Cancel"</ButtonLink>
                </FormActions>
            </FormBody>
        </ActionForm>
    }
    .into_any()
}
