//! Taking in a request: verified, planned, stored, and only then acknowledged.

use std::{sync::Arc, time::Duration};

use domain::id::{DeliveryId, EventId};
use store::{
    signals::Signal,
    writer::{Accept, NewDelivery, NewEvent, Start},
};

use super::{IngestRequest, Refusal};
use crate::{
    Gateway, clock,
    pipeline::{
        ingest::check,
        route::{Planned, plan},
    },
    worker::Reservation,
};

/// How long a sender waits for its event to be stored.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);

impl Gateway {
    /// Stores a request as an event. When this returns, the event is on disk.
    pub async fn ingest(&self, request: IngestRequest) -> Result<EventId, Refusal> {
        let snapshot = self.inner.registry.snapshot();
        let event = Arc::new(check(&snapshot, request, clock::id_bits())?);
        let planned = plan(&event, snapshot.routes(event.source_id));
        let id = event.id;
        // On its own, so that a sender that hangs up does not leave a stored event without its deliveries begun.
        let stored = self.inner.workers.spawn(self.clone().store_event(event, planned));
        match tokio::time::timeout(STORE_TIMEOUT, stored).await {
            Ok(Ok(true)) => Ok(id),
            Ok(Ok(false) | Err(_)) | Err(_) => Err(Refusal::Unavailable),
        }
    }

    /// Commits an event with its deliveries, and begins those that there is room for. Returns whether it is stored.
    async fn store_event(self, event: Arc<NewEvent>, planned: Vec<Planned>) -> bool {
        let workers = &self.inner.workers;
        let Some(writer) = workers.writer() else { return false };
        let mut begun: Vec<Option<Reservation>> = Vec::with_capacity(planned.len());
        let mut deliveries = Vec::with_capacity(planned.len());
        for (index, route) in planned.into_iter().enumerate() {
            let room = if route.held { None } else { workers.reserve(route.destination_id, event.body.len()) };
            deliveries.push(NewDelivery {
                id: DeliveryId::new(event.received_at, in_order(index, clock::id_bits())),
                connection_id: route.connection_id,
                destination_id: route.destination_id,
                start: match (&room, route.held) {
                    (_, true) => Start::Held,
                    (Some(_), false) => Start::Leased,
                    (None, false) => Start::Due,
                },
            });
            begun.push(room);
        }
        let accept = Accept { event: Arc::clone(&event), deliveries: deliveries.clone() };
        if writer.accept(accept).await.is_err() {
            return false;
        }
        for (delivery, room) in deliveries.iter().zip(begun) {
            match room {
                Some(room) => workers.send_reserved(Arc::clone(&event), delivery, room),
                None if delivery.start == Start::Due => {
                    self.inner.store.signals().send(Signal::Due(delivery.destination_id));
                }
                None => {}
            }
        }
        self.inner.store.signals().send(Signal::Activity(event.env_id));
        true
    }
}

/// Bits of an id whose upper part counts, so that the deliveries of one event sort by their connections.
fn in_order(index: usize, bits: u128) -> u128 {
    (u128::try_from(index & 0xfff).unwrap_or(0) << 64) | (bits & u128::from(u64::MAX))
}
