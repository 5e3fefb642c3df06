//! Feeds rules of any form to connections, and events of any form to rules.
//!
//! The input is text: a line with a filter as JSON, one with an expression, one with a schema, and the body. Nothing may
//! panic or go on for ever; what is refused is refused with a place.

#![no_main]

use bytes::Bytes;
use domain::{
    connection::{Rules as Written, RulesInput},
    field::FieldErrors,
    id::EnvId,
    rehearsal::SampleEvent,
    time::Timestamp,
};
use gateway::{
    event_view::{EventView, Payload},
    rules::Rules,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut lines = text.splitn(4, '\n');
    let mut json = || lines.next().and_then(|line| serde_json::from_str(line).ok());
    let filter = json();
    let transform = lines.next().map(str::to_owned);
    let schema = lines.next().and_then(|line| serde_json::from_str(line).ok());
    let body = Bytes::from(lines.next().unwrap_or_default().to_owned());
    let mut errors = FieldErrors::default();
    let written: Written = RulesInput { filter, transform, schema, schema_action: None }.parse(&mut errors);
    assert!(errors.iter().all(|error| !error.path.is_empty() && !error.message.is_empty()));
    let Ok(rules) = Rules::compile(&written) else { return };
    let sample = SampleEvent { query: Some("a=1&a=2".to_owned()), ..SampleEvent::default() };
    let headers = [("X-A".to_owned(), "1".to_owned()), ("x-a".to_owned(), "2".to_owned())];
    let now = Timestamp::from_micros(0);
    let event = EventView::of_sample(&sample, &headers, now);
    let payload = Payload::new(body.clone());
    if let Some(filter) = rules.filter() {
        let decision = filter.judge(&event, &payload);
        // What decided says of itself what it did.
        let why = decision.why(&event, &payload);
        assert!(filter.each_rule(&event, &payload).iter().any(|rule| rule.place == why.place && rule.held == why.held));
        assert!(!why.sentence().is_empty());
    }
    let _ = rules.judge(&event, &payload);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _ = runtime.block_on(rules.shape(EnvId::from_u128(1), &event, &body, now));
});
