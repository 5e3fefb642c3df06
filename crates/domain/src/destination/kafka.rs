//! Settings of the type `kafka`.

use serde::{Deserialize, Serialize};

use super::setting::{Setting, SettingKind, parse_url};
use crate::field::FieldErrors;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KafkaConfig {
    pub rest_url: String,
    #[serde(default)]
    pub cluster_id: Option<String>,
    pub topic: String,
    #[serde(default)]
    pub key: Option<String>,
    #[serde(default)]
    pub api_key: Option<String>,
    #[serde(default)]
    pub api_secret: Option<String>,
    #[serde(default)]
    pub version: KafkaVersion,
}

/// The protocol of the REST proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KafkaVersion {
    #[default]
    V3,
    V2,
}

pub(super) const SETTINGS: &[Setting] = &[
    Setting::text("rest_url", "REST URL")
        .required()
        .placeholder("https://pkc-4r087.us-west2.gcp.confluent.cloud:443")
        .help("Of Confluent Cloud, or of a REST proxy before your own brokers."),
    Setting::new("version", "Version", SettingKind::Select(&[("v3", "v3"), ("v2", "v2 (older REST proxies)")])),
    Setting::text("cluster_id", "Cluster ID").placeholder("lkc-abc123").help("Version v3 needs it, v2 has none."),
    Setting::text("topic", "Topic").required().placeholder("orders"),
    Setting::text("key", "Record key")
        .template()
        .placeholder("{{ customer.id }}")
        .help("Records with the same key go to the same partition, in their order."),
    Setting::text("api_key", "API key"),
    Setting::secret("api_secret", "API secret").help("Sent with the key by Basic authentication."),
];

impl KafkaConfig {
    pub(super) fn check(&mut self, errors: &mut FieldErrors) {
        if let Some(url) = errors.check("config.rest_url", parse_url(&self.rest_url)) {
            self.rest_url = url;
        }
        let is_name =
            |text: &str| text.len() <= 249 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if !is_name(&self.topic) || matches!(self.topic.as_str(), "." | "..") {
            errors.push("config.topic", "must be at most 249 letters, digits, dots, underscores and hyphens");
        }
        match (&self.cluster_id, self.version) {
            (None, KafkaVersion::V3) => errors.push("config.cluster_id", "must be given with version v3"),
            (Some(id), _) if !is_name(id) => {
                errors.push("config.cluster_id", "must be the ID of a cluster such as lkc-abc123");
            }
            _ => {}
        }
        match (&self.api_key, &self.api_secret) {
            (Some(_), None) => errors.push("config.api_secret", "must be given beside an API key"),
            (None, Some(_)) => errors.push("config.api_key", "must be given beside an API secret"),
            _ => {}
        }
        if self.api_key.as_ref().is_some_and(|key| key.contains(':')) {
            errors.push("config.api_key", "must not hold a colon");
        }
    }
}
