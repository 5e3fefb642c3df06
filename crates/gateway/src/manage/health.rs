//! How destinations do.

use std::time::Duration;

use domain::{
    destination::Destination,
    health::{Backlog, Counted, Failing, Health, HealthDay, HealthPoint},
    id::DestinationId,
    page::{Page, PageRequest},
    permission::Permission,
    time::Timestamp,
};

use super::{Access, Error, Result};
use crate::{Gateway, clock};

const HOURS: u64 = 24;

impl Gateway {
    /// The health of the destinations that the same page of their list shows, in its order.
    pub async fn healths(&self, access: &Access, page: PageRequest) -> Result<Page<Health>> {
        access.require(Permission::Read)?;
        let page = access.rows.destinations(page).await?;
        let mut healths = self.health_of(access, &page.data).await?.into_iter();
        let missing = || Error::NotFound;
        let data = page.data.iter().map(|_| healths.next().ok_or_else(missing)).collect::<Result<Vec<_>>>()?;
        Ok(Page { data, next_cursor: page.next_cursor, has_more: page.has_more })
    }

    /// The health of a destination, hour by hour, and what is wrong with it.
    pub async fn health(&self, access: &Access, id: DestinationId) -> Result<HealthDay> {
        access.require(Permission::Read)?;
        let destination = access.rows.destination(id).await?.ok_or(Error::NotFound)?;
        let kind = destination.config.kind();
        let health = self.health_of(access, &[destination]).await?.pop().ok_or(Error::NotFound)?;
        let now = clock::now();
        let mut counted = access.rows.health_hours(id, now).await?;
        let begins = |back: u64| store::health::Span::Hour.begins(now.minus(Duration::from_hours(back)));
        let hours = (0..HOURS).rev().map(begins).map(|begins| {
            let at = Timestamp::from_micros(begins.saturating_mul(1_000_000));
            HealthPoint { at, seen: counted.remove(&begins).unwrap_or_default().seen() }
        });
        let hours = hours.collect();
        let newest = access.rows.newest_attempts(id).await?;
        let failing = newest.and_then(|newest| {
            let (at, error, error_class) = newest.failed?;
            if newest.succeeded_at.is_some_and(|succeeded| succeeded >= at) {
                return None;
            }
            let settings = Failing::settings_of(kind, &error, error_class);
            Some(Failing { at, succeeded_at: newest.succeeded_at, error, error_class, settings })
        });
        Ok(HealthDay { health, hours, failing })
    }

    async fn health_of(&self, access: &Access, destinations: &[Destination]) -> Result<Vec<Health>> {
        if destinations.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<DestinationId> = destinations.iter().map(|it| it.id).collect();
        let mut counts = access.rows.health_counts(&ids, clock::now()).await?;
        let backlogs = access.rows.backlogs(&ids).await?;
        Ok(destinations
            .iter()
            .map(|destination| {
                let id = destination.id;
                let counts = counts.remove(&id).unwrap_or_default();
                let seen = Counted::seen;
                let is_watched = destination.circuit_breaker.enabled;
                Health {
                    destination_id: id,
                    hour: seen(&counts.hour),
                    day: seen(&counts.day),
                    backlog: backlogs.get(&id).copied().unwrap_or(Backlog::new(0)),
                    circuit: if is_watched {
                        self.inner.circuits.state(id)
                    } else {
                        domain::circuit::CircuitState::Closed
                    },
                }
            })
            .collect())
    }
}
