//! Dead letters as rows that can be selected, and what is done to those selected or to all that match.

use std::collections::BTreeSet;

use domain::delivery::Delivery;
use leptos::prelude::*;

use crate::{
    api::{
        dead_letters::{COUNTED, ChangeDeadLetters, DeadLetterPage, DeadLetterQuery},
        names::Names,
    },
    browser,
    components::*,
    pages::{
        forms::Hidden,
        project::{Project, use_project},
    },
    paths,
};

/// The dialogs that ask first.
const PURGE_ALL: &str = "purge-all";
const PURGE_SELECTED: &str = "purge-selected";

/// Dead letters that are looked through and worked off.
#[component]
pub fn DeadLetterSelection(
    #[prop(optional, into)] title: MaybeProp<String>,
    letters: RwSignal<DeadLetterPage>,
    names: StoredValue<Names>,
    query: StoredValue<DeadLetterQuery>,
    action: ServerAction<ChangeDeadLetters>,
    /// On the page of an issue, where all are of one destination.
    #[prop(optional)]
    of_issue: bool,
) -> impl IntoView {
    let project = use_project();
    let may_write = project.may_write();
    let selected = RwSignal::new(BTreeSet::<String>::new());
    let deliveries = Signal::derive(move || letters.with(|letters| letters.page.data.clone()));
    let none = Memo::new(move |_| letters.with(|letters| letters.page.data.is_empty()));
    let next = Memo::new(move |_| letters.with(|letters| letters.page.next_cursor.clone()));
    let next_page = Signal::derive(move || {
        paths::after(&query.with_value(|query| query.list(&project.id())), next.get().as_deref())
    });
    // What has left the list is no longer selected.
    let count = Memo::new(move |_| {
        deliveries
            .with(|all| selected.with(|selected| all.iter().filter(|it| selected.contains(&it.id.to_string())).count()))
    });
    Effect::new(move |_| {
        let answer = action.value().with(|value| value.as_ref().map(Result::is_ok));
        if answer.is_some() {
            for dialog in [PURGE_ALL, PURGE_SELECTED] {
                browser::close_dialog(dialog);
            }
        }
        if answer == Some(true) {
            selected.update(BTreeSet::clear);
        }
    });
    let shown = Signal::derive(move || matching_words(letters.with(|letters| letters.matching)));
    let rows = move || {
        view! {
            <Toolbar letters=letters query=query action=action selected=selected deliveries=deliveries/>
            <ActionForm action=action>
                <Hidden name="env" value=project.id()/>
                <LetterTable deliveries=deliveries names=names selected=selected may_write=may_write of_issue=of_issue/>
                {may_write.then(|| view! { <SelectedActions count=count action=action/> })}
            </ActionForm>
            <LoadMore href=next_page has_more=Signal::derive(move || next.get().is_some()) shown=shown/>
        }
    };
    view! {
        <div class="dead-letters">
            {move || {
                if none.get() {
                    view! { <Card title=title><NoLetter query=query of_issue=of_issue/></Card> }.into_any()
                } else {
                    view! { <Card title=title flush=true>{rows()}</Card> }.into_any()
                }
            }}
        </div>
    }
    .into_any()
}

/// `1 delivery matches`, `More than 10,000 deliveries match`.
fn matching_words(matching: u32) -> String {
    match matching {
        1 => "1 delivery matches".to_owned(),
        matching if matching > COUNTED => format!("More than {} deliveries match", count(COUNTED.into())),
        matching => format!("{} deliveries match", count(matching.into())),
    }
}

/// What can be done to all that match, and the box that selects those that are shown.
#[component]
fn Toolbar(
    letters: RwSignal<DeadLetterPage>,
    query: StoredValue<DeadLetterQuery>,
    action: ServerAction<ChangeDeadLetters>,
    selected: RwSignal<BTreeSet<String>>,
    deliveries: Signal<Vec<Delivery>>,
) -> impl IntoView {
    let project = use_project();
    let may_write = project.may_write();
    let matching = Memo::new(move |_| letters.with(|letters| letters.matching));
    // Without a script nothing would come of it.
    let has_script = RwSignal::new(false);
    Effect::new(move |_| has_script.set(true));
    let all_shown = move || {
        deliveries.with(|all| selected.with(|selected| all.iter().all(|it| selected.contains(&it.id.to_string()))))
    };
    let filter = move || {
        let fields: Vec<_> = query.with_value(|query| {
            query
                .pairs()
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| view! { <Hidden name=name value=value.to_owned()/> })
                .collect()
        });
        fields
    };
    may_write.then(|| {
        view! {
            <div class="dead-letters-bar">
                {move || {
                    has_script
                        .get()
                        .then(|| {
                            view! {
                                <label class="select-shown">
                                    <input
                                        type="checkbox"
                                        prop:checked=all_shown
                                        on:change:target=move |event| {
                                            let is_on = event.target().checked();
                                            let all = deliveries.with_untracked(|all| all.iter().map(|it| it.id.to_string()).collect());
                                            selected.set(if is_on { all } else { BTreeSet::new() });
                                        }
                                    />
                                    "Select those shown"
                                </label>
                            }
                        })
                }}
                <span class="dead-letters-matching num">{move || matching_words(matching.get())}</span>
                <ActionForm action=action>
                    <Hidden name="env" value=project.id()/>
                    <Hidden name="all" value="true".to_owned()/>
                    {filter()}
                    <div class="row">
                        <Button submit=true name="kind" value="retry" size=ButtonSize::Small icon=Icon::RotateCcw pending=action.pending()>
                            "Retry all"
                        </Button>
                        <Confirm
                            id=PURGE_ALL
                            trigger="Purge all"
                            title="Purge all that match?"
                            action="Purge all"
                            name="kind"
                            value="purge"
                            size=ButtonSize::Small
                            pending=action.pending()
                        >
                            <p>{move || matching_words(matching.get())} ", and what comes in until it is done may stay."</p>
                            <p>"They leave the dead letter queue for good and stay failed. Nothing of their events is deleted."</p>
                        </Confirm>
                    </div>
                </ActionForm>
            </div>
        }
    })
}

