//! Razorpay: `X-Razorpay-Signature`.

use super::{
    About, Category, Dedup, Sample, Template,
    place::Place,
    scheme::{Scheme, Signed},
};

pub(super) const ABOUT: About = About {
    label: "Razorpay",
    category: Category::Payments,
    summary: "Verifies X-Razorpay-Signature: HMAC-SHA256 over the body.",
    search: &["india", "upi", "cards"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "In the Razorpay Dashboard open Account and settings, then Webhooks, and choose Add new webhook.",
        "Paste the ingest URL of this source as the webhook URL, and choose the active events.",
        "Make up a long random secret, and enter the same one there and here.",
    ],
    secret_label: "Secret",
    secret_placeholder: "the secret entered at Razorpay",
    schemes: &[Scheme::Signed(Signed::new("X-Razorpay-Signature"))],
    event_type: &[Place::Json("event")],
    event_id: &[Place::Header("x-razorpay-event-id")],
    dedup: Dedup::Header("x-razorpay-event-id"),
    samples: &[Sample::json("payment.captured", PAYMENT)],
    ..Template::DEFAULT
};

const PAYMENT: &str = r#"{
  "entity": "event",
  "account_id": "acc_BFQ7uQEaa7j2z7",
  "event": "payment.captured",
  "contains": ["payment"],
  "payload": {"payment": {"entity": {"id": "pay_DESlfW9H8K9uqM", "entity": "payment", "amount": 4200, "currency": "INR", "status": "captured", "order_id": "order_DESlLckIVRkHWj", "method": "netbanking", "captured": true, "description": "A test event from hookstream"}}},
  "created_at": 1760000000
}"#;
