//! Postmark signs nothing: a name and a password, or a token, in the URL that it is given.

use super::{
    About, Category, Dedup, Sample, Template,
    place::Place,
    scheme::{Scheme, TokenPlace},
};

pub(super) const ABOUT: About = About {
    label: "Postmark",
    category: Category::Email,
    summary: "Verifies a name and a password, or a token in the URL. Postmark does not sign what it sends.",
    search: &["mail", "bounces", "inbound", "transactional"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "Make up a name and a long random password, and enter them here.",
        "In Postmark open the server, then the message stream, then Webhooks, and choose Add webhook.",
        "Paste the ingest URL of this source as the webhook URL, enter the same name and password under Basic auth, choose the events, and save.",
        "Instead of both a token can stand in the URL: choose the type shared_token here, and add ?token=<the token> to the URL there.",
    ],
    secret_label: "Password",
    secret_placeholder: "a long random password",
    schemes: &[Scheme::Basic, Scheme::SharedToken(TokenPlace::Query("token"))],
    event_type: &[Place::Json("RecordType")],
    event_id: &[Place::Json("MessageID")],
    dedup: Dedup::PayloadHash,
    samples: &[Sample::json("Delivery", DELIVERY), Sample::json("Bounce", BOUNCE)],
    ..Template::DEFAULT
};

const DELIVERY: &str = r#"{
  "RecordType": "Delivery",
  "MessageStream": "outbound",
  "ServerID": 23,
  "MessageID": "00000000-0000-0000-0000-000000000000",
  "Recipient": "john@example.com",
  "Tag": "hookstream-test",
  "DeliveredAt": "2025-10-09T08:53:20Z",
  "Details": "A test event from hookstream",
  "Metadata": {"example": "value"}
}"#;

const BOUNCE: &str = r#"{
  "RecordType": "Bounce",
  "MessageStream": "outbound",
  "ID": 42,
  "Type": "HardBounce",
  "TypeCode": 1,
  "MessageID": "00000000-0000-0000-0000-000000000001",
  "Email": "john@example.com",
  "From": "sender@example.com",
  "Description": "A test event from hookstream",
  "BouncedAt": "2025-10-09T08:53:20Z",
  "Inactive": true
}"#;
