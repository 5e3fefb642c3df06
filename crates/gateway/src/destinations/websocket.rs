//! The type `websocket`: a message to every client that listens to a channel, on every node.

use domain::{
    delivery::SentRequest,
    destination::{WebsocketConfig, WhenNobodyListens},
    id::EnvId,
};

use super::exchange::{Exchange, Post, give_up, retry};
use crate::{
    hub::{Item, Reached, message},
    pipeline::deliver::{Answer, Outcome, Outgoing},
};

pub(crate) struct Websocket {
    env_id: EnvId,
    channel: String,
    when_nobody_listens: WhenNobodyListens,
}

/// Each client's node keeps some of them in memory.
const MAX_MESSAGE: usize = 1 << 20;

impl Websocket {
    pub fn new(config: WebsocketConfig, env_id: EnvId) -> Self {
        Self { env_id, channel: config.channel, when_nobody_listens: config.when_nobody_listens }
    }

    pub async fn send(&self, post: &Post<'_>, outgoing: &Outgoing<'_>) -> Exchange {
        let item = Item {
            env_id: self.env_id,
            event_id: outgoing.event_id,
            delivery_id: outgoing.delivery_id,
            is_test: outgoing.is_test,
        };
        let text = message(&self.channel, item, outgoing.source_id, outgoing.event.headers, &outgoing.body);
        let request = SentRequest { method: "SEND".into(), url: format!("/v1/ws#{}", self.channel), headers: vec![] };
        if text.len() > MAX_MESSAGE {
            let why =
                format!("the message is {} bytes, and clients are sent at most {MAX_MESSAGE} (1 MiB)", text.len());
            return Exchange::unsent(request, give_up(why));
        }
        let reached = post.hub.publish(&self.channel, item, text, post.deadline).await;
        let body = serde_json::json!({ "clients": reached.clients, "nodes": reached.nodes }).to_string();
        let answer = Answer { status: None, headers: vec![], body, retry_after: None };
        Exchange { request, outcome: self.judge(reached), answer: Some(answer) }
    }

    fn judge(&self, reached: Reached) -> Outcome {
        if reached.silent > 0 {
            return retry(format!(
                "{} of the server's processes did not say in time whether their clients got it",
                reached.silent
            ));
        }
        match (reached.clients, self.when_nobody_listens) {
            (0, WhenNobodyListens::Retry) => retry(format!("nobody listens to the channel {}", self.channel)),
            _ => Outcome::Delivered,
        }
    }
}
