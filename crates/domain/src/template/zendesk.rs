//! Zendesk: `X-Zendesk-Webhook-Signature` and `X-Zendesk-Webhook-Signature-Timestamp`.

use super::{
    About, Category, Dedup, Sample, Template,
    place::Place,
    scheme::{Scheme, Signed, TimePlace},
};
use crate::verification::TimestampUnit;

pub(super) const ABOUT: About = About {
    label: "Zendesk",
    category: Category::Support,
    summary: "Verifies X-Zendesk-Webhook-Signature: HMAC-SHA256 over the time and the body, at most 5 minutes old.",
    search: &["tickets", "help desk", "customer service"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "In the Zendesk Admin Center open Apps and integrations, then Webhooks, and choose Create webhook.",
        "Choose Zendesk events (or Trigger or automation), paste the ingest URL of this source as the endpoint URL, method POST, format JSON.",
        "Open the new webhook, choose Reveal secret, and paste the signing secret here.",
    ],
    secret_placeholder: "the webhook's signing secret",
    schemes: &[Scheme::Signed(
        Signed::new("X-Zendesk-Webhook-Signature")
            .base64()
            .time(TimePlace::Header("X-Zendesk-Webhook-Signature-Timestamp"), TimestampUnit::Rfc3339)
            .content("{timestamp}{body}"),
    )],
    tolerance_seconds: Some(300),
    event_type: &[Place::Json("type")],
    event_id: &[Place::Json("id"), Place::Header("X-Zendesk-Webhook-Invocation-Id")],
    dedup: Dedup::Header("X-Zendesk-Webhook-Invocation-Id"),
    samples: &[Sample::json("zen:event-type:ticket.created", TICKET)],
    ..Template::DEFAULT
};

const TICKET: &str = r#"{
  "account_id": 22129848,
  "detail": {"id": "5158", "subject": "A test event from hookstream", "status": "OPEN", "priority": "HIGH", "requester_id": "8447388090494", "created_at": "2025-10-09T08:53:20Z"},
  "event": {"meta": {"sequence": {"id": "01HQ1PW7RRX5D0Z1K2W6B8DXXM", "position": 1, "total": 1}}},
  "id": "cbe4028c-7239-495d-b020-f22348516046",
  "subject": "zen:ticket:5158",
  "time": "2025-10-09T08:53:20.000000000Z",
  "type": "zen:event-type:ticket.created",
  "zendesk_event_version": "2022-11-06"
}"#;
