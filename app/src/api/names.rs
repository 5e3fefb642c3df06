//! The names of a project's sources, destinations and connections, for lists that know only ids and for choosing.

use std::fmt::Display;

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::ApiError;
#[cfg(feature = "ssr")]
use super::caller::in_project;

/// A thing and what it is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    pub id: String,
    pub name: String,
}

/// What things are called. Very large projects name only the newest of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    pub sources: Vec<Named>,
    pub destinations: Vec<Named>,
}

impl Names {
    /// The name of a source, or the id where it has been deleted.
    pub fn source(&self, id: impl Display) -> String {
        name_in(&self.sources, &id.to_string())
    }

    /// The name of a destination, or the id where it has been deleted.
    pub fn destination(&self, id: impl Display) -> String {
        name_in(&self.destinations, &id.to_string())
    }
}

fn name_in(list: &[Named], id: &str) -> String {
    match list.iter().find(|named| named.id == id) {
        Some(named) => named.name.clone(),
        None => crate::components::shortened(id),
    }
}

#[server(endpoint = "names")]
pub async fn known_names(env: String) -> Result<Names, ApiError> {
    in_project(&env, async |project| {
        let all = domain::page::PageRequest::first(domain::page::PageRequest::MAX_LIMIT);
        let sources = project.gateway.sources(&project.access, all).await?;
        let destinations = project.gateway.destinations(&project.access, all).await?;
        Ok(Names {
            sources: sources.data.into_iter().map(|it| Named { id: it.id.to_string(), name: it.name }).collect(),
            destinations: destinations
                .data
                .into_iter()
                .map(|it| Named { id: it.id.to_string(), name: it.name })
                .collect(),
        })
    })
    .await
}
