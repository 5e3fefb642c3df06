//! The page of the dead letter queue.

use domain::bulk::BulkOperation;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use serde::{Deserialize, Serialize};

use super::{BulkOutcome, DeadLetterSelection, Operations, filters::DeadLetterFilters};
use crate::{
    api::{
        ApiError,
        dead_letters::{ChangeDeadLetters, DeadLetterPage, DeadLetterQuery, dead_letters, recent_operations},
        names::{Names, known_names},
    },
    components::*,
    pages::{
        forms::use_action,
        live::{use_changes, use_fresh},
        loaded::Loaded,
        project::use_project,
    },
};

/// What the page begins with.
#[derive(Clone, Serialize, Deserialize)]
struct FirstPage {
    query: DeadLetterQuery,
    /// Where it begins, when that is not with the newest.
    cursor: Option<String>,
    letters: DeadLetterPage,
    operations: Vec<BulkOperation>,
}

#[component]
pub fn DeadLettersPage() -> impl IntoView {
    let project = use_project();
    let params = use_query_map();
    let query = Memo::new(move |_| params.with(DeadLetterQuery::from_params));
    let cursor = Memo::new(move |_| params.with(|params| params.get("cursor")));
    let page = Resource::new(
        move || (query.get(), cursor.get()),
        move |(query, cursor)| async move {
            let letters = dead_letters(project.id(), query.clone(), cursor.clone()).await?;
            let operations = recent_operations(project.id(), String::new()).await?;
            Ok::<_, ApiError>(FirstPage { query, cursor, letters, operations })
        },
    );
    let known = Resource::new(|| (), move |()| known_names(project.id()));
    view! {
        <PageHeader title="Dead letters" subtitle="Deliveries that are out of attempts. Nothing more happens to them by itself."/>
        <Loaded
            load=move || async move { Ok((page.await?, known.await?)) }
            skeleton=|| view! { <SkeletonTable/> }
            children={|(first, names): (FirstPage, Names)| view! { <Queue first=first names=names/> }.into_any()}
        />
    }
    .into_any()
}

#[component]
fn Queue(first: FirstPage, names: Names) -> impl IntoView {
    let project = use_project();
    let FirstPage { query, cursor, letters, operations } = first;
    let asked = query.clone();
    let query = StoredValue::new(query);
    let is_first = cursor.is_none();
    let action = use_action::<ChangeDeadLetters>();
    let letters = use_fresh(letters, move || dead_letters(project.id(), query.get_value(), cursor.clone()));
    let operations = use_fresh(operations, move || recent_operations(project.id(), String::new()));
    let changes = use_changes(|| true);
    letters.when(move || if is_first { changes.get() } else { 0 });
    letters.after(action);
    operations.when(move || changes.get());
    view! {
        <BulkOutcome action=action/>
        <DeadLetterFilters query=asked names=names.clone()/>
        <Operations operations=operations.data()/>
        <DeadLetterSelection letters=letters.data() names=StoredValue::new(names) query=query action=action/>
    }
    .into_any()
}
