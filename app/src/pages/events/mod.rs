//! Events: the list with its filters, and the inspector of one event with its deliveries.

mod content;
mod curl;
mod delivery;
mod filters;
mod first_command;
mod forwards;
mod inspector;
mod list;
mod routes;
mod table;

pub use delivery::AttemptExchange;
pub use first_command::FirstCommand;
pub use inspector::EventPage;
pub use list::EventsPage;
pub use table::EventTable;

use domain::event::{EventStatus, EventSummary};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{api::events::EventQuery, components::Status};

/// An event that stays `received` has no connection to go over.
fn event_status(status: EventStatus) -> Status {
    if status == EventStatus::Received { Status::NoRoute } else { Status::from(status) }
}

/// The same of an event, which may be a duplicate and go nowhere for that.
fn status_of(event: &EventSummary) -> Status {
    if event.duplicate_of.is_some() { Status::Duplicate } else { event_status(event.status) }
}

/// What an event is called: the provider's name for what happened, or how it came.
pub fn event_title(event: &EventSummary) -> String {
    event.event_type.clone().unwrap_or_else(|| format!("{} request", event.method))
}

/// The filters in the address.
fn use_event_query() -> Memo<EventQuery> {
    let query = use_query_map();
    Memo::new(move |_| query.with(EventQuery::from_params))
}
