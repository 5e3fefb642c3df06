//! Taking in a request: verified, planned, stored, and only then acknowledged.

use std::sync::Arc;

use domain::{
    id::{DeliveryId, EnvId, EventId, SourceId},
    ordering::Keyed,
};
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
    registry::Snapshot,
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
        let (deliveries, begun) = self.begin(&snapshot, &event, planned);
        let accept = Accept::new(Arc::clone(&event), deliveries.clone()).await;
        let (gateway, working) = (self.clone(), self.inner.workers.working());
        let once_stored = move || {
            gateway.send_begun(&event, &deliveries, begun);
            drop((working, room));
        };
        writer.accept(accept, once_stored).await.map(|()| id).map_err(|_| Refusal::Unavailable)
    }

    /// The deliveries of an event, and room for those that can be sent as soon as it is stored.
    fn begin(
        &self,
        snapshot: &Snapshot,
        event: &NewEvent,
        planned: Vec<Planned>,
    ) -> (Vec<NewDelivery>, Vec<Option<Reservation>>) {
        let with_index = planned.into_iter().enumerate();
        with_index
            .map(|(index, route)| {
                let bytes = event.body.len();
                let target = snapshot.target(route.destination_id);
                let order_key = target.and_then(|target| target.order.as_ref()).map(|order| order.key_of(keyed(event)));
                let has_to_queue = route.held || target.is_some_and(|target| target.is_gated());
                let reserve = || self.inner.workers.reserve(event.env_id, route.destination_id, bytes);
                let room = if has_to_queue { None } else { reserve() };
                let delivery = NewDelivery {
                    id: DeliveryId::new(event.received_at, in_order(index, clock::id_bits())),
                    connection_id: route.connection_id,
                    destination_id: route.destination_id,
                    order_key,
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

/// Where the key of an event may stand.
fn keyed(event: &NewEvent) -> Keyed<'_> {
    Keyed { headers: &event.headers, query: event.query.as_deref(), body: &event.body }
}

/// Bits of an id whose upper part counts, so that the deliveries of one event sort by their connections.
fn in_order(index: usize, bits: u128) -> u128 {
    (u128::try_from(index & 0xfff).unwrap_or(0) << 64) | (bits & u128::from(u64::MAX))
}
