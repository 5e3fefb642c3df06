//! Shopify: `X-Shopify-Hmac-SHA256`.

use super::{
    About, Category, Dedup, Sample, Template,
    place::Place,
    scheme::{Scheme, Signed},
};

pub(super) const ABOUT: About = About {
    label: "Shopify",
    category: Category::Shops,
    summary: "Verifies X-Shopify-Hmac-SHA256: HMAC-SHA256 over the body.",
    search: &["orders", "products", "e-commerce"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "In the Shopify admin open Settings, then Notifications, then Webhooks, and choose Create webhook. (An app subscribes with its API or in its configuration file.)",
        "Choose the event and the format JSON, and paste the ingest URL of this source as the URL.",
        "Copy the signing secret that stands below the list of webhooks (for an app: its client secret), and paste it here.",
    ],
    secret_label: "Signing secret or client secret",
    secret_placeholder: "the secret below the list of webhooks",
    schemes: &[Scheme::Signed(Signed::new("X-Shopify-Hmac-SHA256").base64())],
    event_type: &[Place::Header("X-Shopify-Topic")],
    event_id: &[Place::Header("X-Shopify-Event-Id"), Place::Header("X-Shopify-Webhook-Id")],
    dedup: Dedup::Header("X-Shopify-Webhook-Id"),
    samples: &[Sample::json("orders/create", ORDER), Sample::json("products/update", PRODUCT)],
    ..Template::DEFAULT
};

const ORDER: &str = r#"{
  "id": 820982911946154508,
  "admin_graphql_api_id": "gid://shopify/Order/820982911946154508",
  "name": "9999",
  "email": "jon@example.com",
  "currency": "EUR",
  "total_price": "42.00",
  "financial_status": "paid",
  "created_at": "2025-10-09T08:53:20+00:00",
  "line_items": [{"id": 866550311766439020, "title": "A test event from hookstream", "quantity": 1, "price": "42.00", "sku": "TEST-1"}]
}"#;

const PRODUCT: &str = r#"{
  "id": 788032119674292922,
  "title": "A test event from hookstream",
  "vendor": "Acme",
  "status": "active",
  "updated_at": "2025-10-09T08:53:20+00:00",
  "variants": [{"id": 642667041472713922, "price": "19.99", "inventory_quantity": 75}]
}"#;
