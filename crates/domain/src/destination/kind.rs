//! The types of destinations, and what each asks for.

use serde::{Deserialize, Serialize};

use super::{aws, http, kafka, pubsub, rabbitmq, setting::Setting, websocket};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DestinationType {
    Http,
    AwsSqs,
    AwsS3,
    AwsEventbridge,
    GcpPubsub,
    Kafka,
    Rabbitmq,
    Websocket,
}

impl DestinationType {
    pub const ALL: [Self; 8] = [
        Self::Http,
        Self::AwsSqs,
        Self::AwsS3,
        Self::AwsEventbridge,
        Self::GcpPubsub,
        Self::Kafka,
        Self::Rabbitmq,
        Self::Websocket,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::AwsSqs => "aws_sqs",
            Self::AwsS3 => "aws_s3",
            Self::AwsEventbridge => "aws_eventbridge",
            Self::GcpPubsub => "gcp_pubsub",
            Self::Kafka => "kafka",
            Self::Rabbitmq => "rabbitmq",
            Self::Websocket => "websocket",
        }
    }

    /// As people call it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::AwsSqs => "Amazon SQS",
            Self::AwsS3 => "Amazon S3",
            Self::AwsEventbridge => "Amazon EventBridge",
            Self::GcpPubsub => "Google Cloud Pub/Sub",
            Self::Kafka => "Kafka",
            Self::Rabbitmq => "RabbitMQ",
            Self::Websocket => "WebSocket",
        }
    }

    /// What becomes of an event there, in a sentence.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Http => "A request to a URL of yours, signed, with any authentication.",
            Self::AwsSqs => "A message in a queue, standard or FIFO.",
            Self::AwsS3 => "An object in a bucket, in Amazon S3 or any store that speaks its protocol.",
            Self::AwsEventbridge => "An event on a bus, for its rules to route.",
            Self::GcpPubsub => "A message on a topic.",
            Self::Kafka => "A record of a topic, by way of a Kafka REST proxy.",
            Self::Rabbitmq => "A message to an exchange, by way of the management plugin.",
            Self::Websocket => "A message to every client that is connected to /v1/ws and listens to a channel.",
        }
    }

    /// What its `config` holds.
    #[must_use]
    pub const fn settings(self) -> &'static [Setting] {
        match self {
            Self::Http => http::SETTINGS,
            Self::AwsSqs => aws::SQS_SETTINGS,
            Self::AwsS3 => aws::S3_SETTINGS,
            Self::AwsEventbridge => aws::EVENTBRIDGE_SETTINGS,
            Self::GcpPubsub => pubsub::SETTINGS,
            Self::Kafka => kafka::SETTINGS,
            Self::Rabbitmq => rabbitmq::SETTINGS,
            Self::Websocket => websocket::SETTINGS,
        }
    }

    /// The setting that says where its receiver is.
    #[must_use]
    pub const fn address_setting(self) -> Option<&'static str> {
        match self {
            Self::Http => Some("url"),
            Self::AwsSqs => Some("queue_url"),
            Self::AwsS3 | Self::AwsEventbridge | Self::GcpPubsub => Some("endpoint"),
            Self::Kafka => Some("rest_url"),
            Self::Rabbitmq => Some("management_url"),
            Self::Websocket => None,
        }
    }
}

impl std::str::FromStr for DestinationType {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| format!("must be {}", super::setting::one_of(Self::ALL.iter().map(|kind| kind.as_str()))))
    }
}
