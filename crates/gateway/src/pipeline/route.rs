//! The second stage: which deliveries does an event ask for? A pure function of the event and the source's routes.

use std::time::Duration;

use domain::{
    event::SchemaError,
    filter::{Remembered, Unmatched, Why, shortened},
    id::{ConnectionId, DestinationId},
};
use store::writer::NewEvent;

use crate::{
    event_view::{EventView, Payload},
    filter::Decision,
    registry::Route,
    rules::Verdict,
};

/// What an event asks for.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    pub deliveries: Vec<Planned>,
    /// Connections whose filters did not let it through; they get no delivery. Of the first ones it is said why.
    pub unmatched: Vec<Unmatched>,
}

/// A delivery that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    pub connection_id: ConnectionId,
    pub destination_id: DestinationId,
    pub held: bool,
    /// How long after the event it is due.
    pub delay: Duration,
    /// What the connection's schema found wrong with the payload.
    pub schema_errors: Vec<SchemaError>,
    /// The schema rejects it: it stands there as skipped, and nothing is sent.
    pub is_rejected: bool,
}

/// What an event remembers of connections that it did not match, as far as it fits: about so many bytes with the rules that
/// decided, and so many connections beyond those.
const REMEMBERED_BYTES: usize = 2048;
const REMEMBERED_MORE: usize = 64;
/// Characters of a value that is remembered, and what one takes beside its values.
const REMEMBERED_VALUE: usize = 80;
const REMEMBERED_FRAME: usize = 160;

/// One delivery for each route whose rules let the event through.
#[must_use]
pub fn plan(event: &NewEvent, payload: &Payload, routes: &[Route]) -> Plan {
    let mut plan = Plan { deliveries: Vec::with_capacity(routes.len()), ..Plan::default() };
    let mut room = REMEMBERED_BYTES;
    for route in routes {
        let (schema_errors, is_rejected) = match &route.rules {
            None => (Vec::new(), false),
            Some(rules) => {
                let view = EventView::of_new(event);
                match rules.judge(&view, payload) {
                    Verdict::Through(errors) => (errors, false),
                    Verdict::Rejected(errors) => (errors, true),
                    Verdict::NotMatched(decision) => {
                        plan.remember(route.connection_id, &mut room, || why(&decision, &view, payload));
                        continue;
                    }
                }
            }
        };
        plan.deliveries.push(Planned {
            connection_id: route.connection_id,
            destination_id: route.destination_id,
            held: route.held,
            delay: route.delay,
            schema_errors,
            is_rejected,
        });
    }
    plan
}

impl Plan {
    fn remember(&mut self, connection_id: ConnectionId, room: &mut usize, why: impl FnOnce() -> Why) {
        let why = (*room > 0).then(why);
        if let Some(why) = &why {
            let bytes = REMEMBERED_FRAME + why.field.len() + why.wanted.to_string().len() + why.found.to_string().len();
            *room = room.saturating_sub(bytes);
        }
        self.unmatched.push(Unmatched { connection_id, why });
    }

    /// What the event is to remember of those that it did not match.
    #[must_use]
    pub fn remembered(&self) -> Option<Remembered> {
        if self.unmatched.is_empty() {
            return None;
        }
        let with_why = self.unmatched.iter().filter(|unmatched| unmatched.why.is_some()).count();
        let list: Vec<_> = self.unmatched.iter().take(with_why + REMEMBERED_MORE).cloned().collect();
        let more = u32::try_from(self.unmatched.len() - list.len()).unwrap_or(u32::MAX);
        Some(Remembered { list, more })
    }
}

fn why(decision: &Decision<'_>, view: &EventView<'_>, payload: &Payload) -> Why {
    let mut why = decision.why(view, payload);
    why.wanted = shortened(&why.wanted, REMEMBERED_VALUE);
    why.found = shortened(&why.found, REMEMBERED_VALUE);
    why
}
