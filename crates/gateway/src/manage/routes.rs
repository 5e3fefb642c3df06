//! What became of events on the connections of their sources.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use domain::{
    connection::{Connection, ConnectionStatus},
    delivery::{Delivery, DeliveryStatus},
    filter::Unmatched,
    id::{ConnectionId, EventId},
    page::PageRequest,
    permission::Permission,
    routes::{ConnectionCount, DestinationCount, EventRoute, RouteCounts, RouteOutcome, SourceCount},
};
use store::StoredEvent;

use super::{Access, Error, Result};
use crate::{Gateway, clock};

/// What is counted of the routes came within about this time.
const LATELY: Duration = Duration::from_hours(1);
/// Sources, connections and destinations of a project whose counts are told.
const MAX_TOLD: usize = 1_000;

impl Gateway {
    /// Each connection of the event's source, and those that it went over, with what became of it there.
    pub async fn event_routes(&self, access: &Access, event: EventId) -> Result<Vec<EventRoute>> {
        access.require(Permission::Read)?;
        let stored = access.rows.event(event).await?.ok_or(Error::NotFound)?;
        let deliveries = access.rows.event_deliveries(event).await?;
        let summary = &stored.summary;
        let connections = access.rows.connections_of_source(summary.source_id, summary.received_at).await?;
        let mut deliveries: BTreeMap<ConnectionId, Delivery> =
            deliveries.into_iter().map(|delivery| (delivery.connection_id, delivery)).collect();
        let mut unmatched: HashMap<ConnectionId, Unmatched> = HashMap::new();
        for one in &stored.unmatched.list {
            unmatched.insert(one.connection_id, one.clone());
        }
        let mut routes = Vec::new();
        for (connection, is_deleted) in connections {
            let delivery = deliveries.remove(&connection.id);
            let unmatched = unmatched.remove(&connection.id);
            if is_deleted && delivery.is_none() && unmatched.is_none() {
                continue;
            }
            routes.push(route(&stored, &connection, is_deleted, delivery, unmatched));
        }
        // Those of connections of which nothing is left.
        for delivery in deliveries.into_values() {
            routes.push(EventRoute {
                connection_id: delivery.connection_id,
                destination_id: Some(delivery.destination_id),
                name: None,
                is_deleted: true,
                outcome: outcome_of(&delivery),
                why: None,
                schema_errors: delivery.schema_errors.clone(),
                delivery: Some(delivery),
            });
        }
        Ok(routes)
    }

    /// What went over the routes of the project in the last hour, and what is not yet delivered.
    pub async fn route_counts(&self, access: &Access) -> Result<RouteCounts> {
        access.require(Permission::Read)?;
        let (since, counts) = access.rows.route_counts(clock::now().minus(LATELY)).await?;
        let backlog = access.rows.backlog().await?;
        let of = |id: u128| counts.get(&id).copied().unwrap_or_default();
        let mut told = RouteCounts { since, sources: vec![], connections: vec![], destinations: vec![] };
        let mut page = PageRequest::first(PageRequest::MAX_LIMIT);
        loop {
            let found = access.rows.sources(page).await?;
            told.sources.extend(
                found
                    .data
                    .iter()
                    .map(|source| SourceCount { source_id: source.id, events: of(source.id.as_u128()).passed }),
            );
            let Some(next) = next_page(&found, told.sources.len()) else { break };
            page = next;
        }
        page = PageRequest::first(PageRequest::MAX_LIMIT);
        loop {
            let found = access.rows.connections(page).await?;
            told.connections.extend(found.data.iter().map(|connection| {
                let count = of(connection.id.as_u128());
                let waiting = backlog.by_connection.get(&(connection.id, connection.destination_id));
                ConnectionCount {
                    connection_id: connection.id,
                    source_id: connection.source_id,
                    destination_id: connection.destination_id,
                    matched: count.passed,
                    not_matched: count.unmatched,
                    skipped: count.skipped,
                    backlog: waiting.copied().unwrap_or_default(),
                }
            }));
            let Some(next) = next_page(&found, told.connections.len()) else { break };
            page = next;
        }
        page = PageRequest::first(PageRequest::MAX_LIMIT);
        loop {
            let found = access.rows.destinations(page).await?;
            told.destinations.extend(found.data.iter().map(|destination| {
                let count = of(destination.id.as_u128());
                let waiting = backlog.by_connection.iter().filter(|((_, to), _)| *to == destination.id);
                DestinationCount {
                    destination_id: destination.id,
                    succeeded: count.passed,
                    failed: count.failed,
                    backlog: waiting.map(|(_, deliveries)| deliveries).sum(),
                    has_more_backlog: backlog.has_more,
                }
            }));
            let Some(next) = next_page(&found, told.destinations.len()) else { break };
            page = next;
        }
        Ok(told)
    }
}

/// The page behind this one, unless that is all, or enough.
fn next_page<T>(page: &domain::page::Page<T>, told: usize) -> Option<PageRequest> {
    let cursor = page.next_cursor.as_deref().filter(|_| page.has_more && told < MAX_TOLD)?;
    PageRequest::parse(Some(&PageRequest::MAX_LIMIT.to_string()), Some(cursor)).ok()
}

fn route(
    event: &StoredEvent,
    connection: &Connection,
    is_deleted: bool,
    delivery: Option<Delivery>,
    unmatched: Option<Unmatched>,
) -> EventRoute {
    let outcome = match (&delivery, &unmatched) {
        (Some(delivery), _) => outcome_of(delivery),
        (None, Some(_)) => RouteOutcome::NotMatched,
        (None, None) if event.summary.duplicate_of.is_some() => RouteOutcome::Duplicate,
        (None, None) if connection.created_at > event.summary.received_at => RouteOutcome::MadeLater,
        (None, None) if connection.status == ConnectionStatus::Disabled => RouteOutcome::Disabled,
        (None, None) => RouteOutcome::NotMade,
    };
    EventRoute {
        connection_id: connection.id,
        destination_id: Some(connection.destination_id),
        name: connection.name.clone(),
        is_deleted,
        outcome,
        why: unmatched.and_then(|unmatched| unmatched.why),
        schema_errors: delivery.as_ref().map(|delivery| delivery.schema_errors.clone()).unwrap_or_default(),
        delivery,
    }
}

fn outcome_of(delivery: &Delivery) -> RouteOutcome {
    if delivery.status == DeliveryStatus::Skipped { RouteOutcome::SchemaRejected } else { RouteOutcome::Matched }
}
