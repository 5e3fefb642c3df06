//! Adyen: `additionalData.hmacSignature` of each item in the body.

use super::{
    About, Category, Dedup, Sample, Template,
    place::Place,
    scheme::{Scheme, Special},
};

pub(super) const ABOUT: About = About {
    label: "Adyen",
    category: Category::Payments,
    summary: "Verifies hmacSignature of every item in the body: HMAC-SHA256 over eight of its fields. Adyen does not sign the others.",
    search: &["cards", "terminals", "standard webhook", "notifications"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "In the Adyen Customer Area open Developers, then Webhooks, choose + Webhook, and add the Standard webhook.",
        "Paste the ingest URL of this source as the URL, and choose the method JSON.",
        "Under Security, HMAC key, choose Generate, copy the key (64 hexadecimal digits) and paste it here; save both.",
    ],
    secret_label: "HMAC key",
    secret_placeholder: "64 hexadecimal digits",
    schemes: &[Scheme::Special(Special::Adyen)],
    event_type: &[Place::Json("notificationItems.0.NotificationRequestItem.eventCode")],
    event_id: &[Place::Joined(&[
        Place::Json("notificationItems.0.NotificationRequestItem.pspReference"),
        Place::Json("notificationItems.0.NotificationRequestItem.eventCode"),
    ])],
    dedup: Dedup::PayloadHash,
    samples: &[Sample::json("AUTHORISATION", AUTHORISATION)],
    ..Template::DEFAULT
};

const AUTHORISATION: &str = r#"{
  "live": "false",
  "notificationItems": [
    {
      "NotificationRequestItem": {
        "additionalData": {"hmacSignature": ""},
        "amount": {"currency": "EUR", "value": 4200},
        "eventCode": "AUTHORISATION",
        "eventDate": "2025-10-09T08:53:20+00:00",
        "merchantAccountCode": "TestMerchant",
        "merchantReference": "hookstream-test-event",
        "operations": ["CANCEL", "CAPTURE", "REFUND"],
        "paymentMethod": "visa",
        "pspReference": "7914073381342284",
        "reason": "1234:1111:12/2030",
        "success": "true"
      }
    }
  ]
}"#;
