//! Events, attempts and ids, made of numbers.

use domain::{
    delivery::{Attempt, AttemptStatus, ErrorClass, SentRequest},
    id::{AttemptId, ConnectionId, DeliveryId, DestinationId, EnvId, EventId},
    time::Timestamp,
};
use store::{
    queue::Claimed,
    writer::{AttemptRecord, NewEvent, Verdict},
};

use crate::{events, reference::EPOCH};

pub const ENV: EnvId = EnvId::from_u128(1);
pub const FIRST_DESTINATION: u128 = 100;
pub const FIRST_CONNECTION: u128 = 200;

pub fn event(number: u32, now: Timestamp) -> NewEvent {
    NewEvent { id: event_id(number), headers: vec![("a".into(), "b".into())], ..events::event(ENV, now, number.into()) }
}

/// What became of a delivery that was given to a node.
pub fn attempt(number: u128, claimed: &Claimed, verdict: Verdict, at: Timestamp) -> AttemptRecord {
    let attempt = Attempt {
        id: AttemptId::new(EPOCH, number),
        delivery_id: claimed.id,
        attempt_number: claimed.attempt_count + 1,
        trigger: claimed.trigger,
        status: if verdict == Verdict::Succeeded { AttemptStatus::Succeeded } else { AttemptStatus::Failed },
        started_at: at,
        latency_ms: 1,
        response_status: None,
        response_headers: None,
        response_body: None,
        error: None,
        error_class: (verdict != Verdict::Succeeded).then_some(ErrorClass::Timeout),
        request: SentRequest { method: "POST".into(), url: "http://x/".into(), headers: vec![] },
        next_retry_at: None,
    };
    AttemptRecord {
        env_id: ENV,
        event_id: claimed.event_id,
        destination_id: claimed.destination_id,
        attempt,
        verdict,
        gate: None,
    }
}

pub const fn event_id(number: u32) -> EventId {
    EventId::new(EPOCH, number as u128)
}

pub const fn delivery_id(number: u32) -> DeliveryId {
    DeliveryId::new(EPOCH, number as u128)
}

pub const fn destination_id(place: usize) -> DestinationId {
    DestinationId::from_u128(FIRST_DESTINATION + place as u128)
}

pub const fn connection_id(place: usize) -> ConnectionId {
    ConnectionId::from_u128(FIRST_CONNECTION + place as u128)
}

/// Of an event or delivery, from its id.
pub fn number(id: u128) -> u32 {
    u32::try_from(id & u128::from(u32::MAX)).expect("is masked")
}

/// Of a destination or connection, from its id.
pub fn place(id: u128, first: u128) -> usize {
    usize::try_from(id - first).expect("one of few")
}
