//! Events: the list with its filters, and the inspector of one event with its deliveries.

mod content;
mod curl;
mod delivery;
mod filters;
mod first_command;
mod inspector;
mod list;
mod table;

pub use first_command::FirstCommand;
pub use inspector::EventPage;
pub use list::EventsPage;
pub use table::EventTable;

use domain::event::{EventStatus, EventSummary};
use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_query_map};

use crate::{api::events::EventQuery, components::Status, paths};

/// An event that stays `received` has no connection to go over.
fn event_status(status: EventStatus) -> Status {
    if status == EventStatus::Received { Status::NoRoute } else { Status::from(status) }
}

/// What an event is called: the provider's name for what happened, or how it came.
fn event_title(event: &EventSummary) -> String {
    event.event_type.clone().unwrap_or_else(|| format!("{} request", event.method))
}

/// The filters in the address. They keep their value while the visitor leaves for another page.
fn use_event_query(env: &str) -> Memo<EventQuery> {
    let (query, path, here) = (use_query_map(), use_location().pathname, paths::events(env));
    Memo::new(move |former: Option<&EventQuery>| {
        let leaving = !path.with(|path| path.starts_with(&here));
        former.filter(|_| leaving).cloned().unwrap_or_else(|| query.with(EventQuery::from_params))
    })
}
