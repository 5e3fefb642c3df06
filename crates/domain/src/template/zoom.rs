//! Zoom: `x-zm-signature: v0=…` and `x-zm-request-timestamp`.

use super::{
    About, Category, Dedup, Handshake, Sample, Template,
    place::Place,
    scheme::{Scheme, Signed, TimePlace},
};
use crate::verification::TimestampUnit;

pub(super) const ABOUT: About = About {
    label: "Zoom",
    category: Category::Work,
    summary: "Verifies x-zm-signature: HMAC-SHA256 over the time and the body, at most 5 minutes old. Answers the URL validation.",
    search: &["meetings", "video", "webinars", "recordings"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "In the Zoom App Marketplace open your app, then Features, then Access; copy the secret token, and paste it here.",
        "Save this source first: Zoom asks the URL when it is validated, and every 72 hours.",
        "Turn event subscriptions on, add one, paste the ingest URL of this source as the event notification endpoint URL, choose Validate, then choose the events and save.",
    ],
    secret_label: "Secret token",
    secret_placeholder: "the app's secret token",
    schemes: &[Scheme::Signed(
        Signed::new("x-zm-signature")
            .prefix("v0=")
            .time(TimePlace::Header("x-zm-request-timestamp"), TimestampUnit::Seconds)
            .content("v0:{timestamp}:{body}"),
    )],
    tolerance_seconds: Some(300),
    event_type: &[Place::Json("event")],
    event_id: &[Place::Header("x-zm-trackingid")],
    dedup: Dedup::PayloadHash,
    handshake: Some(Handshake::Zoom),
    addresses: None,
    samples: &[Sample::json("meeting.started", MEETING)],
};

const MEETING: &str = r#"{
  "event": "meeting.started",
  "event_ts": 1760000000000,
  "payload": {
    "account_id": "AAAAAABBBB",
    "object": {"id": "1234567890", "uuid": "4444AAAiAAAAAiAiAiiAii==", "host_id": "x1yCzABCDEfg23HiJKl4mN", "topic": "A test event from hookstream", "type": 2, "start_time": "2025-10-09T08:53:20Z", "duration": 60, "timezone": "UTC"}
  }
}"#;
