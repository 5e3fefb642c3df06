//! The list of connections.

use domain::{connection::Connection, page::Page};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::{ConnectionTable, picture::Routes};
use crate::{
    api::{
        connections::connections,
        names::{Names, known_names},
        routes::{RoutePicture, draw_routes},
    },
    components::*,
    pages::{
        counted,
        loaded::Loaded,
        project::{Project, use_project},
    },
    paths,
};

#[component]
pub fn ConnectionsPage() -> impl IntoView {
    let project = use_project();
    let query = use_query_map();
    let page =
        Resource::new(move || query.with(|query| query.get("cursor")), move |cursor| connections(project.id(), cursor));
    let known = Resource::new(|| (), move |()| known_names(project.id()));
    let picture = Resource::new(|| (), move |()| draw_routes(project.id()));
    view! {
        <PageHeader
            title="Connections"
            subtitle="A connection leads the events of one source to one destination. A source may have many, and so may a destination."
            actions=move || view! { <NewConnection project=project/> }
        />
        <Loaded
            load=move || async move { Ok((page.await?, known.await?, picture.await?)) }
            skeleton=|| view! { <SkeletonTable/> }
            children={move |(page, names, picture): (Page<Connection>, Names, RoutePicture)| {
                if page.data.is_empty() {
                    return view! { <NoConnections project=project names=names/> }.into_any();
                }
                let shown = counted(page.data.len() as u64, "connection");
                let next = paths::after(&paths::connections(project.id()), page.next_cursor.as_deref());
                view! {
                    <Routes first=picture/>
                    <Card flush=true>
                        <ConnectionTable connections=page.data names=StoredValue::new(names)/>
                        <LoadMore href=next has_more=page.has_more shown=shown/>
                    </Card>
                }
                .into_any()
            }}
        />
    }
    .into_any()
}

#[component]
fn NewConnection(project: Project) -> impl IntoView {
    let may_write = project.may_write();
    move || {
        may_write.then(|| {
            view! {
                <ButtonLink href=paths::new_connection(project.id()) kind=ButtonKind::Primary icon=Icon::Plus>
                    "New connection"
                </ButtonLink>
            }
        })
    }
}

/// What is missing comes first: both ends have to exist.
#[component]
fn NoConnections(project: Project, names: Names) -> impl IntoView {
    let may_write = project.may_write();
    let (no_source, no_destination) = (names.sources.is_empty(), names.destinations.is_empty());
    let next = move || {
        let (env, primary) = (project.id(), ButtonKind::Primary);
        if no_source {
            view! { <ButtonLink href=paths::new_source(env) kind=primary icon=Icon::Plus>"New source"</ButtonLink> }
                .into_any()
        } else if no_destination {
            view! { <ButtonLink href=paths::new_destination(env) kind=primary icon=Icon::Plus>"New destination"</ButtonLink> }.into_any()
        } else {
            view! { <NewConnection project=project/> }.into_any()
        }
    };
    view! {
        <EmptyState
            icon=Icon::Cable
            title="No connection yet"
            text="Events are stored when they arrive, and go nowhere until a connection leads them on. It needs a source and a destination."
        >
            {move || may_write.then(next)}
        </EmptyState>
    }
    .into_any()
}
