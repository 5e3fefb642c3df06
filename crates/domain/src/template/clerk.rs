//! Clerk: Svix's `svix-id`, `svix-timestamp` and `svix-signature`.

use super::{
    About, Category, Dedup, Sample, Template,
    place::Place,
    scheme::{Scheme, StandardHeaders},
};

pub(super) const ABOUT: About = About {
    label: "Clerk",
    category: Category::Identity,
    summary: "Verifies svix-signature: HMAC-SHA256 over the id, the time and the body, at most 5 minutes old.",
    search: &["users", "organizations", "authentication", "sign-up"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "In the Clerk Dashboard open Configure, then Webhooks, and choose Add Endpoint.",
        "Paste the ingest URL of this source as the endpoint URL, choose the events, and create it.",
        "On the page of the endpoint reveal the signing secret (it begins with whsec_), and paste it here.",
    ],
    secret_placeholder: "whsec_…",
    schemes: &[Scheme::StandardWebhooks(StandardHeaders::Svix)],
    tolerance_seconds: Some(300),
    event_type: &[Place::Json("type"), Place::Json("event_type")],
    event_id: &[Place::Header("svix-id")],
    dedup: Dedup::Header("svix-id"),
    samples: &[Sample::json("user.created", SAMPLE)],
    ..Template::DEFAULT
};

const SAMPLE: &str = r#"{
  "type": "user.created",
  "object": "event",
  "timestamp": 1760000000000,
  "instance_id": "ins_2g7np7Hrk0SN6kj5EDMLDaKNL0S",
  "data": {
    "id": "user_29w83sxmDNGwOuEthce5gg56FcC",
    "object": "user",
    "first_name": "A test event",
    "last_name": "from hookstream",
    "email_addresses": [{"id": "idn_29w83yL7CwVlJXylYLxcslromF1", "email_address": "example@example.org", "verification": {"status": "verified", "strategy": "ticket"}}],
    "created_at": 1760000000000
  }
}"#;
