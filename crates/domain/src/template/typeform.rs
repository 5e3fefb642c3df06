//! Typeform: `Typeform-Signature: sha256=…`, in base64.

use super::{
    About, Category, Dedup, Sample, Template,
    place::Place,
    scheme::{Scheme, Signed},
};

pub(super) const ABOUT: About = About {
    label: "Typeform",
    category: Category::Forms,
    summary: "Verifies Typeform-Signature: HMAC-SHA256 over the body.",
    search: &["surveys", "quiz", "responses"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "In Typeform open the form, then Connect, then Webhooks, and choose Add a webhook.",
        "Paste the ingest URL of this source as the endpoint, save, and turn the webhook on.",
        "Edit the webhook, make up a long random secret, and enter the same one there and here.",
    ],
    secret_label: "Secret",
    secret_placeholder: "the secret entered at Typeform",
    schemes: &[Scheme::Signed(Signed::new("Typeform-Signature").prefix("sha256=").base64())],
    event_type: &[Place::Json("event_type")],
    event_id: &[Place::Json("event_id")],
    dedup: Dedup::BodyField("event_id"),
    samples: &[Sample::json("form_response", RESPONSE)],
    ..Template::DEFAULT
};

const RESPONSE: &str = r#"{
  "event_id": "LtWXD3crgy",
  "event_type": "form_response",
  "form_response": {
    "form_id": "lT4Z3j",
    "token": "a3a12ec67a1365927098a606107fac15",
    "submitted_at": "2025-10-09T08:53:20Z",
    "definition": {"id": "lT4Z3j", "title": "A test event from hookstream", "fields": [{"id": "DlXFaesGBpoF", "title": "How are you?", "type": "long_text"}]},
    "answers": [{"type": "text", "text": "It is cold right now", "field": {"id": "DlXFaesGBpoF", "type": "long_text"}}]
  }
}"#;
