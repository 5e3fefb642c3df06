//! Twilio: `X-Twilio-Signature` over the public URL and the form's fields.

use super::{
    About, Category, Dedup, Sample, Template,
    place::Place,
    scheme::{Scheme, Special},
};

pub(super) const ABOUT: About = About {
    label: "Twilio",
    category: Category::Messaging,
    summary: "Verifies X-Twilio-Signature: HMAC-SHA1 over the public URL and the form's fields; of JSON, its hash in the URL.",
    search: &["sms", "voice", "calls", "phone", "whatsapp"],
};

pub(super) const TEMPLATE: Template = Template {
    setup: &[
        "In the Twilio Console copy the Auth Token of your account (Account info), and paste it here.",
        "Open Phone Numbers, Manage, Active numbers, and choose the number (or a Messaging Service).",
        "Under Messaging or Voice choose Webhook and HTTP POST, and paste the ingest URL of this source. Twilio signs this very URL: it must be the public one, character for character.",
    ],
    secret_label: "Auth Token",
    secret_placeholder: "32 hexadecimal digits",
    schemes: &[Scheme::Special(Special::Twilio)],
    event_type: &[
        Place::Form("EventType"),
        Place::Form("MessageStatus"),
        Place::Form("SmsStatus"),
        Place::Form("CallStatus"),
        Place::Json("0.type"),
        Place::Json("type"),
    ],
    event_id: &[
        Place::Header("I-Twilio-Idempotency-Token"),
        Place::Form("MessageSid"),
        Place::Form("CallSid"),
        Place::Json("0.id"),
        Place::Json("id"),
    ],
    dedup: Dedup::Header("I-Twilio-Idempotency-Token"),
    samples: &[Sample::form("received", MESSAGE), Sample::form("ringing", CALL)],
    ..Template::DEFAULT
};

const MESSAGE: &str = "ToCountry=US&ToState=CA&SmsMessageSid=SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&NumMedia=0&FromState=CA&SmsStatus=received&Body=A+test+event+from+hookstream&FromCountry=US&To=%2B15550100002&NumSegments=1&MessageSid=SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&AccountSid=ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&From=%2B15550100001&ApiVersion=2010-04-01";

const CALL: &str = "Called=%2B15550100002&ToState=CA&CallerCountry=US&Direction=inbound&CallSid=CAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&To=%2B15550100002&From=%2B15550100001&CallStatus=ringing&AccountSid=ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&ApiVersion=2010-04-01";
