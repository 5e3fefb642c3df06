//! Linear: `Linear-Signature`; the time stands in the body.

use super::{
    About, Category, Dedup, Sample, Template,
    place::Place,
    scheme::{Scheme, Signed, TimePlace},
};
use crate::verification::TimestampUnit;

pub(super) const ABOUT: About = About {
    label: "Linear",
    category: Category::Work,
    summary: "Verifies Linear-Signature: HMAC-SHA256 over the body, which holds the time, at most a minute old.",
    search: &["issues", "projects", "tickets"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "In Linear open Settings, then API, and choose New webhook.",
        "Paste the ingest URL of this source as the URL, and choose the data change events.",
        "Copy the signing secret of the webhook (it begins with lin_wh_), and paste it here.",
    ],
    secret_placeholder: "lin_wh_…",
    schemes: &[Scheme::Signed(
        Signed::new("Linear-Signature").time(TimePlace::Body("webhookTimestamp"), TimestampUnit::Milliseconds),
    )],
    tolerance_seconds: Some(60),
    event_type: &[
        Place::Joined(&[Place::Json("type"), Place::Json("action")]),
        Place::Json("type"),
        Place::Header("Linear-Event"),
    ],
    event_id: &[Place::Header("Linear-Delivery"), Place::Json("webhookId")],
    dedup: Dedup::Header("Linear-Delivery"),
    samples: &[Sample::json("Issue.create", ISSUE)],
    ..Template::DEFAULT
};

const ISSUE: &str = r#"{
  "action": "create",
  "type": "Issue",
  "actor": {"id": "b5ea5f1f-8adc-4f52-b4bd-ab4e84cf51ba", "type": "user", "name": "Ada"},
  "createdAt": "2025-10-09T08:53:20.000Z",
  "data": {"id": "539068e2-ae88-4d09-bd75-22eb4a59612f", "identifier": "ENG-42", "title": "A test event from hookstream", "priority": 2, "team": {"key": "ENG"}},
  "url": "https://linear.app/example/issue/ENG-42",
  "webhookTimestamp": 1760000000000,
  "webhookId": "000042e3-d123-4980-b49f-8e140eef9329",
  "organizationId": "8ae06e21-a4ca-4fbf-9e4f-fd1a3d1a6b8e"
}"#;
