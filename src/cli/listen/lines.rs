//! A line an event, for pipes and files, and for those who want no more.

use std::time::Duration;

use domain::time::Timestamp;
use serde_json::json;

use super::Forwarded;
use crate::cli::output::{Paint, one_line};

pub struct Lines {
    is_json: bool,
    paint: Paint,
    was_lost: bool,
}

impl Lines {
    /// Says what is about to happen.
    pub fn begin(head: &str, is_json: bool) -> Self {
        let lines = Self { is_json, paint: Paint::of_stdout(), was_lost: false };
        lines.say(&format!("forwarding {head}"));
        lines
    }

    /// Something about the command itself: it does not mix with the events.
    #[expect(clippy::unused_self, reason = "the other view says it on its screen")]
    pub fn say(&self, text: &str) {
        eprintln!("hookstream: {}", one_line(text));
    }

    pub fn connected(&mut self) {
        self.say(if self.was_lost {
            "connected again; what was missed comes now"
        } else {
            "connected; waiting for events"
        });
        self.was_lost = false;
    }

    pub fn lost(&mut self, why: &str, wait: Duration) {
        self.was_lost = true;
        self.say(&format!("the connection is lost ({why}); trying again in {:.1} s", wait.as_secs_f64()));
    }

    pub fn forwarded(&self, forwarded: &Forwarded) {
        if self.is_json {
            println!("{}", as_json(forwarded));
        } else {
            println!("{}", line(forwarded, self.paint));
        }
    }
}

fn as_json(forwarded: &Forwarded) -> serde_json::Value {
    let event = &forwarded.event.summary;
    json!({
        "at": forwarded.started_at,
        "event_id": event.id,
        "source_id": event.source_id,
        "type": event.event_type,
        "method": event.method,
        "target": forwarded.target.as_str(),
        "status": forwarded.answer.as_ref().ok().map(|answered| answered.status),
        "latency_ms": u64::try_from(forwarded.latency.as_millis()).unwrap_or(u64::MAX),
        "error": forwarded.answer.as_ref().err(),
    })
}

/// `12:00:07  invoice.paid  POST /webhooks → 200  12 ms  evt_…`
fn line(forwarded: &Forwarded, paint: Paint) -> String {
    let event = &forwarded.event.summary;
    let outcome = match &forwarded.answer {
        Ok(answered) if forwarded.succeeded() => paint.green(&answered.status.to_string()),
        Ok(answered) => paint.red(&answered.status.to_string()),
        Err(error) => paint.red(&one_line(error)),
    };
    format!(
        "{}  {}  {} → {outcome}  {}  {}",
        paint.dim(&time_of_day(forwarded.started_at)),
        paint.bold(&one_line(event.event_type.as_deref().unwrap_or("-"))),
        one_line(&request_line(forwarded)),
        paint.dim(&took(forwarded.latency)),
        paint.dim(&event.id.to_string()),
    )
}

/// `POST /webhooks?a=1`
pub fn request_line(forwarded: &Forwarded) -> String {
    let target = &forwarded.target;
    let query = target.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{} {}{query}", forwarded.event.summary.method, target.path())
}

/// In UTC, as everywhere.
pub fn time_of_day(at: Timestamp) -> String {
    at.to_rfc3339().get(11..19).unwrap_or_default().to_owned()
}

pub fn took(latency: Duration) -> String {
    let millis = latency.as_millis();
    if millis < 10_000 { format!("{millis} ms") } else { format!("{:.1} s", latency.as_secs_f64()) }
}
