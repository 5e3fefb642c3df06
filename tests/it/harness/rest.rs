//! What has to hold once all faults have ended.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use futures::StreamExt;
use serde_json::Value;

use super::receiver::Arrival;
use crate::world::{Acknowledged, Client, Database};

/// The longest way back: a commit whose answer was lost leaves a lease of a node that does not know of it, which that
/// node finds by looking twice, half a minute apart.
const REST_LIMIT: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Requests at once while everything is looked at.
const AT_ONCE: usize = 16;

/// Waits until nothing is in flight, leased or due any more. `more` is by how much a clock may have misled retries.
///
/// # Panics
/// When that takes too long.
pub async fn comes_to_rest(database: &Database, more: Duration) {
    let start = Instant::now();
    loop {
        let sql = |condition: &str| format!("SELECT count(*) FROM deliveries WHERE {condition}");
        let mut open = Vec::new();
        for condition in
            ["lease_owner IS NOT NULL", "due_at IS NOT NULL", "status IN ('pending', 'in_flight', 'waiting', 'held')"]
        {
            open.push((condition, database.numbers(&sql(condition)).await[0]));
        }
        if open.iter().all(|(_, count)| *count == 0) {
            return;
        }
        assert!(start.elapsed() < REST_LIMIT + more, "not at rest within {:?}: {open:?}", start.elapsed());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// All that the database says and that is not so. Every event has one delivery, which has succeeded; every attempt that
/// succeeded was seen by the receiver, which said yes to it; every body is stored as it was posted and as it came.
pub async fn differences(
    api: &Client,
    acknowledged: &Acknowledged,
    stored: &[Value],
    arrivals: &[Arrival],
) -> Vec<String> {
    let text = |value: &Value, field: &str| value[field].as_str().expect("text").to_owned();
    let deliveries = api.all("/v1/deliveries").await;
    let mut wrong = Vec::new();
    let by_event: HashMap<_, _> = deliveries.iter().map(|delivery| (text(delivery, "event_id"), delivery)).collect();
    if by_event.len() != deliveries.len() || by_event.len() != stored.len() {
        wrong.push(format!("{} events have {} deliveries", stored.len(), deliveries.len()));
    }
    let mut seen: HashMap<(&str, u64), &Arrival> = HashMap::new();
    let mut bodies = HashMap::new();
    for arrival in arrivals {
        bodies.insert(arrival.event.as_str(), arrival.body);
        let best = seen.entry((&arrival.delivery, arrival.attempt)).or_insert(arrival);
        if arrival.may_be_success() {
            *best = arrival;
        }
        let stored = by_event.get(&arrival.event).map(|delivery| text(delivery, "id"));
        if stored.as_ref() != Some(&arrival.delivery) {
            wrong.push(format!("{arrival:?} came, and its event's delivery is {stored:?}"));
        }
    }
    let (by_event, seen, bodies) = (&by_event, &seen, &bodies);
    let looked_at = futures::stream::iter(stored).map(async |event| {
        let id = text(event, "id");
        let mut wrong = Vec::new();
        let body = api.stored_body(&id).await;
        for (said, by) in [(acknowledged.get(&id), "posted"), (bodies.get(id.as_str()), "received")] {
            if said.is_some_and(|said| *said != body) {
                wrong.push(format!("{id} is stored with another body than was {by}"));
            }
        }
        if let Some(delivery) = by_event.get(&id) {
            wrong.extend(wrong_attempts(delivery, &api.attempts(&text(delivery, "id")).await, seen));
        }
        wrong
    });
    wrong.extend(looked_at.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await.into_iter().flatten());
    wrong
}

fn wrong_attempts(delivery: &Value, attempts: &[Value], seen: &HashMap<(&str, u64), &Arrival>) -> Vec<String> {
    let id = delivery["id"].as_str().expect("an id");
    let mut wrong = Vec::new();
    if delivery["status"] != "succeeded" {
        wrong.push(format!("a delivery has not succeeded: {delivery}"));
    }
    let succeeded = attempts.iter().filter(|attempt| attempt["status"] == "succeeded");
    let numbers: Vec<_> = succeeded.map(|attempt| attempt["attempt_number"].as_u64().expect("a number")).collect();
    if numbers.is_empty() {
        wrong.push(format!("{id} has succeeded by none of its attempts: {attempts:?}"));
    }
    for number in numbers {
        match seen.get(&(id, number)) {
            None => wrong.push(format!("attempt {number} of {id} succeeded and the receiver has not seen it")),
            Some(arrival) if !arrival.may_be_success() => {
                wrong.push(format!("attempt {number} of {id} succeeded and the receiver did not say yes: {arrival:?}"));
            }
            Some(_) => {}
        }
    }
    wrong
}
