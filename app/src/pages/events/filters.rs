//! The filters of the list, which live in its address.

use domain::event::EventStatus;
use leptos::prelude::*;

use super::event_status;
use crate::{
    api::{
        events::{EventQuery, RANGES},
        names::{Named, Names},
    },
    components::*,
    pages::{forms::Hidden, project::use_project},
    paths,
};

#[component]
pub fn EventFilters(
    query: EventQuery,
    names: Names,
    /// The types among the events that are shown.
    #[prop(into)]
    types: Signal<Vec<String>>,
) -> impl IntoView {
    let env = use_project().id();
    let statuses: Vec<_> = EventStatus::ALL.into_iter().map(|status| status_chip(&env, &query, status)).collect();
    let kept: Vec<_> = query
        .pairs()
        .into_iter()
        .filter(|(name, _)| *name != "q")
        .map(|(name, value)| view! { <Hidden name=name value=value/> })
        .collect();
    let connection = (!query.connection.is_empty()).then(|| {
        let clear = query.with(|query| query.connection.clear()).list(&env);
        let value = shortened(&query.connection);
        view! { <ChipMenu label="Connection" value=value clear=clear><span></span></ChipMenu> }
    });
    let search = query.q.clone();
    view! {
        <div class="event-filters">
            <SearchBox label="Search in body, headers and ids" value=search action=paths::events(&env)>{kept}</SearchBox>
            <Chips label="Filters">
                {statuses}
                <SourceMenu query=query.clone() sources=names.sources/>
                <TypeMenu query=query.clone() types=types/>
                <RangeMenu query=query.clone()/>
                {connection}
                {(!query.is_empty()).then(|| view! { <a class="chips-clear" href=paths::events(&env)>"Clear all"</a> })}
            </Chips>
        </div>
    }
    .into_any()
}

fn status_chip(env: &str, query: &EventQuery, status: EventStatus) -> impl IntoView + use<> {
    let active = query.status == status.as_str();
    let next = if active { "" } else { status.as_str() };
    let shown = event_status(status);
    let href = query.with(|query| next.clone_into(&mut query.status)).list(env);
    view! { <Chip href=href active=active tone=shown.tone()>{shown.word()}</Chip> }.into_any()
}

#[component]
fn SourceMenu(query: EventQuery, sources: Vec<Named>) -> impl IntoView {
    let chosen = sources.iter().find(|source| source.id == query.source).map(|source| source.name.clone());
    let choices = sources.into_iter().map(|source| (source.id, source.name)).collect::<Vec<_>>();
    view! { <FilterMenu label="Source" query=query chosen=chosen choices=choices set=|query, value| query.source = value/> }.into_any()
}

#[component]
fn TypeMenu(query: EventQuery, types: Signal<Vec<String>>) -> impl IntoView {
    let chosen = Some(query.event_type.clone()).filter(|word| !word.is_empty());
    let choices = Signal::derive(move || types.get().into_iter().map(|word| (word.clone(), word)).collect::<Vec<_>>());
    view! { <FilterMenu label="Type" query=query chosen=chosen choices=choices set=|query, value| query.event_type = value/> }.into_any()
}

#[component]
fn RangeMenu(query: EventQuery) -> impl IntoView {
    let chosen = RANGES.iter().find(|(word, ..)| *word == query.range).map(|(_, label, _)| (*label).to_owned());
    let choices = RANGES.iter().map(|(word, label, _)| ((*word).to_owned(), (*label).to_owned())).collect::<Vec<_>>();
    view! { <FilterMenu label="Received" query=query chosen=chosen choices=choices set=|query, value| query.range = value/> }.into_any()
}

/// A filter by one of several values: value and label.
#[component]
fn FilterMenu(
    label: &'static str,
    query: EventQuery,
    chosen: Option<String>,
    #[prop(into)] choices: Signal<Vec<(String, String)>>,
    set: fn(&mut EventQuery, String),
) -> impl IntoView {
    let env = use_project().id();
    let clear = query.with(|query| set(query, String::new())).list(&env);
    let links = {
        let chosen = chosen.clone();
        move || {
            let links = choices.get().into_iter().map(|(value, label)| {
                let active = chosen.as_ref() == Some(&label);
                let href = query.with(|query| set(query, value)).list(&env);
                view! { <MenuLink href=href active=active>{label}</MenuLink> }
            });
            let links: Vec<_> = links.collect();
            if links.is_empty() { view! { <MenuLabel>"None yet"</MenuLabel> }.into_any() } else { links.into_any() }
        }
    };
    view! { <ChipMenu label=label value=chosen clear=clear>{links}</ChipMenu> }.into_any()
}
