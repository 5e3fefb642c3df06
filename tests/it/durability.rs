//! What was acknowledged is never lost: a server that is killed or stopped under load, and what stands there afterwards.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;
use tokio::task::JoinSet;

use crate::world::{Answer, Client, On, Reply, Server, Sink, World, eventually};

on_both_databases!(
    killed_under_load_nothing_acknowledged_is_lost,
    stopped_under_load_nothing_is_lost_and_nothing_sent_twice,
    stopping_waits_for_what_is_being_sent,
    what_hangs_does_not_keep_the_server_from_stopping,
    retries_survive_a_restart,
);

const SENDERS: usize = 32;
/// Longer than a node that died keeps its leases, and until the others look.
const TAKEN_OVER: Duration = Duration::from_secs(20);
const WORKED_OFF: Duration = Duration::from_secs(30);
/// The longest that a server may take to stop.
const STOP_LIMIT: Duration = Duration::from_secs(40);

/// Senders that post one body after the other, each another one, until they are told to end.
pub struct Load {
    senders: JoinSet<Vec<(String, Vec<u8>)>>,
    ends: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
}

impl Load {
    pub fn start(servers: &[&Server], source: &str) -> Self {
        let (ends, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut senders = JoinSet::new();
        for sender in 0..SENDERS {
            // Built here, so that it outlives the server.
            let request = servers[sender % servers.len()].ingest(source);
            let (ends, acknowledged) = (Arc::clone(&ends), Arc::clone(&acknowledged));
            senders.spawn(async move {
                let mut taken = Vec::new();
                for number in 0.. {
                    if ends.load(Ordering::Relaxed) {
                        break;
                    }
                    let body = format!("{{\"sender\":{sender},\"number\":{number}}}\n").into_bytes();
                    let request = request.try_clone().expect("it has no body yet").body(body.clone());
                    match Answer::try_of(request).await {
                        Ok(answer) if answer.status == 200 => {
                            let id = answer.json()["event_id"].as_str().expect("an id").to_owned();
                            acknowledged.fetch_add(1, Ordering::Relaxed);
                            taken.push((id, body));
                        }
                        Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
                        // The server has gone away.
                        Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                    }
                }
                taken
            });
        }
        Self { senders, ends, acknowledged }
    }

    /// Waits until so many are acknowledged and so much time has passed.
    pub async fn runs(&self, at_least: usize, time: Duration) {
        let start = Instant::now();
        eventually(Duration::from_secs(30), &format!("{at_least} events are taken"), async || {
            (self.acknowledged.load(Ordering::Relaxed) >= at_least && start.elapsed() >= time).then_some(())
        })
        .await;
    }

    /// Ends it; says what was acknowledged.
    pub async fn end(self) -> HashMap<String, Vec<u8>> {
        self.ends.store(true, Ordering::Relaxed);
        let taken: Vec<_> = self.senders.join_all().await.into_iter().flatten().collect();
        let count = taken.len();
        let taken: HashMap<_, _> = taken.into_iter().collect();
        assert_eq!(taken.len(), count, "every acknowledgement names another event");
        taken
    }
}

/// Every acknowledged event is in the database with its body, and has come to the receiver; nothing came that is not
/// in the database.
pub async fn reconcile(api: &Client, sink: &Sink, acknowledged: &HashMap<String, Vec<u8>>, limit: Duration) {
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
    let stored: HashMap<_, _> =
        stored.iter().map(|event| (event["id"].as_str().expect("an id").to_owned(), event)).collect();
    for id in acknowledged.keys() {
        let event = stored.get(id).unwrap_or_else(|| panic!("{id} was acknowledged and is lost"));
        assert_eq!(event["status"], "delivered", "{event}");
    }
    for request in sink.received() {
        let id = request.event_id();
        assert!(stored.contains_key(&id), "{id} was delivered and is not stored");
        if let Some(body) = acknowledged.get(&id) {
            assert!(request.body == *body, "{id} was delivered with another body");
        }
    }
    for (id, body) in acknowledged.iter().take(20) {
        assert_eq!(api.event(id).await["body_base64"], BASE64_STANDARD.encode(body));
    }
}

/// How often each delivery was made.
pub fn counts_of_deliveries(sink: &Sink) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for request in sink.received() {
        let id = request.header("x-hookstream-delivery-id").expect("an id").to_owned();
        *counts.entry(id).or_default() += 1;
    }
    counts
}

