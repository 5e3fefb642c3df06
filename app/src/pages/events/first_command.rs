//! What is missing before a first event can come: a source, or the command that sends to it.

use domain::source::Source;
use leptos::prelude::*;

use crate::{
    components::*,
    pages::{project::use_project, sources::example_command},
    paths,
};

/// Waits for the first event, with a command that sends one to the newest source.
#[component]
pub fn FirstCommand(newest: Option<Source>) -> impl IntoView {
    match newest {
        Some(source) => {
            let text = format!("Waiting for the first event of {}", source.name);
            view! { <Waiting text=text hint="Send one with this command." command=example_command(&source)/> }
                .into_any()
        }
        None => view! { <NoSource/> }.into_any(),
    }
}

#[component]
fn NoSource() -> impl IntoView {
    let project = use_project();
    let next = project.may_write().then(|| {
        let href = paths::new_source(project.id());
        view! { <ButtonLink href=href kind=ButtonKind::Primary icon=Icon::Plus>"New source"</ButtonLink> }
    });
    view! {
        <EmptyState
            icon=Icon::Activity
            title="No event yet"
            text="An event is one request to a source. Make a source first; it has a URL to post to."
        >
            {next}
        </EmptyState>
    }
    .into_any()
}
