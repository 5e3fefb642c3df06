//! Services that send by Svix: `svix-id`, `svix-timestamp` and `svix-signature`.

use super::{
    About, Category, Dedup, Sample, Template,
    place::Place,
    scheme::{Scheme, StandardHeaders},
};

pub(super) const ABOUT: About = About {
    label: "Svix",
    category: Category::Generic,
    summary: "Verifies svix-signature: HMAC-SHA256 over the id, the time and the body, at most 5 minutes old.",
    search: &["standard webhooks", "any sender"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "In the webhook settings of the service that sends by Svix choose Add Endpoint.",
        "Paste the ingest URL of this source as the endpoint URL, choose the events, and create it.",
        "On the page of the endpoint reveal the signing secret (it begins with whsec_), and paste it here.",
    ],
    secret_placeholder: "whsec_…",
    schemes: &[Scheme::StandardWebhooks(StandardHeaders::Svix)],
    tolerance_seconds: Some(300),
    event_type: &[Place::Json("type"), Place::Json("event_type")],
    event_id: &[Place::Header("svix-id")],
    dedup: Dedup::Header("svix-id"),
    samples: &[Sample::json("invoice.paid", SAMPLE)],
    ..Template::DEFAULT
};

const SAMPLE: &str = r#"{
  "type": "invoice.paid",
  "timestamp": "2025-10-09T08:53:20Z",
  "data": {"id": "inv_test_hookstream", "amount": 4200, "currency": "eur", "note": "A test event from hookstream"}
}"#;
