//! An event for a test that asks for nothing in particular.

use bytes::Bytes;
use domain::{
    event::VerificationStatus,
    id::{EnvId, EventId, SourceId},
    time::Timestamp,
};
use store::writer::NewEvent;

/// The event of this number, with `{}` in it.
pub fn event(env: EnvId, at: Timestamp, number: u128) -> NewEvent {
    NewEvent {
        env_id: env,
        id: EventId::new(at, number),
        source_id: SourceId::from_u128(3),
        event_type: None,
        provider_event_id: None,
        method: "POST".into(),
        path: "/".into(),
        query: None,
        content_type: None,
        source_ip: None,
        received_at: at,
        verification_status: VerificationStatus::NotRequired,
        headers: vec![],
        body: Bytes::from_static(b"{}"),
        schema_errors: None,
    }
}
