//! What clients are sent.

use domain::{delivery::Delivery, event::EventSummary, issue::Issue};
use serde::Serialize;

use super::{Cursor, Topic};

#[derive(Serialize)]
struct Message<'a> {
    r#type: &'static str,
    topic: String,
    cursor: String,
    #[serde(flatten)]
    what: What<'a>,
}

#[derive(Serialize)]
struct Gap {
    r#type: &'static str,
    topic: String,
    cursor: Option<String>,
    message: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum What<'a> {
    Event(&'a EventSummary),
    Delivery(&'a Delivery),
    Issue(&'a Issue),
}

pub(crate) fn event_message(topic: Topic, cursor: &Cursor, event: &EventSummary) -> String {
    written("event", topic, cursor, What::Event(event))
}

pub(crate) fn delivery_message(topic: Topic, cursor: &Cursor, delivery: &Delivery) -> String {
    written("delivery", topic, cursor, What::Delivery(delivery))
}

pub(crate) fn issue_message(topic: Topic, cursor: &Cursor, issue: &Issue) -> String {
    written("issue", topic, cursor, What::Issue(issue))
}

/// That some of what was missed is not told.
pub(crate) fn gap_message(topic: Topic, cursor: Option<&Cursor>) -> String {
    let message = Gap {
        r#type: "gap",
        topic: topic.to_string(),
        cursor: cursor.map(ToString::to_string),
        message: "More was missed than is told here; the REST API has it.",
    };
    serde_json::to_string(&message).unwrap_or_default()
}

fn written(kind: &'static str, topic: Topic, cursor: &Cursor, what: What<'_>) -> String {
    let message = Message { r#type: kind, topic: topic.to_string(), cursor: cursor.to_string(), what };
    // All of it has a form in JSON.
    serde_json::to_string(&message).unwrap_or_default()
}
