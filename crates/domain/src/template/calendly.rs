//! Calendly: `Calendly-Webhook-Signature: t=…,v1=…`.

use super::{
    About, Category, Dedup, Sample, Template,
    place::Place,
    scheme::{Scheme, Signed},
};
use crate::verification::TimestampUnit;

pub(super) const ABOUT: About = About {
    label: "Calendly",
    category: Category::Forms,
    summary: "Verifies Calendly-Webhook-Signature: HMAC-SHA256 over the time and the body, at most 5 minutes old.",
    search: &["appointments", "scheduling", "calendar", "bookings"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "Calendly has no page for webhooks: make a personal access token under Integrations and apps, API and webhooks.",
        "Make up a long random signing key, and enter it here.",
        "POST to https://api.calendly.com/webhook_subscriptions with the token: url is the ingest URL of this source, signing_key is the same key, events are such as invitee.created, and organization and scope say whose.",
    ],
    secret_label: "Signing key",
    secret_placeholder: "the signing_key of the subscription",
    schemes: &[Scheme::Signed(
        Signed::new("Calendly-Webhook-Signature")
            .pairs(',', "t", TimestampUnit::Seconds, "v1")
            .content("{timestamp}.{body}"),
    )],
    tolerance_seconds: Some(300),
    event_type: &[Place::Json("event")],
    event_id: &[Place::Json("payload.uri")],
    dedup: Dedup::PayloadHash,
    samples: &[Sample::json("invitee.created", INVITEE)],
    ..Template::DEFAULT
};

const INVITEE: &str = r#"{
  "event": "invitee.created",
  "created_at": "2025-10-09T08:53:20.000000Z",
  "created_by": "https://api.calendly.com/users/AAAAAAAAAAAAAAAA",
  "payload": {
    "uri": "https://api.calendly.com/scheduled_events/AAAAAAAAAAAAAAAA/invitees/BBBBBBBBBBBBBBBB",
    "email": "test@example.com",
    "name": "A test event from hookstream",
    "status": "active",
    "timezone": "Europe/Berlin",
    "scheduled_event": {"uri": "https://api.calendly.com/scheduled_events/AAAAAAAAAAAAAAAA", "name": "15 Minute Meeting", "start_time": "2025-10-20T12:00:00.000000Z", "end_time": "2025-10-20T12:15:00.000000Z"}
  }
}"#;
