//! Settings of the type `rabbitmq`.

use serde::{Deserialize, Serialize};

use super::setting::{Setting, parse_url};
use crate::field::FieldErrors;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RabbitmqConfig {
    pub management_url: String,
    pub vhost: String,
    pub exchange: String,
    #[serde(default)]
    pub routing_key: Option<String>,
    pub username: String,
    pub password: String,
}

pub(super) const SETTINGS: &[Setting] = &[
    Setting::text("management_url", "Management URL")
        .required()
        .placeholder("https://rabbit.example.com:15671")
        .help("Of the management plugin, not the port of AMQP."),
    Setting::text("vhost", "Virtual host").required().placeholder("/"),
    Setting::text("exchange", "Exchange")
        .required()
        .placeholder("webhooks")
        .help("amq.default is the default exchange, whose routing keys are names of queues."),
    Setting::text("routing_key", "Routing key").template().placeholder("{{ type }}"),
    Setting::text("username", "User name").required(),
    Setting::secret("password", "Password")
        .required()
        .help("The user needs the tag management, and may write to the exchange."),
];

impl RabbitmqConfig {
    pub(super) fn check(&mut self, errors: &mut FieldErrors) {
        if let Some(url) = errors.check("config.management_url", parse_url(&self.management_url)) {
            self.management_url = url;
        }
        for (path, text) in [("config.vhost", &self.vhost), ("config.exchange", &self.exchange)] {
            if text.len() > 255 {
                errors.push(path, "must be at most 255 bytes");
            }
        }
        if self.username.contains(':') {
            errors.push("config.username", "must not hold a colon");
        }
    }
}
