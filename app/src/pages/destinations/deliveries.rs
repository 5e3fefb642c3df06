//! The newest deliveries to a destination.

use domain::{
    delivery::{Delivery, DeliveryStatus},
    page::Page,
};
use leptos::prelude::*;

use crate::{
    api::destinations::destination_deliveries,
    components::*,
    pages::{
        live::use_fresh,
        project::{Project, use_project},
    },
    paths,
};

#[component]
pub fn DestinationDeliveries(destination: String, recent: Page<Delivery>, changes: ReadSignal<u32>) -> impl IntoView {
    let project = use_project();
    let fresh = use_fresh(recent, move || destination_deliveries(project.id(), destination.clone(), None));
    fresh.when(move || changes.get());
    let deliveries = Signal::derive(move || fresh.data().with(|page| page.data.clone()));
    let none = Memo::new(move |_| fresh.data().with(|page| page.data.is_empty()));
    view! {
        <Card title="Recent deliveries" flush=true>
            {move || {
                if none.get() {
                    view! { <Waiting text="Waiting for the first delivery" hint="It comes with the next event of a connected source."/> }.into_any()
                } else {
                    view! { <DeliveryTable project=project deliveries=deliveries keys=true/> }.into_any()
                }
            }}
        </Card>
    }
    .into_any()
}

/// Deliveries with what became of them.
#[component]
pub fn DeliveryTable(project: Project, #[prop(into)] deliveries: Signal<Vec<Delivery>>, keys: bool) -> impl IntoView {
    let columns = vec![
        Column::new("Status").fit(),
        Column::new("Event").fit(),
        Column::new("Attempts").fit().end(),
        Column::new("Outcome").grow(),
        Column::new("Changed").fit(),
    ];
    view! {
        <Table label="Deliveries" columns=columns keys=keys>
            <For
                each=move || deliveries.get()
                key=|delivery| (delivery.id, delivery.status, delivery.attempt_count, delivery.next_attempt_at)
                let:delivery
            >
                {delivery_row(project, delivery)}
            </For>
        </Table>
    }
    .into_any()
}

fn delivery_row(project: Project, delivery: Delivery) -> impl IntoView {
    let status = Status::from(delivery.status);
    let event = delivery.event_id.to_string();
    // The last error stays when a later attempt succeeds.
    let outcome = match (delivery.status, delivery.last_error) {
        (DeliveryStatus::Succeeded, _) => view! { "Delivered" }.into_any(),
        (_, Some(error)) => view! { {error} }.into_any(),
        (_, None) => view! { <span class="muted">"–"</span> }.into_any(),
    };
    view! {
        <TableRow>
            <Cell label="Status" fit=true><StatusBadge status=status plain=true/></Cell>
            <Cell label="Event" fit=true mono=true lead=true>
                <RowLink href=paths::event(project.id(), &event)>{shortened(&event)}</RowLink>
            </Cell>
            <Cell label="Attempts" end=true fit=true>{delivery.attempt_count}</Cell>
            <Cell label="Outcome" grow=true>
                {outcome}
                {delivery.next_attempt_at.map(|at| view! { <span class="muted">" · next try " <RelativeTime at=at quiet=true/></span> })}
            </Cell>
            <Cell label="Changed" fit=true><RelativeTime at=delivery.updated_at quiet=true/></Cell>
        </TableRow>
    }
    .into_any()
}
