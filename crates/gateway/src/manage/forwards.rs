//! What listeners did with events.

use domain::{
    forward::{Forward, ForwardInput},
    id::{EventId, ForwardId},
    permission::Permission,
};

use super::{Access, Error, Result};
use crate::{Gateway, clock};

impl Gateway {
    /// Notes that a listener forwarded an event, and what came of it.
    pub async fn note_forward(&self, access: &Access, event: EventId, input: ForwardInput) -> Result<Forward> {
        access.require(Permission::Write)?;
        let forward = input.parse(ForwardId::new(clock::now(), clock::id_bits()), event)?;
        if access.rows.insert_forward(&forward).await? { Ok(forward) } else { Err(Error::NotFound) }
    }

    /// Oldest first.
    pub async fn forwards(&self, access: &Access, event: EventId) -> Result<Vec<Forward>> {
        access.require(Permission::Read)?;
        let forwards = access.rows.forwards(event).await?;
        if forwards.is_empty() && access.rows.event(event).await?.is_none() {
            return Err(Error::NotFound);
        }
        Ok(forwards)
    }
}
