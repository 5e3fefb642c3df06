//! Intercom: `X-Hub-Signature: sha1=…`.

use super::{
    About, Category, Dedup, Sample, Template,
    place::Place,
    scheme::{Algorithm, Scheme, Signed},
};

pub(super) const ABOUT: About = About {
    label: "Intercom",
    category: Category::Support,
    summary: "Verifies X-Hub-Signature: HMAC-SHA1 over the body.",
    search: &["conversations", "chat", "customer service"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "In the Intercom Developer Hub open your app; under Basic information copy the client secret, and paste it here.",
        "Open Webhooks, and paste the ingest URL of this source as the endpoint URL.",
        "Choose the topics, and save.",
    ],
    secret_label: "Client secret",
    secret_placeholder: "the app's client secret",
    schemes: &[Scheme::Signed(Signed::new("X-Hub-Signature").prefix("sha1=").algorithm(Algorithm::HmacSha1))],
    event_type: &[Place::Json("topic")],
    event_id: &[Place::Json("id")],
    dedup: Dedup::BodyField("id"),
    samples: &[Sample::json("conversation.user.created", CONVERSATION)],
    ..Template::DEFAULT
};

const CONVERSATION: &str = r#"{
  "type": "notification_event",
  "app_id": "a86dr8yl",
  "data": {
    "type": "notification_event_data",
    "item": {
      "type": "conversation",
      "id": "215468340900007",
      "created_at": 1760000000,
      "source": {"type": "conversation", "subject": "", "body": "<p>A test event from hookstream</p>", "author": {"type": "user", "id": "530370b477ad7120001d", "name": "Hoban", "email": "hoban@example.com"}}
    }
  },
  "id": "notif_78c122d0-23ba-11e4-9464-79b01267cc2e",
  "topic": "conversation.user.created",
  "delivery_status": "pending",
  "delivery_attempts": 1,
  "created_at": 1760000000
}"#;
