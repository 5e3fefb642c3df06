//! X, once Twitter: `x-twitter-webhooks-signature: sha256=…`, in base64, and a challenge by GET.

use super::{
    About, Category, Dedup, Handshake, Sample, Template,
    place::Place,
    scheme::{Scheme, Signed},
};

pub(super) const ABOUT: About = About {
    label: "X (Twitter)",
    category: Category::Messaging,
    summary: "Verifies x-twitter-webhooks-signature: HMAC-SHA256 over the body. Answers the challenge-response check (CRC).",
    search: &["twitter", "account activity", "posts", "direct messages"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "In the X Developer Portal open the app's Keys and tokens, copy the API key secret (consumer secret), and paste it here.",
        "Save this source first: X asks the URL when it is registered, and every hour.",
        "Register the ingest URL of this source with POST /2/webhooks, and subscribe to what you want with it.",
    ],
    secret_label: "API key secret",
    secret_placeholder: "the app's consumer secret",
    schemes: &[Scheme::Signed(Signed::new("x-twitter-webhooks-signature").prefix("sha256=").base64())],
    event_type: &[
        Place::Key(&[
            "tweet_create_events",
            "tweet_delete_events",
            "favorite_events",
            "follow_events",
            "block_events",
            "mute_events",
            "direct_message_events",
            "direct_message_indicate_typing_events",
            "direct_message_mark_read_events",
            "user_event",
        ]),
        Place::Json("data.event_type"),
    ],
    event_id: &[
        Place::Json("tweet_create_events.0.id_str"),
        Place::Json("favorite_events.0.id"),
        Place::Json("direct_message_events.0.id"),
    ],
    dedup: Dedup::PayloadHash,
    handshake: Some(Handshake::X),
    samples: &[Sample::json("tweet_create_events", POST)],
    ..Template::DEFAULT
};

const POST: &str = r#"{
  "for_user_id": "2244994945",
  "user_has_blocked": false,
  "tweet_create_events": [
    {"created_at": "Thu Oct 09 08:53:20 +0000 2025", "id": 1976200000000000000, "id_str": "1976200000000000000", "text": "A test event from hookstream", "user": {"id_str": "2244994945", "screen_name": "example"}, "timestamp_ms": "1760000000000"}
  ]
}"#;
