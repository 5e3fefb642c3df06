//! The type `aws_sqs`: a message by SendMessage.

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::destination::{AwsKey, SqsConfig};
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

pub(crate) struct Sqs {
    queue_url: String,
    region: String,
    key: AwsKey,
    is_fifo: bool,
    group: Option<Template>,
    endpoint: Url,
}

/// A message and its attributes together.
const MAX_MESSAGE: usize = 1 << 20;
const MAX_GROUP_ID: usize = 128;

impl Sqs {
    pub fn new(config: SqsConfig) -> Result<Self, String> {
        let is_fifo = config.is_fifo();
        let group = config.message_group_id.as_deref().map(Template::compile).transpose()?;
        // A queue that is not at AWS is spoken to where it is.
        let queue = Url::parse(&config.queue_url).map_err(|error| error.to_string())?;
        let is_at_aws = queue
            .host_str()
            .is_some_and(|host| host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn"));
        let origin = (!is_at_aws).then(|| queue.origin().ascii_serialization());
        let endpoint = aws::endpoint("sqs", &config.region, config.endpoint.as_deref().or(origin.as_deref()))?;
        Ok(Self { queue_url: config.queue_url, region: config.region, key: config.key, is_fifo, group, endpoint })
    }

    pub async fn send(&self, post: &Post<'_>, outgoing: &Outgoing<'_>) -> Exchange {
        let mut message = json!({ "QueueUrl": self.queue_url });
        let unsigned = aws::json_call(&self.endpoint, "AmazonSQS.SendMessage", "1.0", &Value::Null);
        let refuse = |outcome| Exchange::unsent(unsigned.shown(), outcome);
        if let Some(group) = &self.group {
            match group.fill(|| outgoing.input()).await {
                Ok(id) if (1..=MAX_GROUP_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()) => {
                    message["MessageGroupId"] = json!(id);
                }
                Ok(id) => {
                    let wanted = "SQS takes 1 to 128 letters, digits and punctuation marks";
                    return refuse(unfit(format!("config.message_group_id is {id:?} for this event; {wanted}")));
                }
                Err(why) => return refuse(unfit(format!("config.message_group_id: {why}"))),
            }
        }
        if self.is_fifo {
            message["MessageDeduplicationId"] = json!(outgoing.event_id.to_string());
        }
        if outgoing.body.is_empty() {
            return refuse(give_up("the event has no body, and SQS takes no message without one"));
        }
        let (body, encoding) = match std::str::from_utf8(&outgoing.body) {
            Ok(text) if text.chars().all(is_taken) => (text.to_owned(), None),
            _ => (BASE64_STANDARD.encode(&outgoing.body), Some("base64".to_owned())),
        };
        let attributes = [
            ("event_id", Some(outgoing.event_id.to_string())),
            ("source_id", Some(outgoing.source_id.to_string())),
            ("content_type", outgoing.content_type().map(str::to_owned).filter(|text| text.chars().all(is_taken))),
            ("content_encoding", encoding),
        ];
        let attributes = || attributes.iter().filter_map(|(name, value)| Some((*name, value.as_ref()?)));
        let size =
            body.len() + attributes().map(|(name, value)| name.len() + "String".len() + value.len()).sum::<usize>();
        if size > MAX_MESSAGE {
            let why =
                format!("the message is {size} bytes with its attributes, and SQS takes at most {MAX_MESSAGE} (1 MiB)");
            return refuse(give_up(why));
        }
        message["MessageBody"] = json!(body);
        message["MessageAttributes"] = attributes()
            .map(|(name, value)| (name.to_owned(), json!({ "DataType": "String", "StringValue": value })))
            .collect();
        let mut request = aws::json_call(&self.endpoint, "AmazonSQS.SendMessage", "1.0", &message);
        if let Err(error) = aws::sign(&mut request, &self.key, "sqs", &self.region, Style::Usual, post.now) {
            return Exchange::unsent(request.shown(), Outcome::Retry(error));
        }
        post.exchange(request, |answer| self.judge(answer)).await
    }

    fn judge(&self, answer: &Answer) -> Outcome {
        let status = answer.status.unwrap_or_default();
        if status == 200 {
            let said: Value = serde_json::from_str(&answer.body).unwrap_or_default();
            return match said["MessageId"].as_str() {
                Some(_) => Outcome::Delivered,
                None => retry("what answers at config.endpoint is not SQS: its 200 names no MessageId"),
            };
        }
        let refusal = Refusal::of(answer);
        let words = said(&refusal.message);
        match refusal.code.as_str() {
            "QueueDoesNotExist" | "AWS.SimpleQueueService.NonExistentQueue" | "InvalidAddress" => retry(format!(
                "the queue {} does not exist in {}: check config.queue_url and config.region",
                self.queue_url, self.region
            )),
            "InvalidMessageContents" => give_up(format!("SQS does not take the message: {words}")),
            "InvalidParameterValue" if words.contains("1048576") || words.contains("shorter than") => {
                give_up(format!("the message is too large for the queue: {words}"))
            }
            "MissingParameter" if words.contains("MessageGroupId") => {
                retry("the queue is a FIFO queue: set config.message_group_id".to_owned())
            }
            _ => refusal.outcome(status, "sqs:SendMessage", &self.queue_url),
        }
    }
}

/// The characters that SQS takes in a message.
fn is_taken(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}
