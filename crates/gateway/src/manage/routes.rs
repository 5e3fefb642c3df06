//! What became of events on the connections of their sources.

use domain::{
    id::EventId,
    permission::Permission,
    routes::{EventRoute, RouteCounts},
};

use super::{Access, Result};
use crate::Gateway;

impl Gateway {
    /// Each connection of the event's source, and those that it went over, with what became of it there.
    pub async fn event_routes(&self, access: &Access, _event: EventId) -> Result<Vec<EventRoute>> {
        access.require(Permission::Read)?;
        todo!()
    }

    /// What went over the routes of the project in the last hour, and what is not yet delivered.
    pub async fn route_counts(&self, access: &Access) -> Result<RouteCounts> {
        access.require(Permission::Read)?;
        todo!()
    }
}
