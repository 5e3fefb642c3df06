//! Comparing the books: what senders were told, what is stored, what the receiver got.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

use super::{Acknowledged, Client, Digest, Received, Sink, digest, eventually};

/// What is wrong between what was acknowledged, what is stored and what was received; all empty when nothing is.
#[derive(Debug, Default)]
pub struct Books {
    /// Acknowledged, and not stored.
    pub lost: Vec<String>,
    /// Acknowledged, or stored and on its way, and its status is not `delivered`.
    pub undelivered: Vec<String>,
    /// Acknowledged, and never received.
    pub unreceived: Vec<String>,
    /// Received, and not stored.
    pub foreign: Vec<String>,
    /// Acknowledged with another body than was received.
    pub altered: Vec<String>,
}

impl Books {
    /// `stored` is the list of all events, and `received` each event that came with the body that came.
    pub fn compare<'a>(
        acknowledged: &Acknowledged,
        stored: &[Value],
        received: impl Iterator<Item = (&'a str, Digest)>,
    ) -> Self {
        let stored: HashMap<_, _> = stored.iter().map(|event| (event["id"].as_str().expect("an id"), event)).collect();
        let mut books = Self::default();
        let mut came = HashSet::new();
        for (id, body) in received {
            came.insert(id);
            if !stored.contains_key(id) {
                books.foreign.push(id.to_owned());
            }
            if acknowledged.get(id).is_some_and(|posted| *posted != body) {
                books.altered.push(id.to_owned());
            }
        }
        for id in acknowledged.keys() {
            if !stored.contains_key(id.as_str()) {
                books.lost.push(id.clone());
            }
            if !came.contains(id.as_str()) {
                books.unreceived.push(id.clone());
            }
        }
        // What was stored although its sender was told to come back is delivered as well, where it had a way to go.
        let is_delivered = |id: &str, status: &Value| {
            status == "delivered" || (status == "received" && !acknowledged.contains_key(id))
        };
        let undelivered = stored.iter().filter(|(id, event)| !is_delivered(id, &event["status"]));
        books.undelivered = undelivered.map(|(_, event)| event.to_string()).collect();
        books
    }

    pub fn assert_balanced(&self) {
        let Self { lost, undelivered, unreceived, foreign, altered } = self;
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        assert!(foreign.is_empty(), "delivered and not stored: {foreign:?}");
        assert!(altered.is_empty(), "delivered with another body: {altered:?}");
        assert!(unreceived.is_empty(), "acknowledged and never received: {unreceived:?}");
        assert!(undelivered.is_empty(), "not delivered: {undelivered:?}");
    }
}

/// Every acknowledged event is in the database with its body, and has come to the receiver; nothing came that is not
/// in the database.
pub async fn reconcile(api: &Client, sink: &Sink, acknowledged: &Acknowledged, limit: Duration) {
    const LOOKED_AT: usize = 20;
    eventually(limit, &format!("all {} events are delivered", acknowledged.len()), async || {
        (sink.count() >= acknowledged.len()).then_some(())?;
        let received: HashMap<_, _> = sink.received().into_iter().map(|r| (r.event_id(), r.body)).collect();
        acknowledged.keys().all(|id| received.contains_key(id)).then_some(())
    })
    .await;
    let stored = eventually(limit, "all deliveries end", async || {
        let open: usize = api.get("/v1/events?status=processing&limit=1").await.list().len();
        if open > 0 {
            // A whole walk is costly; there is time.
            tokio::time::sleep(Duration::from_millis(200)).await;
            return None;
        }
        Some(api.all("/v1/events").await)
    })
    .await;
    let received: Vec<_> = sink.received().iter().map(|request| (request.event_id(), digest(&request.body))).collect();
    let received = received.iter().map(|(id, body)| (id.as_str(), *body));
    Books::compare(acknowledged, &stored, received).assert_balanced();
    for (id, posted) in acknowledged.iter().take(LOOKED_AT) {
        assert!(api.stored_body(id).await == *posted, "{id} is stored with another body");
    }
}

impl Client {
    /// The body that is stored of an event.
    pub async fn stored_body(&self, event: &str) -> Digest {
        let stored = self.event(event).await;
        let encoded = stored["body_base64"].as_str().expect("a body");
        digest(&BASE64_STANDARD.decode(encoded).expect("base64"))
    }
}

/// How often each delivery was made.
fn counts_of_deliveries(sink: &Sink) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for id in sink.received().iter().map(Received::delivery_id) {
        *counts.entry(id).or_default() += 1;
    }
    counts
}

pub fn assert_none_twice(sink: &Sink) {
    let twice: Vec<_> = counts_of_deliveries(sink).into_iter().filter(|(_, count)| *count > 1).collect();
    assert!(twice.is_empty(), "made more than once: {twice:?}");
}
