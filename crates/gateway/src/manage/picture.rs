//! What the picture of routes shows besides what went over them.

use std::collections::HashMap;

use domain::{circuit::CircuitState, destination::Destination, id::DestinationId, permission::Permission};

use super::{Access, Result};
use crate::Gateway;

impl Gateway {
    /// The circuits of these destinations that are not closed.
    pub async fn shut_circuits(
        &self,
        access: &Access,
        destinations: &[Destination],
    ) -> Result<Vec<(DestinationId, CircuitState)>> {
        access.require(Permission::Read)?;
        let noted = self.store().noted_circuits().await?;
        let noted: HashMap<_, _> = noted.into_iter().map(|noted| (noted.destination, noted.circuit.state())).collect();
        let guarded = destinations.iter().filter(|destination| destination.circuit_breaker.enabled);
        Ok(guarded
            .filter_map(|destination| noted.get(&destination.id).map(|state| (destination.id, *state)))
            .filter(|(_, state)| *state != CircuitState::Closed)
            .collect())
    }
}
