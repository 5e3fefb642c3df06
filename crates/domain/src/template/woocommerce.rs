//! WooCommerce: `X-WC-Webhook-Signature`.

use super::{
    About, Category, Dedup, Handshake, Sample, Template,
    place::Place,
    scheme::{Scheme, Signed},
};

pub(super) const ABOUT: About = About {
    label: "WooCommerce",
    category: Category::Shops,
    summary: "Verifies X-WC-Webhook-Signature: HMAC-SHA256 over the body. Answers the unsigned ping at its activation.",
    search: &["wordpress", "orders", "products", "e-commerce"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "In the WordPress admin open WooCommerce, Settings, Advanced, Webhooks, and choose Add webhook.",
        "Choose the status Active and a topic, and paste the ingest URL of this source as the delivery URL.",
        "Make up a long random secret, enter the same one there and here, and save this source before the webhook: WooCommerce pings it at once.",
    ],
    secret_label: "Secret",
    secret_placeholder: "the secret entered at WooCommerce",
    schemes: &[Scheme::Signed(Signed::new("X-WC-Webhook-Signature").base64())],
    event_type: &[Place::Header("X-WC-Webhook-Topic")],
    event_id: &[Place::Header("X-WC-Webhook-Delivery-ID")],
    dedup: Dedup::Header("X-WC-Webhook-Delivery-ID"),
    handshake: Some(Handshake::Woocommerce),
    samples: &[Sample::json("order.created", ORDER)],
    ..Template::DEFAULT
};

const ORDER: &str = r#"{
  "id": 727,
  "number": "727",
  "status": "processing",
  "currency": "EUR",
  "date_created": "2025-10-09T08:53:20",
  "total": "42.00",
  "billing": {"first_name": "A test event", "last_name": "from hookstream", "email": "test@example.com", "country": "DE"},
  "line_items": [{"id": 315, "name": "Woo Single #1", "product_id": 93, "quantity": 2, "total": "42.00"}]
}"#;
