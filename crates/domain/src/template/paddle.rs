//! Paddle: `Paddle-Signature: ts=…;h1=…`.

use super::{
    About, Addresses, Category, Dedup, Sample, Template,
    place::Place,
    scheme::{Scheme, Signed},
};
use crate::verification::TimestampUnit;

pub(super) const ABOUT: About = About {
    label: "Paddle",
    category: Category::Payments,
    summary: "Verifies Paddle-Signature: HMAC-SHA256 over the time and the body, at most 5 minutes old.",
    search: &["subscriptions", "merchant of record", "billing"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "In Paddle open Developer tools, then Notifications, and choose New destination.",
        "Choose the type URL, paste the ingest URL of this source, choose the events, and save.",
        "Edit the new destination, copy its secret key (it begins with pdl_ntfset_), and paste it here.",
    ],
    secret_label: "Endpoint secret key",
    secret_placeholder: "pdl_ntfset_…",
    schemes: &[Scheme::Signed(
        Signed::new("Paddle-Signature").pairs(';', "ts", TimestampUnit::Seconds, "h1").content("{timestamp}:{body}"),
    )],
    tolerance_seconds: Some(300),
    event_type: &[Place::Json("event_type")],
    event_id: &[Place::Json("event_id")],
    dedup: Dedup::BodyField("event_id"),
    addresses: Some(Addresses {
        ranges: &["34.232.58.13", "34.195.105.136", "34.237.3.244", "35.155.119.135", "52.11.166.252", "34.212.5.7"],
        page: "https://developer.paddle.com/webhooks/respond-to-webhooks",
    }),
    samples: &[Sample::json("transaction.completed", TRANSACTION)],
    ..Template::DEFAULT
};

const TRANSACTION: &str = r#"{
  "event_id": "evt_01hv8x2acma2gz7he8kg2s0hna",
  "event_type": "transaction.completed",
  "occurred_at": "2025-10-09T08:53:20.000000Z",
  "notification_id": "ntf_01hv8x2af22vnrnaa9k0ge4ajg",
  "data": {
    "id": "txn_01hv8wptq8987qeep44cyrewp9",
    "status": "completed",
    "customer_id": "ctm_01hv6y1jedq4p1n0yqn5ba3ky4",
    "currency_code": "EUR",
    "details": {"totals": {"subtotal": "3500", "tax": "700", "total": "4200"}},
    "custom_data": {"note": "A test event from hookstream"}
  }
}"#;
