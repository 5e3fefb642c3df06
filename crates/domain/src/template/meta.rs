//! Meta (WhatsApp, Facebook, Instagram): `X-Hub-Signature-256: sha256=…`, and a challenge by GET.

use super::{
    About, Category, Dedup, Handshake, Sample, Template,
    place::Place,
    scheme::{Scheme, Signed},
};

pub(super) const ABOUT: About = About {
    label: "Meta",
    category: Category::Messaging,
    summary: "Verifies X-Hub-Signature-256: HMAC-SHA256 over the body. Answers hub.challenge when the verify token is right.",
    search: &["whatsapp", "facebook", "instagram", "messenger", "threads", "lead ads"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "At developers.facebook.com open your app; under App settings, Basic, show the app secret and paste it here.",
        "Make up a verify token, enter it here, and save this source: Meta asks the URL at once.",
        "Open Webhooks (for WhatsApp: WhatsApp, Configuration), paste the ingest URL of this source as the callback URL, enter the same verify token, and choose Verify and save.",
        "Subscribe to the fields, such as messages.",
    ],
    secret_label: "App secret",
    secret_placeholder: "32 hexadecimal digits",
    schemes: &[Scheme::Signed(Signed::new("X-Hub-Signature-256").prefix("sha256="))],
    event_type: &[
        Place::Joined(&[Place::Json("object"), Place::Json("entry.0.changes.0.field")]),
        Place::Json("object"),
    ],
    event_id: &[
        Place::Json("entry.0.changes.0.value.messages.0.id"),
        Place::Json("entry.0.changes.0.value.statuses.0.id"),
        Place::Json("entry.0.messaging.0.message.mid"),
    ],
    dedup: Dedup::PayloadHash,
    handshake: Some(Handshake::Meta),
    samples: &[Sample::json("whatsapp_business_account.messages", WHATSAPP), Sample::json("page.feed", PAGE)],
    ..Template::DEFAULT
};

const WHATSAPP: &str = r#"{
  "object": "whatsapp_business_account",
  "entry": [
    {
      "id": "0",
      "changes": [
        {
          "field": "messages",
          "value": {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "16505551111", "phone_number_id": "123456123"},
            "contacts": [{"profile": {"name": "test user name"}, "wa_id": "16315551181"}],
            "messages": [{"from": "16315551181", "id": "wamid.HOOKSTREAMTEST", "timestamp": "1760000000", "type": "text", "text": {"body": "A test event from hookstream"}}]
          }
        }
      ]
    }
  ]
}"#;

const PAGE: &str = r#"{
  "object": "page",
  "entry": [
    {"id": "0", "time": 1760000000, "changes": [{"field": "feed", "value": {"item": "status", "post_id": "44444444_444444444", "verb": "add", "published": 1, "created_time": 1760000000, "message": "A test event from hookstream", "from": {"name": "Test Page", "id": "1067280970047460"}}}]}
  ]
}"#;
