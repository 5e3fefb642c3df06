//! Discord: `X-Signature-Ed25519` and `X-Signature-Timestamp`, by a key that only Discord has.

use super::{
    About, Category, Dedup, Handshake, Sample, Template,
    place::Place,
    scheme::{Algorithm, Scheme, Signed, TimePlace},
};
use crate::verification::TimestampUnit;

pub(super) const ABOUT: About = About {
    label: "Discord",
    category: Category::Messaging,
    summary: "Verifies X-Signature-Ed25519: Ed25519 over the time and the body, with the application's public key. Answers the PING.",
    search: &["chat", "interactions", "bot", "webhook events"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "In the Discord Developer Portal open your application; under General Information copy the public key, and paste it here.",
        "Save this source first: Discord asks the URL at once, with right and with wrong signatures.",
        "Open Webhooks, paste the ingest URL of this source as the endpoint URL, turn events on, and choose them. (For interactions: General Information, Interactions Endpoint URL.)",
    ],
    secret_label: "Public key",
    secret_placeholder: "64 hexadecimal digits",
    schemes: &[Scheme::Signed(
        Signed::new("X-Signature-Ed25519")
            .algorithm(Algorithm::Ed25519)
            .time(TimePlace::Header("X-Signature-Timestamp"), TimestampUnit::Seconds)
            .content("{timestamp}{body}"),
    )],
    tolerance_seconds: Some(300),
    event_type: &[Place::Json("event.type"), Place::Json("data.name"), Place::Json("type")],
    event_id: &[Place::Json("id")],
    dedup: Dedup::PayloadHash,
    handshake: Some(Handshake::Discord),
    addresses: None,
    samples: &[Sample::json("APPLICATION_AUTHORIZED", AUTHORIZED)],
};

const AUTHORIZED: &str = r#"{
  "version": 1,
  "application_id": "1234560123453231555",
  "type": 1,
  "event": {
    "type": "APPLICATION_AUTHORIZED",
    "timestamp": "2025-10-09T08:53:20.000000",
    "data": {
      "integration_type": 1,
      "scopes": ["applications.commands"],
      "user": {"id": "123456789012345678", "username": "hookstream-test", "global_name": "A test event from hookstream", "bot": false}
    }
  }
}"#;