pub fn assert_none_twice(sink: &Sink) {
    let twice: Vec<_> = counts_of_deliveries(sink).into_iter().filter(|(_, count)| *count > 1).collect();
    assert!(twice.is_empty(), "made more than once: {twice:?}");
}

async fn killed_under_load_nothing_acknowledged_is_lost(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::start().await;
    let (source, _) = server.api().route("load", &sink.url(), json!({})).await;
    let load = Load::start(&[&server], &source);
    load.runs(100, Duration::from_secs(2)).await;
    server.kill();
    let acknowledged = load.end().await;

    let server = world.serve().await;
    reconcile(server.api(), &sink, &acknowledged, TAKEN_OVER + WORKED_OFF).await;
    let source = server.api().get(&format!("/v1/sources/{source}")).await.expect(200);
    let stored = server.api().all("/v1/events").await.len();
    assert_eq!(source["event_count"], stored, "what is counted is what is stored");
}

async fn stopped_under_load_nothing_is_lost_and_nothing_sent_twice(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::replying(Reply::After(Duration::from_millis(20), Box::new(Reply::Status(200)))).await;
    let (source, _) = server.api().route("load", &sink.url(), json!({})).await;
    let load = Load::start(&[&server], &source);
    load.runs(100, Duration::from_secs(1)).await;
    let start = Instant::now();
    let status = server.terminate(STOP_LIMIT).await;
    assert!(status.success(), "{status}");
    assert!(start.elapsed() < Duration::from_secs(10), "nothing kept it for {:?}", start.elapsed());
    let acknowledged = load.end().await;
    let leased = world.database().numbers("SELECT count(*) FROM deliveries WHERE lease_owner IS NOT NULL").await;
    assert_eq!(leased, [0], "what it had taken it gave back");

    let server = world.serve().await;
    // There is nobody whose leases would have to run out.
    reconcile(server.api(), &sink, &acknowledged, WORKED_OFF).await;
    assert_none_twice(&sink);
}

async fn stopping_waits_for_what_is_being_sent(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::replying(Reply::After(Duration::from_secs(2), Box::new(Reply::Status(200)))).await;
    let (source, _) = server.api().route("slow", &sink.url(), json!({})).await;
    let event = server.event(&source, "x").await;
    sink.receives(1).await;
    let status = server.terminate(STOP_LIMIT).await;
    assert!(status.success(), "{status}");
    let server = world.serve().await;
    let delivery = server.api().delivery_becomes(&event, "succeeded").await;
    assert_eq!(delivery["attempt_count"], 1);
    assert_eq!(sink.count(), 1);
}

async fn what_hangs_does_not_keep_the_server_from_stopping(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::replying(Reply::Hang).await;
    let (source, _) = server.api().route("hangs", &sink.url(), json!({ "timeout_ms": 120_000 })).await;
    let event = server.event(&source, "x").await;
    sink.receives(1).await;
    // A sender that is in the middle of its request does not keep it either.
    let sender = tokio::net::TcpStream::connect(server.address()).await.expect("it listens");
    let status = server.terminate(STOP_LIMIT).await;
    assert!(status.success(), "{status}");
    drop(sender);
    sink.now_replies(Reply::Status(200));
    let server = world.serve().await;
    let delivery = server.api().delivery_becomes(&event, "succeeded").await;
    assert_eq!(delivery["attempt_count"], 1, "the try that was broken off is made again");
}

async fn retries_survive_a_restart(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let sink = Sink::in_turn([Reply::Status(500), Reply::Status(200)]).await;
    let retry = json!({ "strategy": "schedule", "intervals_seconds": [2], "max_attempts": 3, "jitter": 0 });
    let (source, destination) = server.api().route("later", &sink.url(), json!({ "retry": retry })).await;
    let held = server.api().destination("held", &sink.url(), json!({ "status": "paused" })).await;
    server.api().connect(&source, &held).await;
    let event = server.event(&source, "x").await;
    sink.receives(1).await;
    let waits = async |server: &Server| {
        let deliveries = server.api().deliveries(&event).await;
        deliveries.iter().any(|d| d["destination_id"] == destination.as_str() && d["status"] == "waiting").then_some(())
    };
    eventually(Duration::from_secs(5), "it waits", async || waits(&server).await).await;
    server.kill();
    let server = world.serve().await;
    sink.receives(2).await;
    server.api().post(&format!("/v1/destinations/{held}/resume"), json!({})).await.expect(200);
    server.api().event_becomes(&event, "delivered").await;
    assert_eq!(sink.count(), 3);
}
