//! What went over connections: one event, and all of a project lately.

use domain::{
    circuit::CircuitState,
    connection::Connection,
    destination::DestinationStatus,
    routes::{EventRoute, RouteCounts},
    source::SourceStatus,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::ApiError;
#[cfg(feature = "ssr")]
use super::caller::{id, in_project};

/// All that the picture of routes is drawn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoutePicture {
    pub sources: Vec<SourceEnd>,
    pub destinations: Vec<DestinationEnd>,
    pub connections: Vec<Connection>,
    pub counts: RouteCounts,
    /// The project has more of something than is drawn.
    pub is_cut: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceEnd {
    pub id: String,
    pub name: String,
    pub status: SourceStatus,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DestinationEnd {
    pub id: String,
    pub name: String,
    pub status: DestinationStatus,
    pub circuit: CircuitState,
}

/// Each connection of the event's source, with what became of the event there.
#[server(endpoint = "events/routes")]
pub async fn event_routes(env: String, event: String) -> Result<Vec<EventRoute>, ApiError> {
    in_project(&env, async |project| Ok(project.gateway.event_routes(&project.access, id(&event)?).await?)).await
}

/// The newest of a project's sources, destinations and connections, with what went over them.
#[server(endpoint = "connections/picture")]
pub async fn draw_routes(env: String) -> Result<RoutePicture, ApiError> {
    in_project(&env, async |project| {
        let all = domain::page::PageRequest::first(domain::page::PageRequest::MAX_LIMIT);
        let (gateway, access) = (&project.gateway, &project.access);
        let sources = gateway.sources(access, all).await?;
        let destinations = gateway.destinations(access, all).await?;
        let connections = gateway.connections(access, all).await?;
        let shut = gateway.shut_circuits(access, &destinations.data).await?;
        let circuit = |id| shut.iter().find(|(shut, _)| *shut == id).map_or(CircuitState::Closed, |(_, state)| *state);
        Ok(RoutePicture {
            is_cut: sources.has_more || destinations.has_more || connections.has_more,
            counts: gateway.route_counts(access).await?,
            sources: sources
                .data
                .into_iter()
                .map(|it| SourceEnd { id: it.id.to_string(), name: it.name, status: it.status })
                .collect(),
            destinations: destinations
                .data
                .into_iter()
                .map(|it| DestinationEnd {
                    id: it.id.to_string(),
                    name: it.name,
                    status: it.status,
                    circuit: circuit(it.id),
                })
                .collect(),
            connections: connections.data,
        })
    })
    .await
}
