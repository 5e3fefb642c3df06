//! The type `rabbitmq`: a message by the management plugin. A 200 says whether a queue got it.

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::destination::RabbitmqConfig;
use http::Method;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::{
    credential::basic_value,
    exchange::{Exchange, Post, Request, give_up, retry, said, unfit},
};
use crate::{
    pipeline::deliver::{Answer, Outcome, Outgoing},
    transform::Template,
};

pub(crate) struct Rabbitmq {
    url: Url,
    vhost: String,
    exchange: String,
    routing_key: Option<Template>,
    username: String,
    authorization: String,
}

const MAX_ROUTING_KEY: usize = 255;
/// Written to disk by queues that are durable.
const PERSISTENT: u8 = 2;

#[derive(Deserialize)]
struct Published {
    routed: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Refused {
    error: String,
    reason: serde_json::Value,
}

impl Rabbitmq {
    pub fn new(config: RabbitmqConfig) -> Result<Self, String> {
        let mut url = Url::parse(&config.management_url).map_err(|error| error.to_string())?;
        url.path_segments_mut().map_err(|()| "the management URL has no path")?.pop_if_empty().extend([
            "api",
            "exchanges",
            &config.vhost,
            &config.exchange,
            "publish",
        ]);
        Ok(Self {
            url,
            routing_key: config.routing_key.as_deref().map(Template::compile).transpose()?,
            authorization: basic_value(&config.username, &config.password),
            vhost: config.vhost,
            exchange: config.exchange,
            username: config.username,
        })
    }

    pub async fn send(&self, post: &Post<'_>, outgoing: &Outgoing<'_>) -> Exchange {
        let unsent = |why| Exchange::unsent(Request::new(Method::POST, self.url.clone(), "").shown(), unfit(why));
        let routing_key = match &self.routing_key {
            None => String::new(),
            Some(template) => match template.fill(|| outgoing.input()).await {
                Ok(key) if key.len() <= MAX_ROUTING_KEY => key,
                Ok(key) => {
                    return unsent(format!(
                        "config.routing_key is {} bytes for this event; RabbitMQ takes 255",
                        key.len()
                    ));
                }
                Err(why) => return unsent(format!("config.routing_key: {why}")),
            },
        };
        let (payload, encoding) = match std::str::from_utf8(&outgoing.body) {
            Ok(text) => (text.to_owned(), "string"),
            Err(_) => (BASE64_STANDARD.encode(&outgoing.body), "base64"),
        };
        let body = json!({
            "properties": {
                "delivery_mode": PERSISTENT,
                "message_id": outgoing.delivery_id,
                "timestamp": outgoing.received_at().as_secs(),
                "content_type": outgoing.content_type().unwrap_or("application/octet-stream"),
                "headers": { "event_id": outgoing.event_id, "source_id": outgoing.source_id },
            },
            "routing_key": routing_key,
            "payload": payload,
            "payload_encoding": encoding,
        });
        let mut request = Request::new(Method::POST, self.url.clone(), body.to_string());
        request.set("content-type", "application/json");
        request.set_secret("authorization", &self.authorization);
        post.exchange(request, |answer| self.judge(answer, &routing_key)).await
    }

    fn judge(&self, answer: &Answer, routing_key: &str) -> Outcome {
        let (exchange, vhost, username) = (&self.exchange, &self.vhost, &self.username);
        let status = answer.status.unwrap_or_default();
        if status == 200 {
            return match serde_json::from_str::<Published>(&answer.body) {
                Ok(Published { routed: true }) => Outcome::Delivered,
                Ok(Published { routed: false }) => retry(format!(
                    "no queue got the message: none is bound to the exchange {exchange} for the routing key {routing_key:?}; \
                     bind one, or check config.routing_key"
                )),
                Err(_) => retry(
                    "what answers at config.management_url is no RabbitMQ: its 200 does not say whether it routed",
                ),
            };
        }
        let Refused { error, reason } = serde_json::from_str(&answer.body).unwrap_or_default();
        let reason = reason.as_str().map_or_else(|| reason.to_string(), str::to_owned);
        let words = said(&reason);
        let lower = words.to_ascii_lowercase();
        if status == 413 || lower.contains("too large") || lower.contains("size limit") || lower.contains("larger than")
        {
            return give_up(format!("the message is too large for RabbitMQ: {words}"));
        }
        match status {
            401 if lower.contains("access refused") => retry(format!(
                "{username} may not use the virtual host {vhost}, or it does not exist: check config.vhost and the user's permissions ({words})"
            )),
            401 => retry(format!(
                "RabbitMQ refuses the login of {username}: check config.username and config.password, and that the user has the tag management ({words})"
            )),
            404 => retry(format!(
                "the virtual host {vhost} or the exchange {exchange} does not exist: check config.vhost and config.exchange"
            )),
            _ if words.contains("NOT_FOUND") && lower.contains("exchange") => retry(format!(
                "the exchange {exchange} does not exist in {vhost}: declare it, or check config.exchange ({words})"
            )),
            _ if words.contains("ACCESS_REFUSED") || status == 403 => retry(format!(
                "{username} may not write to the exchange {exchange}: give the user that permission in {vhost} ({words})"
            )),
            400 if error == "bad_request" && is_about_the_message(&lower) => {
                give_up(format!("RabbitMQ does not take the message: {words}"))
            }
            _ => retry(format!("RabbitMQ answered {status} {error}: {words}")),
        }
    }
}

/// Reasons of a 400 that are the same at every try.
fn is_about_the_message(reason: &str) -> bool {
    ["not_json", "key_missing", "payload_encoding", "invalid_base64", "unsupported_encoding"]
        .iter()
        .any(|it| reason.contains(it))
}
