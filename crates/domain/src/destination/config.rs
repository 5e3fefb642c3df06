//! The settings of a destination, typed by its type.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    aws::{EventBridgeConfig, S3Config, SqsConfig},
    http::HttpConfig,
    kafka::KafkaConfig,
    kind::DestinationType,
    pubsub::PubsubConfig,
    rabbitmq::RabbitmqConfig,
    setting,
    websocket::WebsocketConfig,
};
use crate::field::FieldErrors;

/// The `type` of a destination and its `config`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "config", rename_all = "snake_case")]
pub enum Config {
    Http(HttpConfig),
    AwsSqs(SqsConfig),
    AwsS3(S3Config),
    AwsEventbridge(EventBridgeConfig),
    GcpPubsub(PubsubConfig),
    Kafka(KafkaConfig),
    Rabbitmq(RabbitmqConfig),
    Websocket(WebsocketConfig),
}

impl Config {
    /// Reads what was stored.
    ///
    /// # Errors
    /// When it is no `config` of this type.
    pub fn from_parts(kind: DestinationType, config: Value) -> Result<Self, serde_json::Error> {
        let parts = [("type".to_owned(), kind.as_str().into()), ("config".to_owned(), config)];
        serde_json::from_value(Map::from_iter(parts).into())
    }

    /// Reads what somebody gave.
    pub(super) fn parse(errors: &mut FieldErrors, kind: DestinationType, given: &Value) -> Option<Self> {
        let read = setting::read(errors, "config", kind.settings(), given)?;
        let mut config = errors.check("config", Self::from_parts(kind, Value::Object(read)))?;
        config.check(errors);
        Some(config)
    }

    #[must_use]
    pub const fn kind(&self) -> DestinationType {
        match self {
            Self::Http(_) => DestinationType::Http,
            Self::AwsSqs(_) => DestinationType::AwsSqs,
            Self::AwsS3(_) => DestinationType::AwsS3,
            Self::AwsEventbridge(_) => DestinationType::AwsEventbridge,
            Self::GcpPubsub(_) => DestinationType::GcpPubsub,
            Self::Kafka(_) => DestinationType::Kafka,
            Self::Rabbitmq(_) => DestinationType::Rabbitmq,
            Self::Websocket(_) => DestinationType::Websocket,
        }
    }

    /// The `config` alone.
    #[must_use]
    pub fn settings(&self) -> Value {
        serde_json::to_value(self).map(|mut value| value["config"].take()).unwrap_or_default()
    }

    /// Where it leads, in a line.
    #[must_use]
    pub fn address(&self) -> String {
        match self {
            Self::Http(it) => format!("{} {}", it.method.as_str(), it.url),
            Self::AwsSqs(it) => it.queue_url.clone(),
            Self::AwsS3(it) => format!("s3://{}/{}", it.bucket, it.prefix.as_deref().unwrap_or_default()),
            Self::AwsEventbridge(it) => format!("{} in {}", it.bus, it.region),
            Self::GcpPubsub(it) => format!("projects/{}/topics/{}", it.project_id, it.topic_id),
            Self::Kafka(it) => format!("{} at {}", it.topic, it.rest_url),
            Self::Rabbitmq(it) => format!("{} at {}", it.exchange, it.management_url),
            Self::Websocket(it) => it.channel.clone(),
        }
    }

    fn check(&mut self, errors: &mut FieldErrors) {
        match self {
            Self::Http(it) => it.check(errors),
            Self::AwsSqs(it) => it.check(errors),
            Self::AwsS3(it) => it.check(errors),
            Self::AwsEventbridge(it) => it.check(errors),
            Self::GcpPubsub(it) => it.check(errors),
            Self::Kafka(it) => it.check(errors),
            Self::Rabbitmq(it) => it.check(errors),
            Self::Websocket(it) => it.check(errors),
        }
    }

    /// Its secrets by the names of their settings.
    fn secrets_mut(&mut self) -> Vec<(&'static str, &mut String)> {
        match self {
            Self::Http(_) | Self::Websocket(_) => vec![],
            Self::AwsSqs(it) => it.key.secrets(),
            Self::AwsS3(it) => it.credentials.secrets(),
            Self::AwsEventbridge(it) => it.key.secrets(),
            Self::GcpPubsub(it) => vec![("service_account_json", &mut it.service_account_json)],
            Self::Kafka(it) => it.api_secret.as_mut().map(|secret| ("api_secret", secret)).into_iter().collect(),
            Self::Rabbitmq(it) => vec![("password", &mut it.password)],
        }
    }

