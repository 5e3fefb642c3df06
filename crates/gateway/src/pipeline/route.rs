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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use domain::{
        checks::SchemaAction,
        connection,
        event::VerificationStatus,
        id::{EnvId, EventId, SourceId},
        time::Timestamp,
    };
    use serde_json::json;

    use super::*;
    use crate::rules::Rules;

    const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);

    fn event(body: &'static str) -> NewEvent {
        NewEvent {
            env_id: EnvId::new(NOW, 1),
            id: EventId::new(NOW, 1),
            source_id: SourceId::new(NOW, 1),
            event_type: None,
            provider_event_id: None,
            method: "POST".to_owned(),
            path: "/".to_owned(),
            query: None,
            content_type: None,
            source_ip: None,
            received_at: NOW,
            verification_status: VerificationStatus::NotRequired,
            headers: vec![],
            body: Bytes::from_static(body.as_bytes()),
            schema_errors: None,
        }
    }

    fn route(number: u128, rules: Option<connection::Rules>) -> Route {
        Route {
            connection_id: ConnectionId::new(NOW, number),
            destination_id: DestinationId::new(NOW, number),
            held: false,
            delay: Duration::ZERO,
            rules: rules.map(|rules| Arc::new(Rules::compile(&rules).expect("rules"))),
        }
    }

    fn filtered(number: u128) -> Route {
        let filter = json!({ "field": "payload.text", "op": "eq", "value": "y".repeat(100) });
        route(number, Some(connection::Rules { filter: Some(filter), ..connection::Rules::default() }))
    }

    #[test]
    fn without_rules_nothing_is_looked_at() {
        let event = event("no JSON");
        let payload = Payload::new(event.body.clone());
        let plan = plan(&event, &payload, &[route(1, None), route(2, None)]);
        assert_eq!((plan.deliveries.len(), plan.unmatched.len()), (2, 0));
        assert_eq!(plan.remembered(), None);
        assert_eq!(payload.known_json(), None, "it was not read");
    }

    #[test]
    fn a_schema_rejects_or_warns() {
        let event = event(r#"{"n": "x"}"#);
        let payload = Payload::new(event.body.clone());
        let with = |schema_action| connection::Rules {
            schema: Some(json!({ "properties": { "n": { "type": "integer" } } })),
            schema_action,
            ..connection::Rules::default()
        };
        let routes = [route(1, Some(with(SchemaAction::Reject))), route(2, Some(with(SchemaAction::Warn)))];
        let plan = plan(&event, &payload, &routes);
        let [rejected, warned] = plan.deliveries.as_slice() else { panic!("{plan:?}") };
        assert!(rejected.is_rejected && !warned.is_rejected);
        assert_eq!(rejected.schema_errors, warned.schema_errors);
        assert_eq!(rejected.schema_errors[0].pointer, "/n");
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let event = event(
            r#"{"text": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}"#,
        );
        let payload = Payload::new(event.body.clone());
        let routes: Vec<_> = (0..1000).map(filtered).collect();
        let plan = plan(&event, &payload, &routes);
        assert_eq!((plan.deliveries.len(), plan.unmatched.len()), (0, 1000));
        let remembered = plan.remembered().expect("some");
        assert_eq!(remembered.list.len() + remembered.more as usize, 1000);
        assert!(remembered.list[0].why.as_ref().is_some_and(|why| why.found.to_string().ends_with("…\"")));
        let bytes = serde_json::to_string(&remembered).expect("JSON").len();
        assert!(bytes < 3 * REMEMBERED_BYTES + REMEMBERED_MORE * 100, "{bytes}");
    }
}
