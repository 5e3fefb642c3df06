//! Events as rows, and as the narrow list beside the inspector.

use domain::event::EventSummary;
use leptos::prelude::*;

use super::{event_title, status_of};
use crate::{
    api::{events::EventQuery, names::Names},
    components::*,
    layout::PaneItem,
    pages::project::{Project, use_project},
};

/// A table of events. Rows keep their place in the document while others come.
#[component]
pub fn EventTable(
    #[prop(into)] events: Signal<Vec<EventSummary>>,
    names: StoredValue<Names>,
    /// The list that the rows belong to, which their links carry on.
    query: StoredValue<EventQuery>,
) -> impl IntoView {
    let project = use_project();
    let columns = vec![
        Column::new("Status").fit(),
        Column::new("Type").grow(),
        Column::new("Source").fit(),
        Column::new("Event").fit().wide_only(),
        Column::new("Size").fit().end().wide_only(),
        Column::new("Received").fit(),
    ];
    view! {
        <Table label="Events" columns=columns>
            <For each=move || events.get() key=|event| (event.id, event.status) let:event>
                {row(project, &event, names, query)}
            </For>
        </Table>
    }
    .into_any()
}

fn row(
    project: Project,
    event: &EventSummary,
    names: StoredValue<Names>,
    query: StoredValue<EventQuery>,
) -> impl IntoView + use<> {
    let href = query.with_value(|query| query.event(&project.id(), event.id));
    let source = names.with_value(|names| names.source(event.source_id));
    let (title, id) = (event_title(event), shortened(&event.id.to_string()));
    let (status, size, received_at) = (status_of(event), bytes(event.content_length), event.received_at);
    view! {
        <TableRow>
            <Cell label="Status" fit=true><StatusBadge status=status plain=true/></Cell>
            <Cell label="Type" lead=true grow=true>
                <RowLink href=href>{title}</RowLink>
            </Cell>
            <Cell label="Source" fit=true><span class="cell-name truncate">{source}</span></Cell>
            <Cell label="Event" fit=true wide_only=true mono=true>{id}</Cell>
            <Cell label="Size" end=true fit=true wide_only=true>{size}</Cell>
            <Cell label="Received" fit=true><RelativeTime at=received_at quiet=true/></Cell>
        </TableRow>
    }
    .into_any()
}

/// The narrow list beside the inspector; `current` is the id of the event that is open.
#[component]
pub fn EventLinks(
    #[prop(into)] events: Signal<Vec<EventSummary>>,
    names: StoredValue<Names>,
    query: StoredValue<EventQuery>,
    #[prop(into)] current: Signal<String>,
) -> impl IntoView {
    let project = use_project();
    view! {
        <For each=move || events.get() key=|event| (event.id, event.status) let:event>
            {link(project, &event, names, query, current)}
        </For>
    }
    .into_any()
}

fn link(
    project: Project,
    event: &EventSummary,
    names: StoredValue<Names>,
    query: StoredValue<EventQuery>,
    current: Signal<String>,
) -> impl IntoView + use<> {
    let href = query.with_value(|query| query.event(&project.id(), event.id));
    let source = names.with_value(|names| names.source(event.source_id));
    let id = event.id.to_string();
    let selected = Signal::derive(move || current.with(|current| *current == id));
    view! {
        <PaneItem
            href=href
            title=event_title(event)
            note=source
            at=event.received_at
            status=status_of(event)
            selected=selected
        />
    }
    .into_any()
}
