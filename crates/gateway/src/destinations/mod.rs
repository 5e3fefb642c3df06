//! The types of destinations, a file each. [`Sender::new`] makes of a destination's settings what sends to it, once for
//! each version of them; [`Sender::send`] makes one attempt, and judges what the peer said: delivered, to be tried
//! again, or never to be taken.

mod aws;
mod aws_eventbridge;
mod aws_s3;
mod aws_sqs;
mod credential;
mod exchange;
mod forwarded;
mod gcp_pubsub;
mod http;
mod kafka;
mod rabbitmq;
mod token;
mod websocket;

use domain::{
    destination::{Auth, Config, Destination, DestinationSpec},
    field::FieldErrors,
};

pub(crate) use self::exchange::{Exchange, Post};
use crate::{http_client::HttpClient, pipeline::deliver::Outgoing, transform::Template};

/// What sends to one destination.
pub(crate) enum Sender {
    Http(Box<http::Http>),
    Sqs(aws_sqs::Sqs),
    S3(Box<aws_s3::S3>),
    EventBridge(Box<aws_eventbridge::EventBridge>),
    Pubsub(Box<gcp_pubsub::Pubsub>),
    Kafka(Box<kafka::Kafka>),
    Rabbitmq(Box<rabbitmq::Rabbitmq>),
    Websocket(websocket::Websocket),
}

impl Sender {
    /// From a destination with its secrets opened.
    ///
    /// # Errors
    /// Says what does not fit; what was checked when it was saved does, unless a later version knows better.
    pub fn new(opened: Destination) -> Result<Self, String> {
        let Destination { env_id, config, auth, headers, signing, .. } = opened;
        Ok(match config {
            Config::Http(config) => Self::Http(Box::new(http::Http::new(&config, auth, headers, signing)?)),
            Config::AwsSqs(config) => Self::Sqs(aws_sqs::Sqs::new(config)?),
            Config::AwsS3(config) => Self::S3(Box::new(aws_s3::S3::new(config)?)),
            Config::AwsEventbridge(config) => Self::EventBridge(Box::new(aws_eventbridge::EventBridge::new(config)?)),
            Config::GcpPubsub(config) => Self::Pubsub(Box::new(gcp_pubsub::Pubsub::new(&config)?)),
            Config::Kafka(config) => Self::Kafka(Box::new(kafka::Kafka::new(config)?)),
            Config::Rabbitmq(config) => Self::Rabbitmq(Box::new(rabbitmq::Rabbitmq::new(config)?)),
            Config::Websocket(config) => Self::Websocket(websocket::Websocket::new(config, env_id)),
        })
    }

    /// Makes one attempt. All but the most usual is boxed, so that the task of each delivery is small.
    pub async fn send(&self, post: &Post<'_>, outgoing: &Outgoing<'_>) -> Exchange {
        match self {
            Self::Http(it) => it.send(post, outgoing).await,
            Self::Sqs(it) => Box::pin(it.send(post, outgoing)).await,
            Self::S3(it) => Box::pin(it.send(post, outgoing)).await,
            Self::EventBridge(it) => Box::pin(it.send(post, outgoing)).await,
            Self::Pubsub(it) => Box::pin(it.send(post, outgoing)).await,
            Self::Kafka(it) => Box::pin(it.send(post, outgoing)).await,
            Self::Rabbitmq(it) => Box::pin(it.send(post, outgoing)).await,
            Self::Websocket(it) => Box::pin(it.send(post, outgoing)).await,
        }
    }
}

/// What can be said of settings before anything is sent: that templates parse, that keys are keys.
pub(crate) fn check(spec: &DestinationSpec, client: &HttpClient) -> Result<(), FieldErrors> {
    let mut errors = FieldErrors::default();
    let settings = spec.config.settings();
    for setting in spec.config.kind().settings().iter().filter(|setting| setting.template) {
        if let Some(text) = settings[setting.name].as_str() {
            errors.check(&format!("config.{}", setting.name), Template::compile(text));
        }
    }
    if let Config::GcpPubsub(config) = &spec.config {
        errors.check("config.service_account_json", gcp_pubsub::check_account(&config.service_account_json));
    }
    if let Auth::Mtls { certificate, private_key } = &spec.auth {
        let pem = credential::pem_of(certificate, private_key);
        let usable = client.with_certificate(pem.as_bytes());
        errors
            .check("auth.private_key", usable.map_err(|error| format!("must be the key of the certificate: {error}")));
    }
    errors.into_result()
}
