//! The type `aws_eventbridge`: an event by PutEvents, whose 200 may carry a refusal.

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::destination::{AwsKey, EventBridgeConfig};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{
    aws::{self, Refusal, Style},
    exchange::{Exchange, Post, give_up, retry, said, unfit},
};
use crate::{
    pipeline::deliver::{Answer, Outcome, Outgoing},
    transform::Template,
};

pub(crate) struct EventBridge {
    bus: String,
    region: String,
    key: AwsKey,
    source: Template,
    detail_type: Template,
    endpoint: Url,
}

const TARGET: &str = "AWSEvents.PutEvents";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Put {
    failed_entry_count: u32,
    #[serde(default)]
    entries: Vec<Entry>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Entry {
    event_id: Option<String>,
    error_code: Option<String>,
    error_message: Option<String>,
}

impl EventBridge {
    pub fn new(config: EventBridgeConfig) -> Result<Self, String> {
        Ok(Self {
            source: Template::compile(&config.source)?,
            detail_type: Template::compile(&config.detail_type)?,
            endpoint: aws::endpoint("events", &config.region, config.endpoint.as_deref())?,
            bus: config.bus,
            region: config.region,
            key: config.key,
        })
    }

    pub async fn send(&self, post: &Post<'_>, outgoing: &Outgoing<'_>) -> Exchange {
        let unsigned = aws::json_call(&self.endpoint, TARGET, "1.1", &Value::Null);
        let mut filled = Vec::new();
        for (name, template, longest) in [("source", &self.source, 256), ("detail_type", &self.detail_type, 128)] {
            match template.fill(|| outgoing.input()).await {
                Ok(text) if (1..=longest).contains(&text.len()) => filled.push(text),
                Ok(text) => {
                    let why =
                        format!("config.{name} is {text:?} for this event; EventBridge takes 1 to {longest} bytes");
                    return Exchange::unsent(unsigned.shown(), unfit(why));
                }
                Err(why) => return Exchange::unsent(unsigned.shown(), unfit(format!("config.{name}: {why}"))),
            }
        }
        let entry = json!({
            "EventBusName": self.bus,
            "Source": filled[0],
            "DetailType": filled[1],
            "Detail": detail(outgoing),
            "Time": outgoing.received_at().as_secs(),
        });
        let mut request = aws::json_call(&self.endpoint, TARGET, "1.1", &json!({ "Entries": [entry] }));
        if let Err(error) = aws::sign(&mut request, &self.key, "events", &self.region, Style::Usual, post.now) {
            return Exchange::unsent(request.shown(), Outcome::Retry(error));
        }
        post.exchange(request, |answer| self.judge(answer)).await
    }

    fn judge(&self, answer: &Answer) -> Outcome {
        let status = answer.status.unwrap_or_default();
        let on = format!("the event bus {} in {}", self.bus, self.region);
        if status == 200 {
            let Ok(put) = serde_json::from_str::<Put>(&answer.body) else {
                return retry("what answers at config.endpoint is not EventBridge: its 200 names no FailedEntryCount");
            };
            let entry = put.entries.into_iter().next().unwrap_or_default();
            if put.failed_entry_count == 0 && entry.event_id.is_some() {
                return Outcome::Delivered;
            }
            let code = entry.error_code.unwrap_or_default();
            return Self::refused(200, &Refusal { code, message: entry.error_message.unwrap_or_default() }, &on);
        }
        Self::refused(status, &Refusal::of(answer), &on)
    }

    fn refused(status: u16, refusal: &Refusal, on: &str) -> Outcome {
        let words = said(&refusal.message);
        let is_too_large = || ["too large", "over the limit", "exceed"].iter().any(|it| words.contains(it));
        match refusal.code.as_str() {
            "ResourceNotFoundException" => {
                retry(format!("{on} does not exist: check config.bus and config.region ({words})"))
            }
            "MalformedDetail" => give_up(format!("{on} does not take the event as its detail: {words}")),
            "NotAuthorizedForSourceException" | "NotAuthorizedForDetailTypeException" => {
                retry(format!("{on} does not take this source or detail type from the key: {words}"))
            }
            "ValidationException" if is_too_large() => give_up(format!("the event is too large for {on}: {words}")),
            "" if status == 413 => give_up(format!("the event is too large for {on}")),
            "" if status == 200 => retry(format!("{on} did not take the event and did not say why")),
            _ => refusal.outcome(status, "events:PutEvents", on),
        }
    }
}

/// A JSON object, as a detail has to be: the payload where it is one, byte for byte.
fn detail(outgoing: &Outgoing<'_>) -> String {
    match outgoing.payload() {
        Some(Value::Object(_)) => String::from_utf8_lossy(&outgoing.body).into_owned(),
        Some(other) => json!({ "payload": other }).to_string(),
        None => json!({ "body_base64": BASE64_STANDARD.encode(&outgoing.body) }).to_string(),
    }
}
