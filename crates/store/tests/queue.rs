//! The queue's promises, on a real database: what is claimed is claimed once, a lease that was lost is not recorded
//! into, what a gone node held comes back, and an event's status is what its deliveries say.

#[path = "model/events.rs"]
mod events;

use std::{sync::Arc, time::Duration};

use domain::{
    delivery::{Attempt, AttemptStatus, DeliveryStatus, SentRequest, Trigger},
    event::EventStatus,
    id::{AttemptId, ConnectionId, DeliveryId, DestinationId, EnvId, EventId},
    time::Timestamp,
};
use sqlx::{Connection, SqliteConnection};
use store::{
    Options, Store,
    queue::Claimed,
    writer::{Accept, AttemptRecord, NewDelivery, NewEvent, Start, Verdict, Writer},
};

const ENV: EnvId = EnvId::from_u128(1);
const DESTINATION: DestinationId = DestinationId::from_u128(2);
const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);
const NODE: i64 = 11;

struct Bench {
    store: Store,
    writer: Writer,
    folder: Folder,
}

/// A folder that is gone with the test.
struct Folder(std::path::PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn bench(name: &str) -> Bench {
    let folder = std::env::temp_dir().join(format!("hookstream-queue-{name}-{}", std::process::id()));
    let url = format!("sqlite:{}", folder.join("queue.db").display());
    let store = Store::connect(&Options { url, max_connections: 2, ..Options::default() }).await.expect("opens");
    store.migrate().await.expect("migrates");
    let (writer, tasks) = Writer::start(&store, NODE);
    // They end with the writer's last handle.
    let mut tasks = tasks;
    tasks.detach_all();
    Bench { store, writer, folder: Folder(folder) }
}

fn event(number: u128) -> Arc<NewEvent> {
    Arc::new(NewEvent { headers: vec![("a".into(), "b".into())], ..events::event(ENV, NOW, number) })
}

fn delivery(number: u128, start: Start) -> NewDelivery {
    NewDelivery {
        id: DeliveryId::new(NOW, number),
        connection_id: ConnectionId::from_u128(4 + number),
        destination_id: DESTINATION,
        order_key: None,
        start,
        schema_errors: vec![],
    }
}

fn record(claimed: &Claimed, verdict: Verdict) -> AttemptRecord {
    let attempt = Attempt {
        id: AttemptId::new(NOW, claimed.attempt_count.into()),
        delivery_id: claimed.id,
        attempt_number: claimed.attempt_count + 1,
        trigger: claimed.trigger,
        status: if verdict == Verdict::Succeeded { AttemptStatus::Succeeded } else { AttemptStatus::Failed },
        started_at: NOW,
        latency_ms: 1,
        response_status: Some(200),
        response_headers: None,
        response_body: None,
        error: None,
        error_class: None,
        request: SentRequest { method: "POST".into(), url: "http://x/".into(), headers: vec![] },
        next_retry_at: None,
    };
    AttemptRecord {
        env_id: ENV,
        event_id: claimed.event_id,
        destination_id: claimed.destination_id,
        attempt,
        verdict,
        gate: None,
    }
}

impl Bench {
    async fn accept(&self, number: u128, deliveries: Vec<NewDelivery>) -> EventId {
        let event = event(number);
        let id = event.id;
        self.writer.accept(Accept::new(event, deliveries).await, |_| {}).await.expect("stored");
        id
    }

    /// Records, and waits until that is committed: what is accepted after it is written no earlier.
    async fn record(&self, record: AttemptRecord) {
        self.writer.record(record).await;
        self.accept(u128::from(rand_number()), vec![]).await;
    }

    async fn status(&self, delivery: DeliveryId) -> DeliveryStatus {
        self.store.scope(ENV).delivery(delivery).await.expect("reads").expect("is there").status
    }

    async fn event_status(&self, event: EventId) -> EventStatus {
        self.store.scope(ENV).event(event).await.expect("reads").expect("is there").summary.status
    }

    async fn claim(&self, node: i64, limit: u32) -> Vec<Claimed> {
        self.store.claim(node, DESTINATION, NOW, limit).await.expect("claims")
    }
}

fn rand_number() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1_000_000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[tokio::test]
async fn what_is_due_is_claimed_once_and_in_order() {
    let bench = bench("claim").await;
    for number in 0..10 {
        bench.accept(number, vec![delivery(number, Start::Due)]).await;
    }
    let first = bench.claim(NODE, 4).await;
    let ids: Vec<_> = first.iter().map(|claimed| claimed.id).collect();
    assert_eq!(ids, (0..4).map(|number| DeliveryId::new(NOW, number)).collect::<Vec<_>>());
    let second = bench.claim(22, 100).await;
    assert_eq!(second.len(), 6);
    assert!(bench.claim(NODE, 100).await.is_empty());
    assert_eq!(bench.store.next_due(DESTINATION).await.expect("reads"), None);
}

#[tokio::test]
async fn an_event_is_what_its_deliveries_say() {
    let bench = bench("status").await;
    let alone = bench.accept(1, vec![]).await;
    assert_eq!(bench.event_status(alone).await, EventStatus::Received);
    let id = bench.accept(2, vec![delivery(1, Start::Due), delivery(2, Start::Due)]).await;
    assert_eq!(bench.event_status(id).await, EventStatus::Processing);
    let claimed = bench.claim(NODE, 10).await;
    bench.record(record(&claimed[0], Verdict::Succeeded)).await;
    assert_eq!(bench.event_status(id).await, EventStatus::Processing);
    bench.record(record(&claimed[1], Verdict::GiveUp)).await;
    assert_eq!(bench.event_status(id).await, EventStatus::Failed);
    assert_eq!(bench.status(claimed[1].id).await, DeliveryStatus::Failed);

    let scope = bench.store.scope(ENV);
    let failed = scope.delivery(claimed[1].id).await.expect("reads").expect("is there");
    assert!(failed.is_dlq);
    let queued = scope.retry_delivery(&failed, Trigger::Manual, NOW).await.expect("queues").expect("it had failed");
    assert_eq!((queued.id, queued.status, queued.is_dlq), (failed.id, DeliveryStatus::Pending, false));
    assert_eq!(scope.retry_delivery(&failed, Trigger::Manual, NOW).await.expect("is queued already"), None);
    let again = bench.claim(NODE, 10).await;
    assert_eq!((again[0].trigger, again[0].attempt_count), (Trigger::Manual, 1));
    bench.record(record(&again[0], Verdict::Succeeded)).await;
    assert_eq!(bench.event_status(id).await, EventStatus::Delivered);
}

#[tokio::test]
async fn a_row_that_is_refused_takes_nothing_else_with_it() {
    let bench = bench("refused").await;
    // All come at once and go into few commits. The last has the id of another, which the database refuses.
    let numbers = (1..=40).chain([20]);
    let accepts = numbers.enumerate().map(async |(place, number)| {
        let delivery = delivery(place.try_into().expect("it is small"), Start::Due);
        bench.writer.accept(Accept::new(event(number), vec![delivery]).await, |_| {}).await
    });
    let results = futures::future::join_all(accepts).await;
    assert_eq!(results.iter().filter(|result| result.is_err()).count(), 1, "{results:?}");

    let path = bench.folder.0.join("queue.db");
    let mut database = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.expect("opens");
    for (what, sql) in [
        ("events", "SELECT count(*) FROM events"),
        ("bodies", "SELECT count(*) FROM event_bodies"),
        ("deliveries", "SELECT count(*) FROM deliveries"),
        ("counted", "SELECT sum(events) FROM source_counts"),
    ] {
        let count: i64 = sqlx::query_scalar(sql).fetch_one(&mut database).await.expect("a number");
        assert_eq!(count, 40, "{what}");
    }
}

#[tokio::test]
async fn a_lost_lease_is_not_recorded_into() {
    let bench = bench("fence").await;
    let id = bench.accept(1, vec![delivery(1, Start::Leased)]).await;
    let delivery_id = DeliveryId::new(NOW, 1);
    assert_eq!(bench.status(delivery_id).await, DeliveryStatus::InFlight);
    // Another process starts on the file: whoever held leases is gone.
    bench.store.heartbeat(22, NOW).await.expect("beats");
    assert_eq!(bench.store.take_over(22, NOW).await.expect("takes over"), 1);
    let taken = bench.claim(22, 10).await;
    assert_eq!(taken.len(), 1);
    // The first node, thought dead, comes back with its outcome.
    bench.record(record(&taken[0], Verdict::GiveUp)).await;
    assert_eq!(bench.status(delivery_id).await, DeliveryStatus::InFlight);
    assert_eq!(bench.event_status(id).await, EventStatus::Processing);
}

#[tokio::test]
async fn an_outcome_counts_once() {
    let bench = bench("once").await;
    bench.accept(1, vec![delivery(1, Start::Due)]).await;
    let first = bench.claim(NODE, 10).await;
    let outcome = record(&first[0], Verdict::Retry(NOW));
    bench.record(outcome.clone()).await;
    let second = bench.claim(NODE, 10).await;
    assert_eq!(second[0].attempt_count, 1);
    // Its first commit's answer was lost.
    bench.record(outcome).await;
    assert_eq!(bench.status(second[0].id).await, DeliveryStatus::InFlight);
    bench.record(record(&second[0], Verdict::Succeeded)).await;
    assert_eq!(bench.status(second[0].id).await, DeliveryStatus::Succeeded);
}

#[tokio::test]
async fn a_retry_waits_for_its_time() {
    let bench = bench("retry").await;
    bench.accept(1, vec![delivery(1, Start::Due)]).await;
    let claimed = bench.claim(NODE, 10).await;
    let later = NOW.plus(std::time::Duration::from_secs(30));
    bench.record(record(&claimed[0], Verdict::Retry(later))).await;
    assert_eq!(bench.status(claimed[0].id).await, DeliveryStatus::Waiting);
    assert!(bench.claim(NODE, 10).await.is_empty());
    assert_eq!(bench.store.next_due(DESTINATION).await.expect("reads"), Some(later));
    assert_eq!(bench.store.queued_destinations().await.expect("reads"), [(DESTINATION, later)]);
    let due = bench.store.claim(NODE, DESTINATION, later, 10).await.expect("claims");
    assert_eq!((due[0].attempt_count, due[0].trigger), (1, Trigger::Retry));
}

#[tokio::test]
async fn held_deliveries_come_when_they_are_released() {
    let bench = bench("held").await;
    bench.accept(1, vec![delivery(1, Start::Held)]).await;
    assert!(bench.claim(NODE, 10).await.is_empty());
    let connection = ConnectionId::from_u128(5);
    assert_eq!(bench.store.held_connections().await.expect("reads"), [connection]);
    assert_eq!(bench.store.release_held(connection, NOW).await.expect("releases"), 1);
    assert_eq!(bench.claim(NODE, 10).await.len(), 1);
}

#[tokio::test]
async fn a_project_does_not_see_another_ones_rows() {
    let bench = bench("scope").await;
    let id = bench.accept(1, vec![delivery(1, Start::Due)]).await;
    let other = bench.store.scope(EnvId::from_u128(99));
    assert!(other.event(id).await.expect("reads").is_none());
    assert!(other.delivery(DeliveryId::new(NOW, 1)).await.expect("reads").is_none());
    assert!(other.event_deliveries(id).await.expect("reads").is_empty());
    assert!(other.attempts(DeliveryId::new(NOW, 1)).await.expect("reads").is_empty());
}

#[tokio::test]
async fn one_process_has_the_file() {
    let bench = bench("lock").await;
    let url = format!("sqlite:{}", bench.folder.0.join("queue.db").display());
    let error =
        Store::connect(&Options { url, max_connections: 2, ..Options::default() }).await.err().expect("is refused");
    assert!(error.to_string().contains("in use by another hookstream process"), "{error}");
}

#[tokio::test]
async fn others_write_between_the_commits() {
    let bench = bench("turns").await;
    let is_over = std::cell::Cell::new(false);
    // There is always something to commit.
    let senders = (0..32).map(async |sender: u128| {
        let mut sent = 0;
        while !is_over.get() {
            bench.accept(sender << 32 | sent, vec![delivery(sender << 32 | sent, Start::Due)]).await;
            sent += 1;
        }
        sent
    });
    let others = async {
        let mut claimed = 0;
        while claimed < 100 {
            claimed += bench.claim(NODE, 2).await.len();
            bench.store.take_over(NODE, NOW).await.expect("takes over");
        }
        is_over.set(true);
        claimed
    };
    let (sent, claimed) = tokio::join!(futures::future::join_all(senders), others);
    assert!(sent.iter().all(|sent| *sent > 1), "{sent:?}");
    // And once there is nothing to commit any more.
    let rest = bench.claim(NODE, 1_000_000).await.len();
    assert_eq!((claimed + rest) as u128, sent.iter().sum());
    bench.accept(0xff << 32, vec![]).await;
    let closing = tokio::time::timeout(Duration::from_secs(10), bench.store.close());
    closing.await.expect("the connection is given back");
}
