//! The start: it leads to the first project, or to the sign-in.

use domain::org::Viewer;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::Redirect;

use super::visitor::WithViewer;
use crate::{components::*, layout::ErrorPage, paths};

#[component]
pub fn HomePage() -> impl IntoView {
    view! {
        <Title text=""/>
        <WithViewer children={|viewer: Viewer| first_project(&viewer)}/>
    }
    .into_any()
}

fn first_project(viewer: &Viewer) -> AnyView {
    match viewer.projects.first() {
        Some(project) => view! { <Redirect path=paths::overview(project.id)/> }.into_any(),
        None => view! {
            <ErrorPage title="You belong to no organization" text="Ask an owner or admin of one to invite you, or make one of your own." icon=Icon::Box>
                <ButtonLink href=paths::NEW_ORGANIZATION kind=ButtonKind::Primary>"New organization"</ButtonLink>
            </ErrorPage>
        }
        .into_any(),
    }
}
