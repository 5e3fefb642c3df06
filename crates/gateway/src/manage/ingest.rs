//! Taking in a request: verified, planned, stored, and only then acknowledged.

use std::sync::{Arc, atomic::Ordering};

use domain::{
    checks::FixedResponse,
    event_path::EventParts,
    id::{DeliveryId, EventId, SourceId},
    ordering::Order,
    time::Timestamp,
};
use store::{
    signals::Signal,
    writer::{Accept, NewDelivery, NewEvent, Start, Stored},
};

use super::{BodyRoom, IngestRequest, Refusal, RequestHead};
use crate::{
    Gateway, clock,
    event_view::Payload,
    pipeline::{
        ingest::{Checked, Origin, Passed, admit, check, greet, inlet_of, make},
        route::{self, Plan, plan},
    },
    providers::Reply,
    registry::{Inlet, Snapshot},
    route_counts::Planned,
    worker::Reservation,
};

/// On what terms a request is taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub origin: Origin,
    /// When its signature has to be good.
    pub signed_before: Timestamp,
    /// It is taken although it was seen before.
    pub may_repeat: bool,
}

/// A source that let a request in.
pub struct Admission(Arc<Inlet>);

/// What a sender is told of a request that was taken.
pub struct Acknowledged {
    /// Of a duplicate, the event that it repeats.
    pub event_id: EventId,
    pub is_duplicate: bool,
    inlet: Arc<Inlet>,
}

/// What became of a request that was not refused.
pub enum Taken {
    Event(Acknowledged),
    /// It was no event.
    Greeting(Reply),
}

impl Acknowledged {
    #[must_use]
    pub fn source_id(&self) -> SourceId {
        self.inlet.id
    }

    /// The answer that the source's owner wants the sender to get.
    #[must_use]
    pub fn response(&self) -> Option<&FixedResponse> {
        self.inlet.checks.response.as_ref()
    }
}

impl Admission {
    /// Memory for a body of at least so many bytes; `None` when there is none left, or none left for this project.
    #[must_use]
    pub fn room_for_body(&self, gateway: &Gateway, bytes: usize) -> Option<BodyRoom> {
        BodyRoom::in_quota(&gateway.inner.bodies, self.0.env_id, bytes)
    }
}

impl Gateway {
    /// Whether a source takes a request, as far as can be said before its body is read.
    pub fn admit(&self, head: &RequestHead) -> Result<Admission, Refusal> {
        let inlet = inlet_of(&self.inner.registry.snapshot(), head.source_id)?;
        match admit(&inlet, head, self.inner.nodes.load(Ordering::Relaxed)) {
            Ok(()) => Ok(Admission(inlet)),
            Err(refusal) => {
                self.inner.rejections.note(&inlet, head, None, &refusal);
                Err(refusal)
            }
        }
    }

    /// The refusal of a body that is too large.
    #[must_use]
    pub fn too_large(&self, admission: &Admission, head: &RequestHead, limit: usize) -> Refusal {
        let refusal = Refusal::TooLarge { limit };
        self.inner.rejections.note(&admission.0, head, None, &refusal);
        refusal
    }

    /// Stores a request as an event, unless it is no event but the provider's way to try the URL out. When this returns, the
    /// event is on disk.
    pub async fn ingest(&self, admission: Admission, request: IngestRequest) -> Result<Taken, Refusal> {
        let inlet = admission.0;
        let terms = Terms { origin: Origin::Sender, signed_before: request.head.received_at, may_repeat: false };
        let checked = match greet(&inlet, &request, self.public_url()) {
            Ok(Some(reply)) => return Ok(Taken::Greeting(reply)),
            Ok(None) => self.check(&inlet, &request, terms),
            Err(refusal) => Err(refusal),
        };
        let passed = checked.inspect_err(|refusal| {
            self.inner.rejections.note(&inlet, &request.head, Some(&request.body), refusal);
        })?;
        let kept = passed.is_good_once().then(|| (request.head.clone(), request.body.clone()));
        let result = self.keep(&inlet, request, passed, terms).await;
        if let (Err(refusal), Some((head, body))) = (&result, kept) {
            self.inner.rejections.note(&inlet, &head, Some(&body), refusal);
        }
        result.map(Taken::Event)
    }

    /// Stores a request as an event, on other terms. A refusal is not remembered.
    pub(super) async fn take_in(
        &self,
        inlet: &Arc<Inlet>,
        request: IngestRequest,
        terms: Terms,
    ) -> Result<Acknowledged, Refusal> {
        let passed = self.check(inlet, &request, terms)?;
        self.keep(inlet, request, passed, terms).await
    }

    pub(super) fn check(&self, inlet: &Inlet, request: &IngestRequest, terms: Terms) -> Result<Passed, Refusal> {
        check(inlet, request, self.public_url(), terms.origin, terms.signed_before)
    }

