//! Taking in a request: verified, planned, stored, and only then acknowledged.

use std::sync::Arc;

use domain::id::{DeliveryId, EnvId, EventId, SourceId};
use store::{
    signals::Signal,
    writer::{Accept, NewDelivery, NewEvent, Start},
};

use super::{BodyRoom, IngestRequest, Refusal};
use crate::{
    Gateway, clock,
    pipeline::{
        ingest::check,
        route::{Planned, plan},
    },
    worker::Reservation,
};

impl Gateway {
    /// Memory for a body of at least so many bytes; `None` when there is none left, or none left for this project.
    #[must_use]
    pub fn room_for_body(&self, source: Option<SourceId>, bytes: usize) -> Option<BodyRoom> {
        let snapshot = self.inner.registry.snapshot();
        // Those that go nowhere share one part.
        let project = source.and_then(|source| snapshot.project_of(source)).unwrap_or(EnvId::from_u128(0));
        BodyRoom::in_quota(&self.inner.bodies, project, bytes)
    }

    /// Stores a request as an event. When this returns, the event is on disk.
    pub async fn ingest(&self, mut request: IngestRequest) -> Result<EventId, Refusal> {
        let snapshot = self.inner.registry.snapshot();
        let room = request.room.take();
        let event = Arc::new(check(&snapshot, request, clock::id_bits())?);
        let planned = plan(&event, snapshot.routes(event.source_id));
        let id = event.id;
        let writer = self.inner.workers.writer().ok_or(Refusal::Unavailable)?;
        let (deliveries, begun) = self.begin(&event, planned);
        let accept = Accept::new(Arc::clone(&event), deliveries.clone()).await;
        let (gateway, working) = (self.clone(), self.inner.workers.working());
        let once_stored = move || {
            gateway.send_begun(&event, &deliveries, begun);
            drop((working, room));
        };
        writer.accept(accept, once_stored).await.map(|()| id).map_err(|_| Refusal::Unavailable)
    }

    /// The deliveries of an event, and room for those that can be sent as soon as it is stored.
    fn begin(&self, event: &NewEvent, planned: Vec<Planned>) -> (Vec<NewDelivery>, Vec<Option<Reservation>>) {
        let with_index = planned.into_iter().enumerate();
        with_index
            .map(|(index, route)| {
                let bytes = event.body.len();
                let reserve = || self.inner.workers.reserve(event.env_id, route.destination_id, bytes);
                let room = if route.held { None } else { reserve() };
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
        let workers = &self.inner.workers;
        for (delivery, room) in deliveries.iter().zip(begun) {
            match room {
                Some(room) => workers.send_reserved(event, delivery, room),
                None if delivery.start == Start::Due => {
                    workers.wake(delivery.destination_id);
                    self.inner.store.signals().tell_others(Signal::Due(delivery.destination_id));
                }
                None => {}
            }
        }
    }
}

/// Bits of an id whose upper part counts, so that the deliveries of one event sort by their connections.
fn in_order(index: usize, bits: u128) -> u128 {
    (u128::try_from(index & 0xfff).unwrap_or(0) << 64) | (bits & u128::from(u64::MAX))
}
