//! Events of a project.

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::{
    audit::{Action, Changes, Target},
    delivery::{Delivery, DeliveryStatus, Trigger},
    event::{Event, EventFilter, EventSummary},
    id::EventId,
    page::{Page, PageRequest},
    permission::Permission,
};

use super::{Access, Error, Result, audit::Note};
use crate::{Gateway, clock, content};

impl Gateway {
    pub async fn events(&self, access: &Access, filter: &EventFilter, page: PageRequest) -> Result<Page<EventSummary>> {
        access.require(Permission::Read)?;
        Ok(access.rows.events(filter, page).await?)
    }

    /// An event whole, with its deliveries.
    pub async fn event(&self, access: &Access, id: EventId) -> Result<Event> {
        access.require(Permission::Read)?;
        let stored = access.rows.event(id).await?.ok_or(Error::NotFound)?;
        let deliveries = access.rows.event_deliveries(id).await?;
        let is_encoding = |(name, _): &&(String, String)| name.eq_ignore_ascii_case("content-encoding");
        let encoding = stored.headers.iter().find(is_encoding).map(|(_, value)| value.as_str());
        Ok(Event {
            payload: serde_json::from_slice(&content::decoded(encoding, &stored.body)).ok(),
            summary: stored.summary,
            headers: stored.headers,
            body_base64: BASE64_STANDARD.encode(&stored.body),
            schema_errors: stored.schema_errors,
            skipped: stored.unmatched.list,
            skipped_unlisted: stored.unmatched.more,
            deliveries,
        })
    }

    pub async fn event_deliveries(&self, access: &Access, id: EventId) -> Result<Vec<Delivery>> {
        access.require(Permission::Read)?;
        let deliveries = access.rows.event_deliveries(id).await?;
        if deliveries.is_empty() && access.rows.event(id).await?.is_none() {
            return Err(Error::NotFound);
        }
        Ok(deliveries)
    }

    /// Queues every delivery of an event that has ended or waits, but for those that a schema rejected: whoever wants one of
    /// these all the same asks for it. Returns how many.
    pub async fn retry_event(&self, access: &Access, id: EventId) -> Result<u64> {
        access.require(Permission::Write)?;
        let mut queued = 0_u64;
        for delivery in self.event_deliveries(access, id).await? {
            if delivery.status == DeliveryStatus::Skipped {
                continue;
            }
            if access.rows.retry_delivery(&delivery, Trigger::Manual, clock::now()).await?.is_some() {
                self.inner.workers.wake(delivery.destination_id);
                queued += 1;
            }
        }
        let changes = Changes::to(serde_json::json!({ "deliveries": queued }));
        self.note(access, Note::new(Action::EventRetry, Target::new("event", id, &id.to_string()), changes)).await;
        Ok(queued)
    }
}
