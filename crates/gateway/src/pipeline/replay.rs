//! What a replay makes of stored events: the plan of [`super::route`], by the routes as they are now.

use std::collections::HashMap;

use bytes::Bytes;
use domain::{
    event::{DedupStatus, EventSummary},
    event_path::EventParts,
    field::FieldErrors,
    id::{ConnectionId, DeliveryId, EventId, SourceId},
    ordering::Order,
    replay::{ReplayCounts, ReplaySpec},
    time::Timestamp,
};
use store::{
    Content, Result,
    replays::{Looked, PlannedReplay},
    scope::Scope,
    writer::NewEvent,
};

use super::route::{Planned, plan};
use crate::{
    clock,
    event_view::{EventView, Payload},
    filter::Filter,
    registry::{Route, Snapshot, SourceState},
};

/// Bytes of bodies that are looked into at once.
const MAX_BODIES: u64 = 8 << 20;
/// Deliveries that are planned at once; the last event may bring some more.
const MAX_PLANNED: usize = 1000;

/// Which events a replay goes through, and which way they go.
pub struct Course {
    source: Option<SourceId>,
    connection: Option<ConnectionId>,
    filter: Option<Filter>,
    include_duplicates: bool,
    limit: Option<u64>,
    /// The first id of its range, and the first behind it.
    from: EventId,
    before: EventId,
}

/// How far a replay has come.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reached {
    pub last: Option<EventId>,
    /// Events that its limit counts.
    pub matched: u64,
}

impl Course {
    /// `source` is that of the connection, where the replay goes through one.
    ///
    /// # Errors
    /// When the filter holds a pattern that cannot be used.
    pub fn new(spec: &ReplaySpec, source: Option<SourceId>) -> std::result::Result<Self, FieldErrors> {
        Ok(Self {
            source,
            connection: spec.connection_id,
            filter: spec.filter.as_ref().map(Filter::compile).transpose()?,
            include_duplicates: spec.include_duplicates,
            limit: spec.limit.map(u64::from),
            from: first_of(spec.from),
            before: first_of(spec.to),
        })
    }

    #[must_use]
    pub const fn source(&self) -> Option<SourceId> {
        self.source
    }

    /// The ids of its range: the first one, and the first behind it.
    #[must_use]
    pub const fn range(&self) -> (EventId, EventId) {
        (self.from, self.before)
    }

    /// What was deleted that it goes through.
    #[must_use]
    pub fn lacks(&self, snapshot: &Snapshot) -> Option<&'static str> {
        if self.connection.is_some_and(|id| snapshot.connection(id).is_none()) {
            return Some("the connection was deleted");
        }
        let is_there = |id| !matches!(snapshot.source(id), None | Some(SourceState::Deleted));
        self.source.is_some_and(|id| !is_there(id)).then_some("the source was deleted")
    }

    /// Looks at up to `size` events behind those that were reached, and plans their deliveries.
    pub async fn look(&self, rows: &Scope, snapshot: &Snapshot, reached: Reached, size: u32) -> Result<Looked> {
        let from = reached.last.map_or(self.from, behind).max(self.from);
        let mut events = rows.events_to_replay(self.source, from, self.before, size).await?;
        let is_last = events.len() < size as usize;
        let routes = self.routes(snapshot, &events);
        let read = events.len();
        let contents = self.contents(rows, &routes, &mut events).await?;
        let mut looked = Looked { is_end: is_last && read == events.len(), ..Looked::default() };
        let now = clock::now();
        for event in events {
            if looked.planned.len() >= MAX_PLANNED {
                looked.is_end = false;
                break;
            }
            looked.last = Some(event.id);
            let content = contents.get(&event.id).cloned();
            let routes = routes.get(&event.source_id).map_or(&[][..], |routes| &routes.routes);
            self.take(&mut looked, event, content, routes, snapshot, now);
            if self.limit.is_some_and(|limit| reached.matched + looked.counts.matched >= limit) {
                looked.is_end = true;
                break;
            }
        }
        Ok(looked)
    }

    /// Counts an event, and plans its deliveries.
    fn take(
        &self,
        looked: &mut Looked,
        event: EventSummary,
        content: Option<Content>,
        routes: &[Route],
        snapshot: &Snapshot,
        now: Timestamp,
    ) {
        let counts = &mut looked.counts;
        counts.events += 1;
        if event.dedup_status == DedupStatus::Duplicate && !self.include_duplicates {
            counts.duplicates += 1;
            return;
        }
        let event = as_new(event, content);
        let payload = Payload::of_body(&event.headers, &event.body);
        if self.filter.as_ref().is_some_and(|filter| !filter.judge(&EventView::of_new(&event), &payload).matched) {
            return;
        }
        counts.matched += 1;
        if routes.is_empty() {
            counts.no_route += 1;
            return;
        }
        let asked = u64::try_from(routes.len()).unwrap_or(u64::MAX);
        let taken = plan(&event, &payload, routes).deliveries.into_iter().filter(|planned| !planned.is_rejected);
        let first = looked.planned.len();
        let planned =
            taken.enumerate().map(|(index, route)| delivery(first + index, &event, &payload, route, snapshot, now));
        looked.planned.extend(planned);
        let planned = u64::try_from(looked.planned.len() - first).unwrap_or(u64::MAX);
        looked.counts.filtered += asked.saturating_sub(planned);
    }

    /// The routes of these events' sources that the replay takes.
    fn routes(&self, snapshot: &Snapshot, events: &[EventSummary]) -> HashMap<SourceId, Taken> {
        let mut routes = HashMap::new();
        for event in events {
            routes.entry(event.source_id).or_insert_with(|| {
                let all = snapshot.routes(event.source_id).iter();
                let taken = all.filter(|route| self.connection.is_none_or(|id| id == route.connection_id)).cloned();
                Taken::new(taken.collect(), snapshot)
            });
        }
        routes
    }

    /// What is in those events that have to be looked into. Leaves out events that would make it too much; they come first
    /// the next time.
    async fn contents(
        &self,
        rows: &Scope,
        routes: &HashMap<SourceId, Taken>,
        events: &mut Vec<EventSummary>,
    ) -> Result<HashMap<EventId, Content>> {
        let mut wanted = Vec::new();
        let mut bytes = 0;
        let is_seen_into = |event: &EventSummary| {
            self.filter.is_some() || routes.get(&event.source_id).is_some_and(|routes| routes.look_inside)
        };
        let mut fitting = 0;
        for event in events.iter() {
            if is_seen_into(event) {
                bytes += event.content_length;
                if bytes > MAX_BODIES && !wanted.is_empty() {
                    break;
                }
                wanted.push(event.id);
            }
            fitting += 1;
        }
        events.truncate(fitting);
        rows.contents(&wanted, usize::MAX).await
    }
}

