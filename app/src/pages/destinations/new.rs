//! A new destination: first the gallery of types, then the form.

use domain::destination::DestinationType;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::{fields::DestinationFields, icon_of};
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
    let chosen = use_query_map();
    let chosen = Memo::new(move |_| {
        chosen.with(|query| query.get("type").and_then(|word| word.parse::<DestinationType>().ok()))
    });
    move || match chosen.get() {
        None => view! { <TypeGallery/> }.into_any(),
        Some(kind) => view! { <NewDestination kind=kind/> }.into_any(),
    }
}

#[component]
fn TypeGallery() -> impl IntoView {
    let project = use_project();
    let cards: Vec<_> = DestinationType::ALL
        .into_iter()
        .map(|kind| {
            let href = paths::new_destination_of(project.id(), kind.as_str());
            view! { <GalleryCard href=href icon=icon_of(kind) title=kind.label() text=kind.summary()/> }
        })
        .collect();
    view! {
        <PageHeader
            title="New destination"
            subtitle="Where are the events to go?"
            crumbs=vec![Crumb::new("Destinations", paths::destinations(project.id()))]
        />
        <ul class="gallery">{cards}</ul>
    }
    .into_any()
}

#[component]
fn NewDestination(kind: DestinationType) -> impl IntoView {
    let project = use_project();
    let FormState { action, problem, typed } = use_form::<CreateDestination>();
    let gallery = paths::new_destination(project.id());
    let crumbs = vec![
        Crumb::new("Destinations", paths::destinations(project.id())),
        Crumb::new("New destination", gallery.clone()),
    ];
    view! {
        <PageHeader title=format!("New {} destination", kind.label()) crumbs=crumbs/>
        <ActionForm action=action>
            <FormBody problem=problem>
                <Hidden name="env" value=project.id()/>
                <DestinationFields kind=kind typed=typed/>
                <FormActions>
                    <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Create destination"</Button>
                    <ButtonLink href=gallery kind=ButtonKind::Ghost>"Back"</ButtonLink>
                </FormActions>
            </FormBody>
        </ActionForm>
    }
    .into_any()
}
