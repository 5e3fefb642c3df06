//! The newest deliveries to a destination.

use domain::{delivery::Delivery, page::Page};
use leptos::prelude::*;

use crate::{
    api::destinations::destination_deliveries,
    components::*,
    pages::{
        live::{use_changes, use_fresh},
        project::{Project, use_project},
    },
    paths,
};

#[component]
pub fn DestinationDeliveries(destination: String, recent: Page<Delivery>) -> impl IntoView {
    let project = use_project();
    let fresh = use_fresh(recent, move || destination_deliveries(project.id(), destination.clone(), None));
    let changes = use_changes(project, || true);
    fresh.when(move || changes.get());
    let deliveries = Signal::derive(move || fresh.data().with(|page| page.data.clone()));
    let none = Memo::new(move |_| fresh.data().with(|page| page.data.is_empty()));
    view! {
        <Card title="Recent deliveries" flush=true>
            {move || {
                if none.get() {
                    view! { <Waiting text="Waiting for the first delivery" hint="It comes with the next event of a connected source."/> }.into_any()
                } else {
                    view! { <DeliveryTable project=project deliveries=deliveries/> }.into_any()
                }
            }}
        </Card>
    }
}

#[component]
fn DeliveryTable(project: Project, deliveries: Signal<Vec<Delivery>>) -> impl IntoView {
    let columns = vec![
        Column::new("Status").fit(),
        Column::new("Event").fit(),
        Column::new("Attempts").fit().end(),
        Column::new("Outcome").grow(),
        Column::new("Changed").fit(),
    ];
    view! {
        <Table label="Recent deliveries" columns=columns>
            <For
                each=move || deliveries.get()
                key=|delivery| (delivery.id, delivery.status, delivery.attempt_count, delivery.next_attempt_at)
                let:delivery
            >
                {delivery_row(project, delivery)}
            </For>
        </Table>
    }
}

fn delivery_row(project: Project, delivery: Delivery) -> impl IntoView {
    let status = Status::from(delivery.status);
    let event = delivery.event_id.to_string();
    view! {
        <TableRow>
            <Cell label="Status" fit=true><StatusBadge status=status plain=true/></Cell>
            <Cell label="Event" fit=true mono=true lead=true>
                <RowLink href=paths::event(project.id(), &event)>{shortened(&event)}</RowLink>
            </Cell>
            <Cell label="Attempts" end=true fit=true>{delivery.attempt_count}</Cell>
            <Cell label="Outcome" grow=true>
                {delivery.last_error}
                {delivery.next_attempt_at.map(|at| view! { <span class="muted">" · next try " <RelativeTime at=at quiet=true/></span> })}
            </Cell>
            <Cell label="Changed" fit=true><RelativeTime at=delivery.updated_at quiet=true/></Cell>
        </TableRow>
    }
}
