//! The list of issues, those first that failed last.

use domain::{issue::Issue, page::Page};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use serde::{Deserialize, Serialize};

use super::IssueTable;
use crate::{
    api::{
        ApiError,
        issues::{IssueQuery, issues},
        names::{Named, Names, known_names},
    },
    components::*,
    pages::{
        counted,
        live::{use_changes, use_fresh},
        loaded::Loaded,
        project::use_project,
    },
    paths,
};

/// What the page begins with.
#[derive(Clone, Serialize, Deserialize)]
struct FirstPage {
    query: IssueQuery,
    /// Where it begins, when that is not with the first.
    cursor: Option<String>,
    page: Page<Issue>,
}

#[component]
pub fn IssuesPage() -> impl IntoView {
    let project = use_project();
    let params = use_query_map();
    let query = Memo::new(move |_| params.with(IssueQuery::from_params));
    let cursor = Memo::new(move |_| params.with(|params| params.get("cursor")));
    let page = Resource::new(
        move || (query.get(), cursor.get()),
        move |(query, cursor)| async move {
            let page = issues(project.id(), query.clone(), cursor.clone()).await?;
            Ok::<_, ApiError>(FirstPage { query, cursor, page })
        },
    );
    let known = Resource::new(|| (), move |()| known_names(project.id()));
    view! {
        <PageHeader title="Issues" subtitle="What fails, folded by destination and cause."/>
        <Loaded
            load=move || async move { Ok((page.await?, known.await?)) }
            skeleton=|| view! { <SkeletonTable/> }
            children={|(first, names): (FirstPage, Names)| view! { <IssueList first=first names=names/> }.into_any()}
        />
    }
    .into_any()
}

#[component]
fn IssueList(first: FirstPage, names: Names) -> impl IntoView {
    let project = use_project();
    let env = project.id();
    let FirstPage { query, cursor, page: first } = first;
    let (here, asked) = (query.list(&env), query.clone());
    let query = StoredValue::new(query);
    let is_first = cursor.is_none();
    let fresh = use_fresh(first, move || issues(project.id(), query.get_value(), cursor.clone()));
    let changes = use_changes(move || is_first);
    fresh.when(move || changes.get());
    let shown = Signal::derive(move || fresh.data().with(|page| page.data.clone()));
    let none = Memo::new(move |_| shown.with(Vec::is_empty));
    let next = Memo::new(move |_| fresh.data().with(|page| page.next_cursor.clone()));
    let next_page = Signal::derive(move || paths::after(&here, next.get().as_deref()));
    let counted = Signal::derive(move || counted(shown.with(Vec::len) as u64, "issue"));
    view! {
        <IssueFilters query=asked destinations=names.destinations/>
        {move || {
            if none.get() {
                view! { <Card><NoIssue query=query.get_value()/></Card> }.into_any()
            } else {
                view! {
                    <Card flush=true>
                        <IssueTable issues=shown/>
                        <LoadMore href=next_page has_more=Signal::derive(move || next.get().is_some()) shown=counted/>
                    </Card>
                }
                    .into_any()
            }
        }}
    }
    .into_any()
}

/// The states that a list can be held to: word, state.
const STATES: [(&str, Status); 4] = [
    ("open", Status::Open),
    ("acknowledged", Status::Acknowledged),
    ("snoozed", Status::Snoozed),
    ("resolved", Status::Resolved),
];

#[component]
fn IssueFilters(query: IssueQuery, destinations: Vec<Named>) -> impl IntoView {
    let env = use_project().id();
    let states: Vec<_> = STATES
        .into_iter()
        .map(|(word, status)| {
            let active = query.state == word;
            let next = if active { "" } else { word };
            let href = query.with(|query| next.clone_into(&mut query.state)).list(&env);
            view! { <Chip href=href active=active tone=status.tone()>{status.word()}</Chip> }
        })
        .collect();
    let chosen = destinations.iter().find(|it| it.id == query.destination).map(|it| it.name.clone());
    // What is filtered by and has no name any more can still be removed.
    let chosen = chosen.or_else(|| (!query.destination.is_empty()).then(|| shortened(&query.destination)));
    let clear = query.with(|query| query.destination.clear()).list(&env);
    let links: Vec<_> = destinations
        .into_iter()
        .map(|it| {
            let active = it.id == query.destination;
            let href = query.with(|query| query.destination = it.id).list(&env);
            view! { <MenuLink href=href active=active>{it.name}</MenuLink> }
        })
        .collect();
    let links =
        if links.is_empty() { view! { <MenuLabel>"None yet"</MenuLabel> }.into_any() } else { links.into_any() };
    view! {
        <Chips label="Filters">
            {states}
            <ChipMenu label="Destination" value=chosen clear=clear>{links}</ChipMenu>
            {(!query.is_empty()).then(|| view! { <a class="chips-clear" href=paths::issues(&env)>"Clear all"</a> })}
        </Chips>
    }
    .into_any()
}

#[component]
fn NoIssue(query: IssueQuery) -> impl IntoView {
    let env = use_project().id();
    if query.is_empty() {
        return view! {
            <EmptyState
                icon=Icon::CircleCheck
                title="Nothing fails"
                text="When a delivery is out of attempts, it opens an issue of its destination and cause, or feeds the one there is. An issue resolves by itself after 30 quiet minutes of success."
            >
                <ButtonLink href=paths::events(&env)>"See the events"</ButtonLink>
            </EmptyState>
        }
        .into_any();
    }
    view! {
        <EmptyState icon=Icon::ListFilter title="No issue matches" text="No issue of this project has all of these properties.">
            <ButtonLink href=paths::issues(&env)>"Clear all filters"</ButtonLink>
        </EmptyState>
    }
    .into_any()
}
