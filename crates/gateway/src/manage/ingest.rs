//! Taking in a request: verified, planned, stored, and only then acknowledged.

use std::sync::Arc;

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

impl Gateway {
    /// Stores a request as an event. When this returns, the event is on disk.
    pub async fn ingest(&self, request: IngestRequest) -> Result<EventId, Refusal> {
        let snapshot = self.inner.registry.snapshot();
        let event = Arc::new(check(&snapshot, request, clock::id_bits())?);
        let planned = plan(&event, snapshot.routes(event.source_id));
        let id = event.id;
        let writer = self.inner.workers.writer().ok_or(Refusal::Unavailable)?;
        let (deliveries, begun) = self.begin(&event, planned);
        let accept = Accept { event: Arc::clone(&event), deliveries: deliveries.clone() };
        let (gateway, working) = (self.clone(), self.inner.workers.working());
        let once_stored = move || {
            gateway.send_begun(&event, &deliveries, begun);
            drop(working);
        };
        writer.accept(accept, once_stored).await.map(|()| id).map_err(|_| Refusal::Unavailable)
    }

    /// The deliveries of an event, and room for those that can be sent as soon as it is stored.
    fn begin(&self, event: &NewEvent, planned: Vec<Planned>) -> (Vec<NewDelivery>, Vec<Option<Reservation>>) {
        let with_index = planned.into_iter().enumerate();
        with_index
            .map(|(index, route)| {
                let bytes = event.body.len();
                let room = if route.held { None } else { self.inner.workers.reserve(route.destination_id, bytes) };
                let delivery = NewDelivery {
                    id: DeliveryId::new(event.received_at, in_order(index, clock::id_bits())),
                    connection_id: route.connection_id,
                    destination_id: route.destination_id,
                    start: match (&room, route.held) {
                        (_, true) => Start::Held,
                        (Some(_), false) => Start::Leased,
                        (None, false) => Start::Due,
                    },
                };
                (delivery, room)
            })
            .unzip()
    }

    fn send_begun(&self, event: &Arc<NewEvent>, deliveries: &[NewDelivery], begun: Vec<Option<Reservation>>) {
        let signals = self.inner.store.signals();
        for (delivery, room) in deliveries.iter().zip(begun) {
            match room {
                Some(room) => self.inner.workers.send_reserved(Arc::clone(event), delivery, room),
                None if delivery.start == Start::Due => signals.send(Signal::Due(delivery.destination_id)),
                None => {}
            }
        }
    }
}

/// Bits of an id whose upper part counts, so that the deliveries of one event sort by their connections.
fn in_order(index: usize, bits: u128) -> u128 {
    (u128::try_from(index & 0xfff).unwrap_or(0) << 64) | (bits & u128::from(u64::MAX))
}
