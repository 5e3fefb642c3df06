//! The list of events. It follows along as they come, as long as its first page is shown.

use std::collections::BTreeSet;

use domain::{event::EventSummary, page::Page, source::Source};
use leptos::{ev::MouseEvent, prelude::*, task::spawn_local};
use leptos_router::hooks::use_query_map;
use serde::{Deserialize, Serialize};

use super::{EventTable, FirstCommand, filters::EventFilters, use_event_query};
use crate::{
    api::{
        ApiError,
        events::{EventQuery, events},
        names::{Names, known_names},
        sources::newest_source,
    },
    components::*,
    pages::{
        counted,
        live::{use_changes, use_fresh, use_live},
        loaded::Loaded,
        project::use_project,
        replays::ReplayLink,
    },
    paths,
};

#[component]
pub fn EventsPage() -> impl IntoView {
    let project = use_project();
    let query = use_event_query();
    let params = use_query_map();
    let cursor = Memo::new(move |_| params.with(|params| params.get("cursor")));
    let page = Resource::new(
        move || (query.get(), cursor.get()),
        move |(query, cursor)| async move {
            let page = events(project.id(), query.clone(), cursor.clone()).await?;
            let asks_for_all = query.is_empty() && cursor.is_none();
            let newest = if page.data.is_empty() && asks_for_all { newest_source(project.id()).await? } else { None };
            Ok::<_, ApiError>(FirstPage { query, cursor, page, newest })
        },
    );
    let known = Resource::new(|| (), move |()| known_names(project.id()));
    view! {
        <PageHeader
            title="Events"
            subtitle="Every request to a source, newest first."
            actions=move || {
                view! {
                    {move || {
                        let EventQuery { source, connection, range, .. } = query.get();
                        let through = if connection.is_empty() { source } else { connection };
                        view! { <ReplayLink project=project through=through range=range/> }
                    }}
                }
            }
        />
        <Loaded
            load=move || async move { Ok((page.await?, known.await?)) }
            skeleton=|| view! { <SkeletonTable/> }
            children={|(first, names): (FirstPage, Names)| view! { <EventList first=first names=names/> }.into_any()}
        />
    }
    .into_any()
}

/// What the page begins with.
#[derive(Clone, Serialize, Deserialize)]
struct FirstPage {
    query: EventQuery,
    /// Where it begins, when that is not with the newest event.
    cursor: Option<String>,
    page: Page<EventSummary>,
    /// Where a first event can be sent, when there is none.
    newest: Option<Source>,
}

#[component]
fn EventList(first: FirstPage, names: Names) -> impl IntoView {
    let project = use_project();
    let FirstPage { query, cursor, page: first, newest: source } = first;
    let source = StoredValue::new(source);
    let env = project.id();
    let (here, unfiltered) = (query.list(&env), query.is_empty());
    let (asked, known) = (query.clone(), names.clone());
    let (query, names) = (StoredValue::new(query), StoredValue::new(names));
    let newest = {
        let cursor = cursor.clone();
        use_fresh(first, move || events(project.id(), query.get_value(), cursor.clone()))
    };
    // The pages after the first, once they were asked for.
    let further = RwSignal::new(None::<Page<EventSummary>>);
    let follows = Memo::new(move |_| cursor.is_none() && further.with(Option::is_none));
    let changes = use_changes(move || follows.get());
    newest.when(move || changes.get());

    let newest = newest.data();
    let shown = Signal::derive(move || {
        let mut events = newest.with(|page| page.data.clone());
        further.with(|further| events.extend(further.iter().flat_map(|page| page.data.clone())));
        events
    });
    let next = Memo::new(move |_| {
        further
            .with(|page| page.as_ref().map(|page| page.next_cursor.clone()))
            .unwrap_or_else(|| newest.with(|page| page.next_cursor.clone()))
    });
    let more = move |event: MouseEvent| {
        event.prevent_default();
        spawn_local(async move {
            let Ok(page) = events(project.id(), query.get_value(), next.get_untracked()).await else { return };
            further.update(|further| append(further, page));
        });
    };
    let types = Signal::derive(move || {
        let types: BTreeSet<String> =
            shown.with(|events| events.iter().filter_map(|event| event.event_type.clone()).collect());
        types.into_iter().collect::<Vec<_>>()
    });
    let none = Memo::new(move |_| shown.with(Vec::is_empty));
    let all = StoredValue::new(paths::events(&env));
    let next_page = {
        let here = here.clone();
        Signal::derive(move || paths::after(&here, next.get().as_deref()))
    };
    let counted = Signal::derive(move || counted(shown.with(Vec::len) as u64, "event"));
    view! {
        <EventFilters query=asked names=known types=types/>
        <LiveMark follows=follows newest=here/>
        {move || {
            if !none.get() {
                view! {
                    <Card flush=true>
                        <EventTable events=shown names=names query=query/>
                        <LoadMore href=next_page has_more=Signal::derive(move || next.get().is_some()) shown=counted on:click=more/>
                    </Card>
                }
                    .into_any()
            } else if unfiltered {
                view! { <Card><FirstCommand newest=source.get_value()/></Card> }.into_any()
            } else {
                view! { <Card><NothingMatches all=all.get_value()/></Card> }.into_any()
            }
        }}
    }
    .into_any()
}

fn append(further: &mut Option<Page<EventSummary>>, page: Page<EventSummary>) {
    match further {
        Some(further) => {
            further.data.extend(page.data);
            further.next_cursor = page.next_cursor;
            further.has_more = page.has_more;
        }
        None => *further = Some(page),
    }
}

/// Says whether the list moves along.
#[component]
fn LiveMark(follows: Memo<bool>, newest: String) -> impl IntoView {
    let live = use_live();
    view! {
        <p class="live-mark" data-on=move || (follows.get() && !live.is_lost()).then_some("true")>
            <span class="live-dot" aria-hidden="true"></span>
            {move || {
                if live.is_lost() {
                    "Not live: the connection to the server is lost".into_any()
                } else if follows.get() {
                    "Live: new events appear on top".into_any()
                } else {
                    view! { "Not live while you read further down. " <a href=newest.clone() rel="external">"Back to the newest"</a> }.into_any()
                }
            }}
        </p>
    }
    .into_any()
}

#[component]
fn NothingMatches(all: String) -> impl IntoView {
    view! {
        <EmptyState icon=Icon::ListFilter title="No event matches" text="No event of this project has all of these properties. Widen the range of time, or remove a filter.">
            <ButtonLink href=all>"Clear all filters"</ButtonLink>
        </EmptyState>
    }
    .into_any()
}
