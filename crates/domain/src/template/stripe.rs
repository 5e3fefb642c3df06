//! Stripe: `Stripe-Signature: t=…,v1=…`.

use super::{
    About, Addresses, Category, Dedup, Sample, Template,
    place::Place,
    scheme::{Scheme, Signed},
};
use crate::verification::TimestampUnit;

pub(super) const ABOUT: About = About {
    label: "Stripe",
    category: Category::Payments,
    summary: "Verifies Stripe-Signature: HMAC-SHA256 over the time and the body, at most 5 minutes old.",
    search: &["checkout", "billing", "subscriptions", "invoices", "cards"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "In the Stripe Dashboard open Developers, then Webhooks, and choose Add destination (or Add endpoint).",
        "Choose the events to send, and paste the ingest URL of this source as the endpoint URL.",
        "Open the new endpoint, reveal its signing secret (it begins with whsec_), and paste it here.",
    ],
    secret_placeholder: "whsec_…",
    schemes: &[Scheme::Signed(
        Signed::new("Stripe-Signature").pairs(',', "t", TimestampUnit::Seconds, "v1").content("{timestamp}.{body}"),
    )],
    tolerance_seconds: Some(300),
    event_type: &[Place::Json("type")],
    event_id: &[Place::Json("id")],
    dedup: Dedup::BodyField("id"),
    addresses: Some(Addresses {
        ranges: &[
            "3.18.12.63",
            "3.130.192.231",
            "13.235.14.237",
            "13.235.122.149",
            "18.211.135.69",
            "35.154.171.200",
            "52.15.183.38",
            "54.88.130.119",
            "54.88.130.237",
            "54.187.174.169",
            "54.187.205.235",
            "54.187.216.72",
        ],
        page: "https://docs.stripe.com/ips",
    }),
    samples: &[
        Sample::json("payment_intent.succeeded", PAYMENT_SUCCEEDED),
        Sample::json("customer.subscription.deleted", SUBSCRIPTION_DELETED),
    ],
    ..Template::DEFAULT
};

const PAYMENT_SUCCEEDED: &str = r#"{
  "id": "evt_1PtestHookstream0000001",
  "object": "event",
  "api_version": "2025-08-27.basil",
  "created": 1760000000,
  "type": "payment_intent.succeeded",
  "livemode": false,
  "data": {
    "object": {
      "id": "pi_3PtestHookstream0000001",
      "object": "payment_intent",
      "amount": 4200,
      "amount_received": 4200,
      "currency": "eur",
      "status": "succeeded",
      "customer": "cus_test_hookstream",
      "description": "A test event from hookstream"
    }
  }
}"#;

const SUBSCRIPTION_DELETED: &str = r#"{
  "id": "evt_1PtestHookstream0000002",
  "object": "event",
  "api_version": "2025-08-27.basil",
  "created": 1760000000,
  "type": "customer.subscription.deleted",
  "livemode": false,
  "data": {
    "object": {
      "id": "sub_1PtestHookstream0000001",
      "object": "subscription",
      "status": "canceled",
      "customer": "cus_test_hookstream",
      "canceled_at": 1760000000,
      "items": {"object": "list", "data": [{"id": "si_test", "price": {"id": "price_test", "unit_amount": 900, "currency": "eur"}, "quantity": 1}]}
    }
  }
}"#;
