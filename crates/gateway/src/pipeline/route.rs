//! The second stage: which deliveries does an event ask for? A pure function of the event and the source's routes.

use domain::id::{ConnectionId, DestinationId};
use store::writer::NewEvent;

use crate::registry::Route;

/// A delivery that is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    pub connection_id: ConnectionId,
    pub destination_id: DestinationId,
    pub held: bool,
}

/// One delivery for each route.
#[must_use]
pub fn plan(_event: &NewEvent, routes: &[Route]) -> Vec<Planned> {
    routes
        .iter()
        .map(|route| Planned {
            connection_id: route.connection_id,
            destination_id: route.destination_id,
            held: route.held,
        })
        .collect()
}
