//! HubSpot: `X-HubSpot-Signature-v3` and `X-HubSpot-Request-Timestamp`.

use super::{
    About, Category, Dedup, Sample, Template,
    place::Place,
    scheme::{Scheme, Signed, TimePlace},
};
use crate::verification::TimestampUnit;

pub(super) const ABOUT: About = About {
    label: "HubSpot",
    category: Category::Support,
    summary: "Verifies X-HubSpot-Signature-v3: HMAC-SHA256 over the method, the public URL, the body and the time, at most 5 minutes old.",
    search: &["crm", "contacts", "deals", "marketing"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "In your HubSpot developer account open the app; under Auth copy the client secret, and paste it here.",
        "Open Webhooks, and paste the ingest URL of this source as the target URL. HubSpot signs this very URL: it must be the public one.",
        "Create subscriptions for the events, and activate them.",
    ],
    secret_label: "Client secret",
    secret_placeholder: "the app's client secret",
    schemes: &[Scheme::Signed(
        Signed::new("X-HubSpot-Signature-v3")
            .base64()
            .time(TimePlace::Header("X-HubSpot-Request-Timestamp"), TimestampUnit::Milliseconds)
            .content("{method}{decoded_url}{body}{timestamp}"),
    )],
    tolerance_seconds: Some(300),
    event_type: &[Place::Json("0.subscriptionType")],
    event_id: &[Place::Json("0.eventId")],
    dedup: Dedup::PayloadHash,
    samples: &[Sample::json("contact.propertyChange", PROPERTY_CHANGE)],
    ..Template::DEFAULT
};

const PROPERTY_CHANGE: &str = r#"[
  {"eventId": 3816279340, "subscriptionId": 25, "portalId": 33, "appId": 1160452, "occurredAt": 1760000000000, "subscriptionType": "contact.propertyChange", "attemptNumber": 0, "objectId": 1246965, "propertyName": "lifecyclestage", "propertyValue": "subscriber", "changeSource": "ACADEMY"}
]"#;
