//! Any other sender: the source says itself how its requests are verified.

use super::{About, Category, Dedup, Handshake, Sample, Template, place::Place, scheme::Scheme};

pub(super) const ABOUT: About = About {
    label: "Another sender",
    category: Category::Generic,
    summary: "Any program that can post. Verified by a signature in a header of your choice, by Standard Webhooks, by a token or a password, or not at all.",
    search: &["custom", "generic", "own", "hmac", "webhook", "api"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "Have the sender post to the ingest URL of this source, by any method and with any content type.",
        "Say here how the sender signs: the header, what stands before the signature, the algorithm, and what is signed.",
    ],
    secret_label: "Secret",
    secret_placeholder: "",
    schemes: &[Scheme::Custom],
    event_type: &[Place::Json("type"), Place::Json("event"), Place::Json("event_type")],
    event_id: &[Place::Json("id")],
    dedup: Dedup::PayloadHash,
    handshake: Some(Handshake::Custom),
    samples: &[Sample::json("test.event", TEST_EVENT)],
    ..Template::DEFAULT
};

const TEST_EVENT: &str = "{\n  \"type\": \"test.event\",\n  \"message\": \"A test event from hookstream\",\n  \"data\": {\"amount\": 4200, \"currency\": \"eur\"}\n}";
