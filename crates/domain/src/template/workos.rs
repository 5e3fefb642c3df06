//! WorkOS: `WorkOS-Signature: t=…, v1=…`, the time in milliseconds.

use super::{
    About, Category, Dedup, Sample, Template,
    place::Place,
    scheme::{Scheme, Signed},
};
use crate::verification::TimestampUnit;

pub(super) const ABOUT: About = About {
    label: "WorkOS",
    category: Category::Identity,
    summary: "Verifies WorkOS-Signature: HMAC-SHA256 over the time and the body, at most 3 minutes old.",
    search: &["sso", "directory sync", "scim", "authkit"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "In the WorkOS Dashboard open Developer, then Webhooks, and choose Create webhook.",
        "Paste the ingest URL of this source as the endpoint URL, and choose the events.",
        "On the page of the webhook copy its secret, and paste it here.",
    ],
    secret_label: "Webhook secret",
    secret_placeholder: "the webhook's secret",
    schemes: &[Scheme::Signed(
        Signed::new("WorkOS-Signature")
            .pairs(',', "t", TimestampUnit::Milliseconds, "v1")
            .content("{timestamp}.{body}"),
    )],
    tolerance_seconds: Some(180),
    event_type: &[Place::Json("event")],
    event_id: &[Place::Json("id")],
    dedup: Dedup::BodyField("id"),
    samples: &[Sample::json("dsync.user.created", USER)],
    ..Template::DEFAULT
};

const USER: &str = r#"{
  "id": "event_07FKJ843CVE8F7BXQSPFH0M53V",
  "event": "dsync.user.created",
  "created_at": "2025-10-09T08:53:20.000Z",
  "data": {
    "id": "directory_user_01E1X1B89NH8Z3SDFJR4H7RGX7",
    "object": "directory_user",
    "directory_id": "directory_01ECAZ4NV9QMV47GW873HDCX74",
    "organization_id": "org_01EZTR6WYX1A0DSE2CYMGXQ24Y",
    "state": "active",
    "first_name": "A test event",
    "last_name": "from hookstream",
    "email": "test@example.com"
  }
}"#;
