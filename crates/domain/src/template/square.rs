//! Square: `x-square-hmacsha256-signature` over the public URL and the body.

use super::{
    About, Category, Dedup, Sample, Template,
    place::Place,
    scheme::{Scheme, Signed},
};

pub(super) const ABOUT: About = About {
    label: "Square",
    category: Category::Payments,
    summary: "Verifies x-square-hmacsha256-signature: HMAC-SHA256 over the public URL and the body.",
    search: &["point of sale", "cards", "invoices"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "In the Square Developer Console open your application, then Webhooks, then Subscriptions, and choose Add subscription.",
        "Paste the ingest URL of this source as the URL. Square signs this very URL: it must be the public one, character for character.",
        "Choose the events, save, open the subscription, reveal its signature key, and paste it here.",
    ],
    secret_label: "Signature key",
    secret_placeholder: "the subscription's signature key",
    schemes: &[Scheme::Signed(Signed::new("x-square-hmacsha256-signature").base64().content("{url}{body}"))],
    event_type: &[Place::Json("type")],
    event_id: &[Place::Json("event_id")],
    dedup: Dedup::BodyField("event_id"),
    samples: &[Sample::json("payment.created", PAYMENT)],
    ..Template::DEFAULT
};

const PAYMENT: &str = r#"{
  "merchant_id": "6SSW7HV8K2ST5",
  "type": "payment.created",
  "event_id": "13b867cf-db3d-4b1c-90b6-2f32a9d78124",
  "created_at": "2025-10-09T08:53:20.000Z",
  "data": {
    "type": "payment",
    "id": "hYy9pRFVxpDsO1FB05SunFWUe9JZY",
    "object": {
      "payment": {"id": "hYy9pRFVxpDsO1FB05SunFWUe9JZY", "status": "APPROVED", "amount_money": {"amount": 4200, "currency": "EUR"}, "location_id": "S8GWD5R9QB376", "note": "A test event from hookstream"}
    }
  }
}"#;