/// The routes of a source that a replay takes.
struct Taken {
    routes: Vec<Route>,
    /// Whether events have to be looked into in order to go over them.
    look_inside: bool,
}

impl Taken {
    fn new(routes: Vec<Route>, snapshot: &Snapshot) -> Self {
        let is_ordered = |route: &Route| snapshot.target(route.destination_id).is_some_and(|it| it.order.is_some());
        let look_inside = routes.iter().any(|route| route.rules.is_some() || is_ordered(route));
        Self { routes, look_inside }
    }
}

fn delivery(
    index: usize,
    event: &NewEvent,
    payload: &Payload,
    route: Planned,
    snapshot: &Snapshot,
    now: Timestamp,
) -> PlannedReplay {
    let order = snapshot.target(route.destination_id).and_then(|target| target.order.as_ref());
    let key_of = |order: &Order| {
        let json = if order.is_of_payload() { payload.json().ok() } else { None };
        order.key_of(EventParts {
            headers: &event.headers,
            query: event.query.as_deref(),
            body: payload.content(),
            json,
        })
    };
    PlannedReplay {
        id: DeliveryId::new(now, in_order(index)),
        event_id: event.id,
        connection_id: route.connection_id,
        destination_id: route.destination_id,
        order_key: order.map(key_of),
        held: route.held,
        schema_errors: route.schema_errors,
    }
}

/// Bits of an id whose upper part counts, so that the deliveries of one step sort by their events.
fn in_order(index: usize) -> u128 {
    (u128::try_from(index & 0xfff).unwrap_or(0) << 64) | (clock::id_bits() & u128::from(u64::MAX))
}

/// The event as it was planned when it came. What nobody looks into may be missing.
fn as_new(event: EventSummary, content: Option<Content>) -> NewEvent {
    let (headers, body) = content.map_or_else(|| (Vec::new(), Bytes::new()), |content| (content.headers, content.body));
    NewEvent {
        env_id: event.env_id,
        id: event.id,
        source_id: event.source_id,
        event_type: event.event_type,
        provider_event_id: event.provider_event_id,
        method: event.method,
        path: event.path,
        query: event.query,
        content_type: event.content_type,
        source_ip: event.source_ip,
        received_at: event.received_at,
        verification_status: event.verification_status,
        headers,
        body,
        schema_errors: None,
    }
}

/// No event of this moment or later has a smaller id.
fn first_of(moment: Timestamp) -> EventId {
    EventId::new(moment, 0)
}

/// The smallest id behind this one.
fn behind(event: EventId) -> EventId {
    EventId::from_u128(event.as_u128().saturating_add(1))
}

/// Of a step that has only been looked at: what it would make.
#[must_use]
pub fn counts_of(looked: &Looked, still_open: u64) -> ReplayCounts {
    let planned = u64::try_from(looked.planned.len()).unwrap_or(u64::MAX);
    let still_open = still_open.min(planned);
    ReplayCounts { deliveries: planned - still_open, still_open, ..looked.counts }
}
