//! Settings of the types `aws_sqs`, `aws_s3` and `aws_eventbridge`.

use serde::{Deserialize, Serialize};

use super::setting::{Setting, SettingKind, check_url, parse_url};
use crate::field::FieldErrors;

/// What signs requests to AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsKey {
    pub access_key_id: String,
    pub secret_access_key: String,
    #[serde(default)]
    pub session_token: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqsConfig {
    pub queue_url: String,
    pub region: String,
    #[serde(flatten)]
    pub key: AwsKey,
    #[serde(default)]
    pub message_group_id: Option<String>,
    #[serde(default)]
    pub endpoint: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct S3Config {
    pub bucket: String,
    pub region: String,
    #[serde(flatten)]
    pub credentials: AwsKey,
    #[serde(default)]
    pub prefix: Option<String>,
    #[serde(default)]
    pub key: Option<String>,
    #[serde(default)]
    pub format: S3Format,
    #[serde(default)]
    pub endpoint: Option<String>,
    #[serde(default)]
    pub path_style: bool,
}

/// What an object holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum S3Format {
    /// A JSON object with the event's ids, time, headers and payload.
    #[default]
    Envelope,
    /// The body, byte for byte.
    Raw,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventBridgeConfig {
    pub bus: String,
    pub region: String,
    pub source: String,
    pub detail_type: String,
    #[serde(flatten)]
    pub key: AwsKey,
    #[serde(default)]
    pub endpoint: Option<String>,
}

const REGION: Setting = Setting::text("region", "Region").required().placeholder("eu-central-1");
const KEY_ID: Setting = Setting::text("access_key_id", "Access key ID").required().placeholder("AKIA…");
const SECRET: Setting = Setting::secret("secret_access_key", "Secret access key").required();
const SESSION: Setting = Setting::secret("session_token", "Session token").help("Of temporary credentials alone.");
const ENDPOINT: Setting = Setting::text("endpoint", "Endpoint")
    .help("Empty: the one of AWS in this region.")
    .placeholder("https://vpce-….amazonaws.com");

pub(super) const SQS_SETTINGS: &[Setting] = &[
    Setting::text("queue_url", "Queue URL")
        .required()
        .placeholder("https://sqs.eu-central-1.amazonaws.com/123456789012/orders"),
    REGION,
    KEY_ID,
    SECRET.help("The key needs the permission sqs:SendMessage on the queue."),
    SESSION,
    Setting::text("message_group_id", "Message group ID")
        .template()
        .placeholder("{{ customer.id }}")
        .help("FIFO queues keep the order within a group, and need one. Standard queues need none."),
    ENDPOINT,
];

pub(super) const S3_SETTINGS: &[Setting] = &[
    Setting::text("bucket", "Bucket").required().placeholder("acme-events"),
    REGION,
    KEY_ID,
    SECRET.help("The key needs the permission s3:PutObject on the bucket."),
    SESSION,
    Setting::text("prefix", "Prefix").placeholder("hookstream/").help("Stands before the key of every object."),
    Setting::text("key", "Key")
        .template()
        .placeholder("{{ customer.id }}/{{ $event.id }}.json")
        .help("Empty: {YYYY}/{MM}/{DD}/{event id}.json. Events with the same key overwrite one another."),
    Setting::new(
        "format",
        "Content",
        SettingKind::Select(&[
            ("envelope", "Envelope: JSON with ids, headers and payload"),
            ("raw", "Raw: the body as it came"),
        ]),
    ),
    ENDPOINT,
    Setting::new("path_style", "Path-style addresses", SettingKind::Bool)
        .help("The bucket in the path and not in the host name, as many stores of one's own want it."),
];

pub(super) const EVENTBRIDGE_SETTINGS: &[Setting] = &[
    Setting::text("bus", "Event bus").required().placeholder("default").help("Its name, or its ARN."),
    REGION,
    Setting::text("source", "Source")
        .required()
        .template()
        .placeholder("com.example.webhooks")
        .help("Rules match on it. It must not begin with aws."),
    Setting::text("detail_type", "Detail type").required().template().placeholder("{{ type }}"),
    KEY_ID,
    SECRET.help("The key needs the permission events:PutEvents on the bus."),
    SESSION,
    ENDPOINT,
];

impl AwsKey {
    pub(super) fn secrets(&mut self) -> Vec<(&'static str, &mut String)> {
        let session = self.session_token.as_mut().map(|token| ("session_token", token));
        std::iter::once(("secret_access_key", &mut self.secret_access_key)).chain(session).collect()
    }

    fn check(&self, errors: &mut FieldErrors) {
        check_key_id(errors, "config.access_key_id", &self.access_key_id);
    }
}

pub(super) fn check_key_id(errors: &mut FieldErrors, path: &str, id: &str) {
    if id.len() < 16 || id.len() > 128 || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        errors.push(path, "must be an access key ID such as AKIAIOSFODNN7EXAMPLE");
    }
}

pub(super) fn check_region(errors: &mut FieldErrors, path: &str, region: &str) {
    let is_region = (2..=40).contains(&region.len())
        && region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !is_region {
        errors.push(path, "must be a region such as eu-central-1");
    }
}

impl SqsConfig {
    /// AWS tells by the end of the name, in these very letters.
    #[must_use]
    pub fn is_fifo(&self) -> bool {
        self.queue_url.strip_suffix(".fifo").is_some()
    }

    pub(super) fn check(&mut self, errors: &mut FieldErrors) {
        if let Some(url) = errors.check("config.queue_url", parse_url(&self.queue_url)) {
            self.queue_url = url;
        }
        check_region(errors, "config.region", &self.region);
        self.key.check(errors);
        check_url(errors, "config.endpoint", &mut self.endpoint);
        if self.is_fifo() && self.message_group_id.is_none() {
            errors.push("config.message_group_id", "must be given, since the queue's name ends with .fifo");
        }
    }
}

impl S3Config {
    pub(super) fn check(&mut self, errors: &mut FieldErrors) {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
        let ends = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = self.bucket.as_bytes();
        let is_name = (3..=63).contains(&bytes.len()) && bytes.iter().copied().all(allowed);
        if !is_name || !ends(bytes.first()) || !ends(bytes.last()) || self.bucket.contains("..") {
            errors.push(
                "config.bucket",
                "must be the name of a bucket: 3 to 63 lowercase letters, digits, hyphens, dots",
            );
        }
        check_region(errors, "config.region", &self.region);
        self.credentials.check(errors);
        check_url(errors, "config.endpoint", &mut self.endpoint);
        for (path, text) in [("config.prefix", &self.prefix), ("config.key", &self.key)] {
            if text.as_ref().is_some_and(|text| text.len() > 900) {
                errors.push(path, "must be at most 900 bytes");
            }
        }
    }
}

impl EventBridgeConfig {
    pub(super) fn check(&mut self, errors: &mut FieldErrors) {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"/._-:".contains(&b);
        if self.bus.len() > 1600 || !self.bus.bytes().all(allowed) {
            errors.push("config.bus", "must be the name of an event bus or its ARN");
        }
        if self.source.starts_with("aws.") {
            errors.push("config.source", "must not begin with aws. which is kept for AWS itself");
        }
        check_region(errors, "config.region", &self.region);
        self.key.check(errors);
        check_url(errors, "config.endpoint", &mut self.endpoint);
    }
}