    /// Stores a request that passed, and begins what follows from it.
    pub(super) async fn keep(
        &self,
        inlet: &Arc<Inlet>,
        mut request: IngestRequest,
        passed: Passed,
        terms: Terms,
    ) -> Result<Acknowledged, Refusal> {
        let room = request.room.take();
        let Checked { event, payload, mut once } = make(inlet, request, passed, clock::id_bits());
        if terms.may_repeat {
            once.clear();
        }
        let event = Arc::new(event);
        let snapshot = self.inner.registry.snapshot();
        let payload = Arc::new(payload);
        let plan = route(&event, &payload, &snapshot).await?;
        let writer = self.inner.workers.writer().ok_or(Refusal::Unavailable)?;
        let counts = Planned::of(&event, &plan);
        let unmatched = plan.remembered();
        let (deliveries, begun) = self.begin(&snapshot, &event, &payload, plan.deliveries);
        let content = payload.content().clone();
        // What was read of it takes many times its memory, and nobody needs it any more.
        drop(payload);
        let accept = Accept::new(Arc::clone(&event), deliveries.clone()).await.known_by(once).remembering(unmatched);
        let (gateway, working, stored) = (self.clone(), self.inner.workers.working(), Arc::clone(&event));
        let once_stored = move |outcome| {
            if outcome == Stored::New {
                gateway.send_begun(&stored, &deliveries, begun);
            }
            drop((working, room));
        };
        let outcome = writer.accept(accept, once_stored).await.map_err(|_| Refusal::Unavailable)?;
        let (event_id, is_duplicate) = match outcome {
            Stored::New => (event.id, false),
            Stored::DuplicateOf(first) => (first, true),
            Stored::Refused => return Err(Refusal::Repeated),
        };
        if !is_duplicate {
            self.inner.route_counts.note_planned(event.env_id, event.received_at, counts);
        }
        let event_type = event.event_type.as_deref();
        self.inner.event_types.note(event.env_id, event.source_id, event_type, event.received_at, &content);
        Ok(Acknowledged { event_id, is_duplicate, inlet: Arc::clone(inlet) })
    }

    /// The deliveries of an event, and room for those that can be sent as soon as it is stored.
    fn begin(
        &self,
        snapshot: &Snapshot,
        event: &NewEvent,
        payload: &Payload,
        planned: Vec<route::Planned>,
    ) -> (Vec<NewDelivery>, Vec<Option<Reservation>>) {
        let with_index = planned.into_iter().enumerate();
        with_index
            .map(|(index, route)| {
                let bytes = event.body.len();
                let target = snapshot.target(route.destination_id);
                let order_key =
                    target.and_then(|target| target.order.as_ref()).map(|order| key_of(order, event, payload));
                let is_later = !route.delay.is_zero();
                let has_to_queue =
                    route.held || route.is_rejected || is_later || target.is_some_and(|target| target.is_gated());
                let reserve = || self.inner.workers.reserve(event.env_id, route.destination_id, bytes);
                let room = if has_to_queue { None } else { reserve() };
                let delivery = NewDelivery {
                    id: DeliveryId::new(event.received_at, in_order(index, clock::id_bits())),
                    connection_id: route.connection_id,
                    destination_id: route.destination_id,
                    // What is not sent has no place among what is.
                    order_key: order_key.filter(|_| !route.is_rejected),
                    start: match &room {
                        _ if route.is_rejected => Start::Skipped,
                        // Whether it is to be held is looked at when it is due.
                        _ if is_later => Start::DueAt(event.received_at.plus(route.delay)),
                        _ if route.held => Start::Held,
                        Some(_) => Start::Leased,
                        None => Start::Due,
                    },
                    schema_errors: route.schema_errors,
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
                None => match delivery.start {
                    Start::Due => {
                        workers.wake(delivery.destination_id);
                        self.inner.store.signals().tell_others(Signal::Due(delivery.destination_id));
                    }
                    // Others find it by the time it is due.
                    Start::DueAt(at) => workers.note_due(delivery.destination_id, at),
                    Start::Leased | Start::Held | Start::Skipped => {}
                },
            }
        }
    }
}

/// Payloads from this length on are read as JSON off the async threads.
const LONG: usize = 64 << 10;

/// What the event asks for, by the routes of this moment.
async fn route(event: &Arc<NewEvent>, payload: &Arc<Payload>, snapshot: &Arc<Snapshot>) -> Result<Plan, Refusal> {
    let routes = snapshot.routes(event.source_id);
    let reads_payload = || routes.iter().any(|route| route.rules.as_ref().is_some_and(|rules| rules.reads_payload()));
    if payload.content().len() < LONG || !reads_payload() {
        return Ok(plan(event, payload, routes));
    }
    let (event, payload, snapshot) = (Arc::clone(event), Arc::clone(payload), Arc::clone(snapshot));
    let planned = tokio::task::spawn_blocking(move || plan(&event, &payload, snapshot.routes(event.source_id)));
    planned.await.map_err(|_| Refusal::Unavailable)
}

fn key_of(order: &Order, event: &NewEvent, payload: &Payload) -> i64 {
    let json = if order.is_of_payload() { payload.json().ok() } else { None };
    order.key_of(EventParts { headers: &event.headers, query: event.query.as_deref(), body: payload.content(), json })
}

/// Bits of an id whose upper part counts, so that the deliveries of one event sort by their connections.
fn in_order(index: usize, bits: u128) -> u128 {
    (u128::try_from(index & 0xfff).unwrap_or(0) << 64) | (bits & u128::from(u64::MAX))
}
