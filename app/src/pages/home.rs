//! The start: it leads to the first project, or to the sign-in.

use domain::org::Viewer;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::Redirect;

use super::loaded::Loaded;
use crate::{api::account::current_viewer, components::*, layout::ErrorPage, paths};

#[component]
pub fn HomePage() -> impl IntoView {
    let visitor = Resource::new(|| (), |()| current_viewer());
    view! {
        <Title text=""/>
        <Loaded load=move || async move { visitor.await } children={|viewer: Viewer| first_project(&viewer)}/>
    }
}

fn first_project(viewer: &Viewer) -> AnyView {
    match viewer.projects.first() {
        Some(project) => view! { <Redirect path=paths::overview(project.id)/> }.into_any(),
        None => view! {
            <ErrorPage title="You have no project" text="Ask an owner or admin of your organization to make one." icon=Icon::Box/>
        }
        .into_any(),
    }
}
