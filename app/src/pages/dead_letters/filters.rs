//! The filters of the dead letter queue, which live in its address.

use leptos::prelude::*;

use crate::{
    api::{
        dead_letters::DeadLetterQuery,
        events::RANGES,
        names::{Named, Names},
    },
    components::*,
    pages::project::use_project,
    paths,
};

#[component]
pub fn DeadLetterFilters(query: DeadLetterQuery, names: Names) -> impl IntoView {
    let env = use_project().id();
    let Names { destinations, .. } = names;
    let ranges = RANGES.iter().map(|(word, label, _)| Named { id: (*word).to_owned(), name: (*label).to_owned() });
    let connection = given(&env, "Connection", &query, |query| &mut query.connection);
    let issue = given(&env, "Issue", &query, |query| &mut query.issue);
    view! {
        <Chips label="Filters">
            <Choice label="Destination" query=query.clone() choices=destinations of=|query| &mut query.destination/>
            <Choice label="Received" query=query.clone() choices=ranges.collect() of=|query| &mut query.range/>
            {connection}
            {issue}
            {(!query.is_empty()).then(|| view! { <a class="chips-clear" href=paths::dead_letters(&env)>"Clear all"</a> })}
        </Chips>
    }
    .into_any()
}

/// A filter that came with the address, to be removed.
fn given(
    env: &str,
    label: &'static str,
    query: &DeadLetterQuery,
    of: fn(&mut DeadLetterQuery) -> &mut String,
) -> Option<impl IntoView + use<>> {
    let mut rest = query.clone();
    let value = std::mem::take(of(&mut rest));
    let clear = rest.list(env);
    (!value.is_empty()).then(|| {
        view! { <ChipMenu label=label value=shortened(&value) clear=clear><span></span></ChipMenu> }
    })
}

/// A filter by one of several values.
#[component]
fn Choice(
    label: &'static str,
    query: DeadLetterQuery,
    choices: Vec<Named>,
    of: fn(&mut DeadLetterQuery) -> &mut String,
) -> impl IntoView {
    let env = use_project().id();
    let mut current = query.clone();
    let value = std::mem::take(of(&mut current));
    let clear = current.list(&env);
    let chosen = choices.iter().find(|it| it.id == value).map(|it| it.name.clone());
    let chosen = chosen.or_else(|| (!value.is_empty()).then(|| shortened(&value)));
    let links: Vec<_> = choices
        .into_iter()
        .map(|it| {
            let active = it.id == value;
            let href = query.with(|query| *of(query) = it.id).list(&env);
            view! { <MenuLink href=href active=active>{it.name}</MenuLink> }
        })
        .collect();
    let links =
        if links.is_empty() { view! { <MenuLabel>"None yet"</MenuLabel> }.into_any() } else { links.into_any() };
    view! { <ChipMenu label=label value=chosen clear=clear>{links}</ChipMenu> }.into_any()
}
