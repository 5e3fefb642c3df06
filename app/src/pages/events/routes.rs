//! What became of the event on each connection of its source, and why.

use domain::{
    id::EventId,
    routes::{EventRoute, RouteOutcome},
};
use leptos::prelude::*;

use crate::{
    api::names::Names,
    components::*,
    pages::{
        connections::{because, pointers},
        project::use_project,
    },
    paths,
};

#[component]
pub fn EventRoutes(
    event: EventId,
    #[prop(into)] routes: Signal<Vec<EventRoute>>,
    names: StoredValue<Names>,
) -> impl IntoView {
    let event = event.to_string();
    let rows = move || {
        routes
            .get()
            .into_iter()
            .map(|route| view! { <Route route=route event=event.clone() names=names/> })
            .collect_view()
    };
    let rows = StoredValue::new(rows);
    let none = Memo::new(move |_| routes.with(Vec::is_empty));
    move || {
        (!none.get()).then(|| {
            view! {
                <Card title="Why" text="What each connection of the source did with this event." flush=true>
                    <ol class="event-routes">{move || rows.with_value(|rows| rows())}</ol>
                </Card>
            }
        })
    }
}

#[component]
fn Route(route: EventRoute, event: String, names: StoredValue<Names>) -> impl IntoView {
    let project = use_project();
    let status = match (route.outcome, &route.delivery) {
        (RouteOutcome::Matched, Some(delivery)) => Status::from(delivery.status),
        (RouteOutcome::Matched, None) => Status::Pending,
        (RouteOutcome::NotMatched, _) => Status::NotMatched,
        (RouteOutcome::SchemaRejected, _) => Status::Skipped,
        (RouteOutcome::Disabled, _) => Status::Disabled,
        (RouteOutcome::MadeLater, _) => Status::MadeLater,
        (RouteOutcome::Duplicate, _) => Status::Duplicate,
        (RouteOutcome::NotMade, _) => Status::NotMade,
    };
    let destination = route.destination_id.map(|id| names.with_value(|names| names.destination(id)));
    let title = match (&route.name, &destination) {
        (Some(name), _) => name.clone(),
        (None, Some(destination)) => format!("to {destination}"),
        (None, None) => shortened(&route.connection_id.to_string()),
    };
    let to = destination.filter(|_| route.name.is_some()).map(|destination| format!("to {destination}"));
    let name = if route.is_deleted {
        view! { <span>{title} " "<span class="muted">"(deleted)"</span></span> }.into_any()
    } else {
        view! { <a class="event-route-name" href=paths::connection(project.id(), route.connection_id)>{title}</a> }
            .into_any()
    };
    let try_it = (!route.is_deleted).then(|| {
        let href = paths::connection_with(project.id(), route.connection_id, event);
        view! { <ButtonLink href=href kind=ButtonKind::Ghost size=ButtonSize::Small icon=Icon::FlaskConical>"Try its rules"</ButtonLink> }
    });
    let why = reason(&route);
    view! {
        <li class="event-route">
            <StatusBadge status=status/>
            <div class="event-route-text">
                <p>{name} {to.map(|to| view! { <span class="muted">" " {to}</span> })}</p>
                {why}
            </div>
            {try_it}
        </li>
    }
    .into_any()
}

fn reason(route: &EventRoute) -> AnyView {
    let words = |text: &'static str| view! { <p class="muted">{text}</p> }.into_any();
    let errors = || pointers(route.schema_errors.iter().map(|error| (error.pointer.clone(), error.message.clone())));
    match route.outcome {
        RouteOutcome::Matched if route.schema_errors.is_empty() => ().into_any(),
        RouteOutcome::Matched => {
            view! { <p class="muted">"Its schema does not allow the payload; it is delivered all the same."</p> {errors()} }.into_any()
        }
        RouteOutcome::NotMatched => match &route.why {
            Some(why) => view! { <p class="muted">"The rule that decided: " {because(why)}</p> }.into_any(),
            None => words("Its filter did not let the event through."),
        },
        RouteOutcome::SchemaRejected => view! { <p class="muted">"Its schema rejected the payload."</p> {errors()} }.into_any(),
        RouteOutcome::Disabled => words("It is disabled, and makes no deliveries."),
        RouteOutcome::MadeLater => words("It was made after the event came."),
        RouteOutcome::Duplicate => words("The event repeats another, and goes nowhere."),
        RouteOutcome::NotMade => {
            words("No delivery was made, and it was not kept why: it was disabled then, or too many connections did not match.")
        }
    }
}
