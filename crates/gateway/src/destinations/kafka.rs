//! The type `kafka`: a record by a REST proxy. A 200 may carry an error in its body.

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::destination::{KafkaConfig, KafkaVersion};
use http::Method;
use serde_json::{Value, json};
use url::Url;

use super::{
    credential::basic_value,
    exchange::{Exchange, Post, Request, give_up, retry, said, unfit},
};
use crate::{
    pipeline::deliver::{Answer, Outcome, Outgoing},
    transform::Template,
};

pub(crate) struct Kafka {
    url: Url,
    version: KafkaVersion,
    topic: String,
    cluster: String,
    key: Option<Template>,
    authorization: Option<String>,
}

/// What both protocols say in `error_code`.
const TOPIC_NOT_FOUND: [u64; 3] = [404, 40401, 40403];

impl Kafka {
    pub fn new(config: KafkaConfig) -> Result<Self, String> {
        let base = config.rest_url.trim_end_matches('/');
        let (topic, cluster) = (config.topic, config.cluster_id.unwrap_or_default());
        let url = match config.version {
            KafkaVersion::V3 => format!("{base}/kafka/v3/clusters/{cluster}/topics/{topic}/records"),
            KafkaVersion::V2 => format!("{base}/topics/{topic}"),
        };
        Ok(Self {
            url: Url::parse(&url).map_err(|error| error.to_string())?,
            version: config.version,
            topic,
            cluster,
            key: config.key.as_deref().map(Template::compile).transpose()?,
            authorization: config.api_key.zip(config.api_secret).map(|(key, secret)| basic_value(&key, &secret)),
        })
    }

    pub async fn send(&self, post: &Post<'_>, outgoing: &Outgoing<'_>) -> Exchange {
        let key = match &self.key {
            None => None,
            Some(template) => match template.fill(|| outgoing.input()).await {
                Ok(key) => Some(BASE64_STANDARD.encode(key)),
                Err(why) => {
                    let shown = Request::new(Method::POST, self.url.clone(), "").shown();
                    return Exchange::unsent(shown, unfit(format!("config.key: {why}")));
                }
            },
        };
        let value = BASE64_STANDARD.encode(&outgoing.body);
        let (body, content_type) = match self.version {
            KafkaVersion::V3 => (record_v3(key, &value, outgoing), "application/json"),
            KafkaVersion::V2 => {
                (json!({ "records": [{ "key": key, "value": value }] }), "application/vnd.kafka.binary.v2+json")
            }
        };
        let mut request = Request::new(Method::POST, self.url.clone(), body.to_string());
        request.set("content-type", content_type);
        let accept =
            if self.version == KafkaVersion::V2 { "application/vnd.kafka.v2+json" } else { "application/json" };
        request.set("accept", accept);
        if let Some(authorization) = &self.authorization {
            request.set_secret("authorization", authorization);
        }
        post.exchange(request, |answer| self.judge(answer)).await
    }

    fn judge(&self, answer: &Answer) -> Outcome {
        let status = answer.status.unwrap_or_default();
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        if !(200..300).contains(&status) {
            let code = body["error_code"].as_u64().unwrap_or_else(|| status.into());
            return self.refused(status, code, body["message"].as_str().unwrap_or_default());
        }
        match self.version {
            KafkaVersion::V3 => match body["error_code"].as_u64() {
                Some(200) | None if body["offset"].is_u64() => Outcome::Delivered,
                Some(code) if code != 200 => self.refused(status, code, body["message"].as_str().unwrap_or_default()),
                _ => retry("what answers at config.rest_url is no Kafka REST proxy v3: its answer names no offset"),
            },
            KafkaVersion::V2 => {
                let offset = &body["offsets"][0];
                match offset["error_code"].as_u64() {
                    Some(code) => self.refused(status, code, offset["error"].as_str().unwrap_or_default()),
                    None if offset["offset"].is_u64() => Outcome::Delivered,
                    None => {
                        retry("what answers at config.rest_url is no Kafka REST proxy v2: its answer names no offset")
                    }
                }
            }
        }
    }

    fn refused(&self, status: u16, code: u64, message: &str) -> Outcome {
        let words = said(message);
        let topic = &self.topic;
        let lower = words.to_ascii_lowercase();
        if lower.contains("too large") || lower.contains("larger than") || lower.contains("max.message.bytes") {
            return give_up(format!("the record is too large for the topic {topic}: {words}"));
        }
        match code {
            code if TOPIC_NOT_FOUND.contains(&code) => {
                let cluster =
                    if self.cluster.is_empty() { String::new() } else { format!(" in the cluster {}", self.cluster) };
                retry(format!(
                    "the topic {topic} does not exist{cluster}: check config.topic and config.cluster_id ({words})"
                ))
            }
            401 | 40101 => retry(format!(
                "the REST proxy refuses the API key: check config.api_key and config.api_secret ({words})"
            )),
            403 | 40301 | 40302 => {
                retry(format!("the API key may not write to the topic {topic}: grant it WRITE on it ({words})"))
            }
            413 => give_up(format!("the record is too large for the REST proxy: {words}")),
            // A message that does not parse is one now and for ever.
            422 | 42200..=42299 => give_up(format!("the REST proxy does not take the record: {words}")),
            429 | 42901 => retry(format!("the REST proxy limits the rate of the topic {topic}: {words}")),
            code => retry(format!("the topic {topic} did not take the record: {status}, error code {code}: {words}")),
        }
    }
}

fn record_v3(key: Option<String>, value: &str, outgoing: &Outgoing<'_>) -> Value {
    let header = |name: &str, text: &str| json!({ "name": name, "value": BASE64_STANDARD.encode(text) });
    let mut headers = vec![
        header("event_id", &outgoing.event_id.to_string()),
        header("source_id", &outgoing.source_id.to_string()),
        header("delivery_id", &outgoing.delivery_id.to_string()),
    ];
    headers.extend(outgoing.content_type().map(|text| header("content_type", text)));
    let mut record = json!({ "headers": headers, "value": { "type": "BINARY", "data": value } });
    if let Some(key) = key {
        record["key"] = json!({ "type": "BINARY", "data": key });
    }
    record
}
