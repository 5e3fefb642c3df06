//! Settings of the type `gcp_pubsub`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::setting::{Setting, SettingKind, check_url};
use crate::field::FieldErrors;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PubsubConfig {
    pub project_id: String,
    pub topic_id: String,
    pub service_account_json: String,
    #[serde(default)]
    pub ordering_key: Option<String>,
    #[serde(default)]
    pub endpoint: Option<String>,
}

pub(super) const SETTINGS: &[Setting] = &[
    Setting::text("project_id", "Project ID").required().placeholder("acme-production"),
    Setting::text("topic_id", "Topic ID").required().placeholder("orders").help("The last part of the topic's name."),
    Setting::new("service_account_json", "Service account key", SettingKind::SecretText)
        .required()
        .placeholder("{ \"type\": \"service_account\", … }")
        .help("The JSON file of a key. The account needs the role Pub/Sub Publisher on the topic."),
    Setting::text("ordering_key", "Ordering key")
        .template()
        .placeholder("{{ customer.id }}")
        .help("Messages with the same key are handed on in their order, where the subscription asks for it."),
    Setting::text("endpoint", "Endpoint")
        .placeholder("https://europe-west3-pubsub.googleapis.com")
        .help("Empty: https://pubsub.googleapis.com. Ordering keys want the endpoint of a region."),
];

impl PubsubConfig {
    pub(super) fn check(&mut self, errors: &mut FieldErrors) {
        let is_id = |text: &str| {
            (3..=255).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+%:".contains(&b))
        };
        if !is_id(&self.project_id) {
            errors.push("config.project_id", "must be the ID of a project such as acme-production");
        }
        if self.topic_id.contains('/') {
            errors.push("config.topic_id", "must be the last part of the topic's name alone");
        } else if !is_id(&self.topic_id) {
            errors.push("config.topic_id", "must be the ID of a topic such as orders");
        }
        check_url(errors, "config.endpoint", &mut self.endpoint);
        if let Err(message) = check_account(&self.service_account_json) {
            errors.push("config.service_account_json", message);
        }
    }
}

fn check_account(text: &str) -> Result<(), String> {
    let Ok(Value::Object(account)) = serde_json::from_str(text) else {
        return Err("must be the JSON file of a service account's key".to_owned());
    };
    for name in ["client_email", "private_key", "token_uri"] {
        if account.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(format!("must hold {name}: take the JSON file of a service account's key whole"));
        }
    }
    let token_uri = account.get("token_uri").and_then(Value::as_str).unwrap_or_default();
    super::setting::parse_url(token_uri)
        .map(drop)
        .map_err(|message| format!("must hold a token_uri that works: it {message}"))
}
