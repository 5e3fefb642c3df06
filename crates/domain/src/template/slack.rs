//! Slack: `X-Slack-Signature: v0=…` and `X-Slack-Request-Timestamp`.

use super::{
    About, Category, Dedup, Handshake, Sample, Template,
    place::Place,
    scheme::{Scheme, Signed, TimePlace},
};
use crate::verification::TimestampUnit;

pub(super) const ABOUT: About = About {
    label: "Slack",
    category: Category::Messaging,
    summary: "Verifies X-Slack-Signature: HMAC-SHA256 over the time and the body, at most 5 minutes old. Answers the url_verification.",
    search: &["chat", "events api", "slash commands", "bot"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "At api.slack.com/apps open your app; under Basic Information, App Credentials, reveal the signing secret and paste it here.",
        "Save this source first: Slack asks the URL at once, and the answer is signed.",
        "Open Event Subscriptions, turn events on, paste the ingest URL of this source as the request URL, and wait until it says Verified.",
        "Choose the bot events, and save. The same URL serves interactivity and slash commands.",
    ],
    secret_placeholder: "32 hexadecimal digits",
    schemes: &[Scheme::Signed(
        Signed::new("X-Slack-Signature")
            .prefix("v0=")
            .time(TimePlace::Header("X-Slack-Request-Timestamp"), TimestampUnit::Seconds)
            .content("v0:{timestamp}:{body}"),
    )],
    tolerance_seconds: Some(300),
    event_type: &[Place::Json("event.type"), Place::Json("type"), Place::Form("command")],
    event_id: &[Place::Json("event_id"), Place::Form("trigger_id")],
    dedup: Dedup::BodyField("event_id"),
    handshake: Some(Handshake::Slack),
    samples: &[Sample::json("app_mention", MENTION), Sample::form("/weather", COMMAND)],
    ..Template::DEFAULT
};

const MENTION: &str = r#"{
  "token": "ZZZZZZWSxiZZZ2yIvs3peJ",
  "team_id": "T061EG9R6",
  "api_app_id": "A0MDYCDME",
  "event": {"type": "app_mention", "user": "U061F7AUR", "text": "<@U0LAN0Z89> A test event from hookstream", "ts": "1760000000.000200", "channel": "C0LAN2Q65", "event_ts": "1760000000000200"},
  "type": "event_callback",
  "event_id": "Ev0HOOKSTREAM",
  "event_time": 1760000000,
  "authorizations": [{"team_id": "T061EG9R6", "user_id": "U0LAN0Z89", "is_bot": true}]
}"#;

const COMMAND: &str = "token=gIkuvaNzQIHg97ATvDxqgjtO&team_id=T0001&team_domain=example&channel_id=C2147483705&channel_name=test&user_id=U2147483697&user_name=Steve&command=%2Fweather&text=94070&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2F1234%2F5678&trigger_id=13345224609.738474920.8088930838d88f008e0&api_app_id=A123456";