    /// # Errors
    /// The first error of `f`.
    pub fn map_secrets<E>(mut self, mut f: impl FnMut(&String) -> Result<String, E>) -> Result<Self, E> {
        for (_, secret) in self.secrets_mut() {
            *secret = f(secret)?;
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Every setting of a type with a value that is allowed.
    fn whole(kind: DestinationType) -> Value {
        let account = json!({ "client_email": "a@b.test", "private_key": "k", "token_uri": "https://x.test/token" });
        let value = |name: &str| match name {
            "url" | "queue_url" | "endpoint" | "rest_url" | "management_url" => json!("https://x.test/y"),
            "method" => json!("PUT"),
            "format" => json!("raw"),
            "path_style" => json!(true),
            "version" => json!("v3"),
            "when_nobody_listens" => json!("retry"),
            "access_key_id" => json!("AKIAIOSFODNN7EXAMPLE"),
            "region" => json!("eu-central-1"),
            "service_account_json" => json!(account.to_string()),
            _ => json!("some-text"),
        };
        kind.settings().iter().map(|setting| (setting.name.to_owned(), value(setting.name))).collect()
    }

    #[test]
    fn settings_are_the_fields_of_their_type_and_name_its_secrets() {
        for kind in DestinationType::ALL {
            let mut errors = FieldErrors::default();
            let given = whole(kind);
            let mut config = Config::parse(&mut errors, kind, &given).unwrap_or_else(|| panic!("{kind:?}: {errors}"));
            assert!(errors.is_empty(), "{kind:?}: {errors}");
            assert_eq!(config.kind(), kind);
            let stored = config.settings();
            for setting in kind.settings() {
                assert_eq!(stored[setting.name], given[setting.name], "{kind:?} {}", setting.name);
            }
            assert_eq!(stored.as_object().map(serde_json::Map::len), Some(kind.settings().len()), "{stored}");
            let mut secrets: Vec<_> = config.secrets_mut().into_iter().map(|(name, _)| name).collect();
            let mut described: Vec<_> =
                kind.settings().iter().filter(|setting| setting.is_secret()).map(|setting| setting.name).collect();
            secrets.sort_unstable();
            described.sort_unstable();
            assert_eq!(secrets, described, "{kind:?}");
            let again = Config::from_parts(kind, stored).expect("it reads what it wrote");
            assert_eq!(again, config);
        }
    }

    #[test]
    fn what_is_required_is_missed_at_its_field() {
        for kind in DestinationType::ALL {
            let mut errors = FieldErrors::default();
            assert!(Config::parse(&mut errors, kind, &json!({})).is_none());
            for setting in kind.settings().iter().filter(|setting| setting.required) {
                assert_eq!(errors.at(&format!("config.{}", setting.name)), Some("must not be empty"), "{kind:?}");
            }
            let mut errors = FieldErrors::default();
            let mut given = whole(kind);
            given["colour"] = json!("red");
            assert!(Config::parse(&mut errors, kind, &given).is_none());
            assert_eq!(errors.at("config.colour"), Some("is an unknown field here"));
        }
    }

    #[test]
    fn a_row_of_the_first_version_still_reads() {
        let stored = json!({ "url": "https://example.com/", "method": "POST" });
        let config = Config::from_parts(DestinationType::Http, stored.clone()).expect("it reads");
        assert_eq!(config.settings(), stored);
    }

    #[test]
    fn settings_that_need_one_another() {
        let errors_of = |kind, change: fn(&mut Value)| {
            let mut errors = FieldErrors::default();
            let mut given = whole(kind);
            change(&mut given);
            Config::parse(&mut errors, kind, &given);
            errors
        };
        let fifo = errors_of(DestinationType::AwsSqs, |it| {
            it["queue_url"] = json!("https://sqs.test/1/q.fifo");
            it["message_group_id"] = Value::Null;
        });
        assert!(fifo.at("config.message_group_id").is_some());
        let v3 = errors_of(DestinationType::Kafka, |it| it["cluster_id"] = Value::Null);
        assert!(v3.at("config.cluster_id").is_some());
        let half = errors_of(DestinationType::Kafka, |it| it["api_secret"] = json!(""));
        assert!(half.at("config.api_secret").is_some());
        let key = errors_of(DestinationType::GcpPubsub, |it| it["service_account_json"] = json!("{}"));
        assert!(key.at("config.service_account_json").is_some_and(|text| text.contains("client_email")));
    }
}