#[component]
fn SelectedActions(count: Memo<usize>, action: ServerAction<ChangeDeadLetters>) -> impl IntoView {
    view! {
        <BulkBar count=Signal::derive(move || Some(count.get()).filter(|count| *count > 0))>
            <Button submit=true name="kind" value="retry" size=ButtonSize::Small icon=Icon::RotateCcw pending=action.pending()>"Retry"</Button>
            <Confirm
                id=PURGE_SELECTED
                trigger="Purge"
                title="Purge those selected?"
                action="Purge"
                name="kind"
                value="purge"
                size=ButtonSize::Small
                pending=action.pending()
            >
                <p>"They leave the dead letter queue for good and stay failed. Nothing of their events is deleted."</p>
            </Confirm>
        </BulkBar>
    }
    .into_any()
}

#[component]
fn LetterTable(
    deliveries: Signal<Vec<Delivery>>,
    names: StoredValue<Names>,
    selected: RwSignal<BTreeSet<String>>,
    may_write: bool,
    of_issue: bool,
) -> impl IntoView {
    let project = use_project();
    let mut columns = Vec::new();
    if may_write {
        columns.push(Column::new("Select").fit().unlabelled());
    }
    columns.push(Column::new("Event").fit());
    if !of_issue {
        columns.push(Column::new("Destination").fit());
    }
    columns.extend([
        Column::new("Last error").grow(),
        Column::new("Attempts").fit().end().wide_only(),
        Column::new("Given up").fit(),
    ]);
    view! {
        <Table label="Dead letters" columns=columns>
            <For each=move || deliveries.get() key=|delivery| (delivery.id, delivery.attempt_count) let:delivery>
                {letter_row(project, delivery, names, selected, may_write, of_issue)}
            </For>
        </Table>
    }
    .into_any()
}

fn letter_row(
    project: Project,
    delivery: Delivery,
    names: StoredValue<Names>,
    selected: RwSignal<BTreeSet<String>>,
    may_write: bool,
    of_issue: bool,
) -> impl IntoView {
    let event = delivery.event_id.to_string();
    let id = delivery.id.to_string();
    let label = format!("Select the delivery of {}", shortened(&event));
    let destination = names.with_value(|names| names.destination(delivery.destination_id));
    view! {
        <TableRow>
            {may_write
                .then(|| view! { <Cell label="Select" fit=true><RowCheck name="ids[]" value=id label=label among=selected/></Cell> })}
            <Cell label="Event" fit=true mono=true lead=true>
                <RowLink href=paths::event(project.id(), &event)>{shortened(&event)}</RowLink>
            </Cell>
            {(!of_issue)
                .then(|| view! { <Cell label="Destination" fit=true><span class="cell-name truncate">{destination}</span></Cell> })}
            <Cell label="Last error" grow=true>{delivery.last_error.unwrap_or_default()}</Cell>
            <Cell label="Attempts" end=true fit=true wide_only=true>{delivery.attempt_count}</Cell>
            <Cell label="Given up" fit=true><RelativeTime at=delivery.updated_at quiet=true/></Cell>
        </TableRow>
    }
    .into_any()
}

#[component]
fn NoLetter(query: StoredValue<DeadLetterQuery>, of_issue: bool) -> impl IntoView {
    let env = use_project().id();
    if of_issue {
        return view! {
            <p class="card-note">"Nothing of it is in the dead letter queue any more. The issue resolves by itself after 30 quiet minutes of success, or by hand."</p>
        }
        .into_any();
    }
    if query.with_value(DeadLetterQuery::is_empty) {
        return view! {
            <EmptyState
                icon=Icon::Box
                title="No dead letters"
                text="A delivery that is out of attempts waits here until it is tried again or purged. Its event stays as it is, and its failures are folded into an issue."
            >
                <ButtonLink href=paths::issues(&env)>"See the issues"</ButtonLink>
            </EmptyState>
        }
        .into_any();
    }
    view! {
        <EmptyState icon=Icon::ListFilter title="No dead letter matches" text="No delivery in the queue has all of these properties.">
            <ButtonLink href=paths::dead_letters(&env)>"Clear all filters"</ButtonLink>
        </EmptyState>
    }
    .into_any()
}
