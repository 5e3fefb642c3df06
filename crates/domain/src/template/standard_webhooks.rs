//! Whoever follows Standard Webhooks: `webhook-id`, `webhook-timestamp` and `webhook-signature`.

use super::{
    About, Category, Dedup, Sample, Template,
    place::Place,
    scheme::{Scheme, StandardHeaders},
};

pub(super) const ABOUT: About = About {
    label: "Standard Webhooks",
    category: Category::Generic,
    summary: "Verifies webhook-signature: HMAC-SHA256 (v1) or Ed25519 (v1a) over the id, the time and the body, at most 5 minutes old.",
    search: &["any sender", "openai", "supabase", "polar", "specification"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "In the webhook settings of the sender add an endpoint, and paste the ingest URL of this source.",
        "Copy the signing secret (it begins with whsec_), or the public key (it begins with whpk_), and paste it here.",
    ],
    secret_label: "Signing secret or public key",
    secret_placeholder: "whsec_… or whpk_…",
    schemes: &[Scheme::StandardWebhooks(StandardHeaders::Webhook)],
    tolerance_seconds: Some(300),
    event_type: &[Place::Json("type")],
    event_id: &[Place::Header("webhook-id")],
    dedup: Dedup::Header("webhook-id"),
    samples: &[Sample::json("user.created", USER)],
    ..Template::DEFAULT
};

const USER: &str = r#"{
  "type": "user.created",
  "timestamp": "2025-10-09T08:53:20Z",
  "data": {"id": "1f81eb52-5198-4599-803e-771906343485", "name": "A test event from hookstream", "email": "test@example.org"}
}"#;
