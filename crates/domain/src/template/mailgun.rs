//! Mailgun: the signature stands in the body, and covers a time and a token, not the body.

use super::{
    About, Category, Dedup, Sample, Template,
    place::Place,
    scheme::{Scheme, Special},
};

pub(super) const ABOUT: About = About {
    label: "Mailgun",
    category: Category::Email,
    summary: "Verifies the signature in the body: HMAC-SHA256 over a time and a token, at most 5 minutes old, each token once. Mailgun does not sign the rest of the body.",
    search: &["sinch", "mail", "inbound", "routes"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "In Mailgun open Send, then Sending, then Webhooks, choose the domain, and choose Add webhook.",
        "Choose the event type, and paste the ingest URL of this source as the URL.",
        "Copy the HTTP webhook signing key (on the page Webhooks, or under API security), and paste it here.",
    ],
    secret_label: "HTTP webhook signing key",
    secret_placeholder: "the account's webhook signing key",
    schemes: &[Scheme::Special(Special::Mailgun)],
    tolerance_seconds: Some(300),
    event_type: &[Place::Json("event-data.event"), Place::Form("event")],
    event_id: &[Place::Json("event-data.id"), Place::Form("Message-Id")],
    dedup: Dedup::BodyField("event-data.id"),
    samples: &[Sample::json("delivered", DELIVERED)],
    ..Template::DEFAULT
};

const DELIVERED: &str = r#"{
  "signature": {"timestamp": "", "token": "", "signature": ""},
  "event-data": {
    "event": "delivered",
    "id": "CPgfbmQMTCKtHW6uIWtuVe",
    "timestamp": 1760000000.854,
    "log-level": "info",
    "recipient": "alice@example.com",
    "recipient-domain": "example.com",
    "tags": ["hookstream test"],
    "message": {"headers": {"to": "Alice <alice@example.com>", "from": "Bob <bob@example.com>", "subject": "A test event from hookstream", "message-id": "20251009085320.1.TEST@example.com"}, "size": 111},
    "delivery-status": {"code": 250, "message": "OK", "attempt-no": 1}
  }
}"#;
