//! SendGrid: `X-Twilio-Email-Event-Webhook-Signature`, by a key that only SendGrid has.

use super::{
    About, Category, Dedup, Sample, Template,
    place::Place,
    scheme::{Algorithm, Scheme, Signed, TimePlace},
};
use crate::verification::TimestampUnit;

pub(super) const ABOUT: About = About {
    label: "SendGrid",
    category: Category::Email,
    summary: "Verifies X-Twilio-Email-Event-Webhook-Signature: ECDSA P-256 over the time and the body, with SendGrid's public key.",
    search: &["twilio", "mail", "event webhook"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "In SendGrid open Settings, then Mail Settings, then Event Webhooks, and choose Create new webhook.",
        "Paste the ingest URL of this source as the Post URL, and choose the events.",
        "Turn the Signed Event Webhook on, save, copy the verification key (it begins with MFkw), and paste it here.",
    ],
    secret_label: "Verification key",
    secret_placeholder: "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE…",
    schemes: &[Scheme::Signed(
        Signed::new("X-Twilio-Email-Event-Webhook-Signature")
            .algorithm(Algorithm::EcdsaP256)
            .base64()
            .time(TimePlace::Header("X-Twilio-Email-Event-Webhook-Timestamp"), TimestampUnit::Seconds)
            .content("{timestamp}{body}"),
    )],
    tolerance_seconds: Some(300),
    event_type: &[Place::Json("0.event")],
    event_id: &[Place::Json("0.sg_event_id")],
    dedup: Dedup::PayloadHash,
    samples: &[Sample::json("delivered", DELIVERED)],
    ..Template::DEFAULT
};

const DELIVERED: &str = r#"[
  {"email": "example@test.com", "timestamp": 1760000000, "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>", "event": "delivered", "category": ["hookstream test"], "sg_event_id": "c2dfX3Rlc3RfZXZlbnRfaG9va3N0cmVhbQ==", "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0", "response": "250 OK"},
  {"email": "example@test.com", "timestamp": 1760000060, "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>", "event": "open", "category": ["hookstream test"], "sg_event_id": "c2dfX3Rlc3Rfb3Blbl9ob29rc3RyZWFtAA==", "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0", "useragent": "Mozilla/5.0", "ip": "203.0.113.7"}
]"#;
