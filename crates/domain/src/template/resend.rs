//! Resend: Svix's `svix-id`, `svix-timestamp` and `svix-signature`.

use super::{
    About, Category, Dedup, Sample, Template,
    place::Place,
    scheme::{Scheme, StandardHeaders},
};

pub(super) const ABOUT: About = About {
    label: "Resend",
    category: Category::Email,
    summary: "Verifies svix-signature: HMAC-SHA256 over the id, the time and the body, at most 5 minutes old.",
    search: &["mail", "bounces", "transactional"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "In Resend open Webhooks, and choose Add webhook.",
        "Paste the ingest URL of this source as the endpoint URL, choose the events, and add it.",
        "On the page of the webhook copy the signing secret (it begins with whsec_), and paste it here.",
    ],
    secret_placeholder: "whsec_…",
    schemes: &[Scheme::StandardWebhooks(StandardHeaders::Svix)],
    tolerance_seconds: Some(300),
    event_type: &[Place::Json("type"), Place::Json("event_type")],
    event_id: &[Place::Header("svix-id")],
    dedup: Dedup::Header("svix-id"),
    samples: &[Sample::json("email.delivered", SAMPLE)],
    ..Template::DEFAULT
};

const SAMPLE: &str = r#"{
  "type": "email.delivered",
  "created_at": "2025-10-09T08:53:20.000Z",
  "data": {
    "email_id": "56761188-7520-42d8-8898-ff6fc54ce618",
    "created_at": "2025-10-09T08:53:19.000Z",
    "from": "Acme <onboarding@example.com>",
    "to": ["delivered@example.org"],
    "subject": "A test event from hookstream"
  }
}"#;
