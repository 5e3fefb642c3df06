//! Deliveries of a project and their attempts.

use domain::{
    audit::{Action, Target},
    delivery::{Attempt, Delivery, DeliveryFilter, Trigger},
    id::DeliveryId,
    page::{Page, PageRequest},
    permission::Permission,
};

use super::{Access, Error, Result, audit::Note};
use crate::{Gateway, clock};

impl Gateway {
    pub async fn deliveries(
        &self,
        access: &Access,
        filter: &DeliveryFilter,
        page: PageRequest,
    ) -> Result<Page<Delivery>> {
        access.require(Permission::Read)?;
        Ok(access.rows.deliveries(filter, page).await?)
    }

    /// How many deliveries match; no more than `most` are counted.
    pub async fn count_deliveries(&self, access: &Access, filter: &DeliveryFilter, most: u32) -> Result<u32> {
        access.require(Permission::Read)?;
        Ok(access.rows.count_deliveries(filter, most).await?)
    }

    pub async fn delivery(&self, access: &Access, id: DeliveryId) -> Result<Delivery> {
        access.require(Permission::Read)?;
        access.rows.delivery(id).await?.ok_or(Error::NotFound)
    }

    /// Oldest first.
    pub async fn attempts(&self, access: &Access, id: DeliveryId) -> Result<Vec<Attempt>> {
        self.delivery(access, id).await?;
        Ok(access.rows.attempts(id).await?)
    }

    /// Tries a delivery once more, now. Returns it as it was queued.
    pub async fn retry_delivery(&self, access: &Access, id: DeliveryId) -> Result<Delivery> {
        access.require(Permission::Write)?;
        let delivery = access.rows.delivery(id).await?.ok_or(Error::NotFound)?;
        let queued = access.rows.retry_delivery(&delivery, Trigger::Manual, clock::now()).await?;
        let queued = queued.ok_or_else(|| Error::Conflict("the delivery is being made already".into()))?;
        self.inner.workers.wake(delivery.destination_id);
        self.note(access, Note::of(Action::DeliveryRetry, delivery_target(id))).await;
        Ok(queued)
    }

    /// Ends a delivery that waits.
    pub async fn cancel_delivery(&self, access: &Access, id: DeliveryId) -> Result<Delivery> {
        access.require(Permission::Write)?;
        let delivery = access.rows.delivery(id).await?.ok_or(Error::NotFound)?;
        let cancelled = access.rows.cancel_delivery(&delivery, clock::now()).await?;
        let cancelled =
            cancelled.ok_or_else(|| Error::Conflict("only a delivery that waits can be cancelled".into()))?;
        self.note(access, Note::of(Action::DeliveryCancel, delivery_target(id))).await;
        Ok(cancelled)
    }
}

/// A delivery has no name of its own.
fn delivery_target(id: DeliveryId) -> Target {
    Target::new("delivery", id, &id.to_string())
}
