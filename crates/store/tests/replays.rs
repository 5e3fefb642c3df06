//! A replay makes each of its deliveries once, whoever is killed between its steps or takes the same step.

#[path = "model/events.rs"]
mod events;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use domain::{
    delivery::{Attempt, AttemptStatus, DeliveryFilter, DeliveryStatus, SentRequest, Trigger},
    event::EventStatus,
    id::{AttemptId, ConnectionId, DeliveryId, DestinationId, EnvId, EventId, ReplayId, SourceId},
    page::PageRequest,
    replay::{ReplayCounts, ReplaySpec, ReplayStatus},
    time::Timestamp,
};
use store::{
    Options, Store,
    replays::{Advance, Looked, PlannedReplay, ReplayAtWork, Step},
    scope::Scope,
    writer::{Accept, AttemptRecord, NewDelivery, NewEvent, Start, Verdict, Writer},
};

const ENV: EnvId = EnvId::from_u128(1);
const DESTINATION: DestinationId = DestinationId::from_u128(3);
const CONNECTION: ConnectionId = ConnectionId::from_u128(5);
const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);
const NODE: i64 = 11;
const REPLAY: ReplayId = ReplayId::from_u128(9);

struct Bench {
    store: Store,
    writer: Writer,
    ids: AtomicU64,
    folder: std::path::PathBuf,
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_micros(NOW.as_micros() + seconds * 1_000_000)
}

impl Bench {
    async fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("hookstream-replays-{name}-{}", std::process::id()));
        let url = format!("sqlite:{}", folder.join("replays.db").display());
        let store = Store::connect(&Options { url, max_connections: 2, ..Options::default() }).await.expect("opens");
        store.migrate().await.expect("migrates");
        let (writer, mut tasks) = Writer::start(&store, NODE);
        // They end with the writer's last handle.
        tasks.detach_all();
        Self { store, writer, ids: AtomicU64::new(1), folder }
    }

    fn rows(&self) -> Scope {
        self.store.scope(ENV)
    }

    fn number(&self) -> u128 {
        self.ids.fetch_add(1, Ordering::Relaxed).into()
    }

    /// An event of so many seconds after the beginning, with a delivery if it starts anyhow.
    async fn event(&self, second: i64, start: Option<Start>) -> EventId {
        let (at, number) = (seconds(second), self.number());
        let id = EventId::new(at, number);
        let event = Arc::new(NewEvent { source_id: SourceId::from_u128(4), ..events::event(ENV, at, number) });
        let delivery = |start| NewDelivery {
            id: DeliveryId::new(at, number),
            connection_id: CONNECTION,
            destination_id: DESTINATION,
            order_key: None,
            start,
            schema_errors: vec![],
        };
        let deliveries = start.map(delivery).into_iter().collect();
        self.writer.accept(Accept::new(event, deliveries).await, |_| {}).await.expect("stored");
        id
    }

    /// An event whose delivery has ended.
    async fn ended(&self, second: i64, verdict: Verdict) -> EventId {
        let event = self.event(second, Some(Start::Leased)).await;
        let delivery = self.rows().event_deliveries(event).await.expect("reads").pop().expect("it has one").id;
        let attempt = Attempt {
            id: AttemptId::new(NOW, self.number()),
            delivery_id: delivery,
            attempt_number: 1,
            trigger: Trigger::Initial,
            status: AttemptStatus::Succeeded,
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
        let record =
            AttemptRecord { env_id: ENV, event_id: event, destination_id: DESTINATION, attempt, verdict, gate: None };
        self.writer.record(record).await;
        while self.rows().attempts(delivery).await.expect("reads").is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        event
    }

    /// A replay of the first hour.
    async fn replay(&self, rate_per_second: Option<u32>) -> ReplayAtWork {
        let spec = ReplaySpec {
            source_id: None,
            connection_id: None,
            from: NOW,
            to: seconds(3600),
            filter: None,
            rate_per_second,
            limit: None,
            include_duplicates: false,
        };
        self.rows().insert_replay(REPLAY, &spec, None, seconds(4000)).await.expect("inserts");
        self.at().await
    }

    async fn at(&self) -> ReplayAtWork {
        self.rows().replay(REPLAY).await.expect("reads").expect("is there")
    }

    /// What a step would do that looks at up to `size` events.
    async fn look(&self, at: &ReplayAtWork, size: u32) -> Looked {
        let from = at.reached.map_or(EventId::new(NOW, 0), |last| EventId::from_u128(last.as_u128() + 1));
        let before = EventId::new(seconds(3600), 0);
        let events = self.rows().events_to_replay(None, from, before, size).await.expect("reads");
        let number = events.len() as u64;
        let planned = events.iter().map(|event| PlannedReplay {
            id: DeliveryId::new(seconds(4000), self.number()),
            event_id: event.id,
            connection_id: CONNECTION,
            destination_id: DESTINATION,
            order_key: None,
            held: false,
            schema_errors: vec![],
        });
        Looked {
            planned: planned.collect(),
            last: events.last().map(|event| event.id),
            is_end: events.len() < size as usize,
            counts: ReplayCounts { events: number, matched: number, ..ReplayCounts::default() },
        }
    }

    async fn step(&self, size: u32) -> Advance {
        let at = self.at().await;
        let looked = self.look(&at, size).await;
        self.rows().advance_replay(&at, &looked, seconds(4000)).await.expect("advances")
    }

    /// Statuses and triggers' marks of an event's deliveries, oldest first.
    async fn deliveries(&self, event: EventId) -> Vec<(DeliveryStatus, bool)> {
        let deliveries = self.rows().event_deliveries(event).await.expect("reads");
        deliveries.iter().map(|delivery| (delivery.status, delivery.replay_id == Some(REPLAY))).collect()
    }

    async fn status(&self, event: EventId) -> EventStatus {
        self.rows().event(event).await.expect("reads").expect("is there").summary.status
    }
}

fn made(advance: &Advance) -> u64 {
    match advance {
        Advance::Done(Step { made, .. }) => *made,
        Advance::NotNow => 0,
    }
}

#[tokio::test]
async fn each_event_is_sent_once_whoever_takes_the_step() {
    use DeliveryStatus::{Pending, Succeeded};
    let bench = Bench::new("once").await;
    let mut events = Vec::new();
    for second in 0..10 {
        events.push(bench.ended(second, Verdict::Succeeded).await);
    }
    bench.event(3600, None).await;
    let at = bench.replay(None).await;
    assert!(bench.store.has_active_replays().await.expect("reads"));

    // Two nodes have read the same; the second comes too late. One that was killed before its commit has done nothing.
    let looked = bench.look(&at, 4).await;
    assert_eq!(made(&bench.rows().advance_replay(&at, &looked, seconds(4000)).await.expect("advances")), 4);
    let again = bench.look(&at, 4).await;
    let late = bench.rows().advance_replay(&at, &again, seconds(4000)).await.expect("is refused");
    assert_eq!(late, Advance::NotNow);
    assert_eq!(bench.at().await.replay.counts.deliveries, 4);

    // Both go on at once, as often as they like.
    let steps = async || {
        for _ in 0..20 {
            bench.step(3).await;
        }
    };
    tokio::join!(steps(), steps());
    for event in &events {
        assert_eq!(bench.deliveries(*event).await, [(Succeeded, false), (Pending, true)]);
        assert_eq!(bench.status(*event).await, EventStatus::Processing);
    }
    let replay = bench.at().await.replay;
    assert_eq!(replay.status, ReplayStatus::Completed);
    assert_eq!((replay.counts.events, replay.counts.deliveries), (10, 10));
    assert!(replay.finished_at.is_some() && (replay.progress - 1.0).abs() < 1e-9);
    assert!(!bench.store.has_active_replays().await.expect("reads"));
    let filter = DeliveryFilter { replay_id: Some(REPLAY), ..DeliveryFilter::default() };
    assert_eq!(bench.rows().deliveries(&filter, PageRequest::first(50)).await.expect("reads").data.len(), 10);
    assert_eq!(bench.rows().replay_outcome(REPLAY).await.expect("counts").open, 10);
}

#[tokio::test]
async fn what_failed_is_taken_up_again_and_what_is_open_is_left_alone() {
    use DeliveryStatus::{Failed, Held, Pending, Succeeded};
    let bench = Bench::new("former").await;
    let failed = bench.ended(1, Verdict::GiveUp).await;
    let held = bench.event(2, Some(Start::Held)).await;
    let never = bench.event(3, None).await;
    let sent = bench.ended(4, Verdict::Succeeded).await;
    assert_eq!(bench.status(failed).await, EventStatus::Failed);
    let at = bench.replay(None).await;
    let open = bench.rows().still_open(&bench.look(&at, 10).await.planned).await.expect("reads");
    assert_eq!(open.into_iter().collect::<Vec<_>>(), [(held, CONNECTION)]);

    assert_eq!(made(&bench.step(10).await), 3);
    let counts = bench.at().await.replay.counts;
    assert_eq!((counts.deliveries, counts.still_open), (3, 1));
    assert_eq!(bench.deliveries(failed).await, [(Pending, true)]);
    assert_eq!(bench.deliveries(held).await, [(Held, false)]);
    assert_eq!(bench.deliveries(never).await, [(Pending, true)]);
    assert_eq!(bench.deliveries(sent).await, [(Succeeded, false), (Pending, true)]);
    for event in [failed, held, never, sent] {
        assert_eq!(bench.status(event).await, EventStatus::Processing);
    }
    let again = bench.rows().event_deliveries(failed).await.expect("reads").pop().expect("is there");
    assert_eq!((again.is_dlq, again.attempt_count), (false, 1));
    assert_ne!(bench.deliveries(failed).await, [(Failed, false)]);
}

#[tokio::test]
async fn a_cancelled_replay_takes_back_what_it_has_queued() {
    use DeliveryStatus::{Cancelled, Failed, Succeeded};
    let bench = Bench::new("cancelled").await;
    let failed = bench.ended(1, Verdict::GiveUp).await;
    let sent = bench.ended(2, Verdict::Succeeded).await;
    let never = bench.event(3, None).await;
    let later = bench.event(4, None).await;
    bench.replay(None).await;
    assert_eq!(made(&bench.step(3).await), 3);
    let rows = bench.rows();
    let from = [ReplayStatus::Pending, ReplayStatus::Running];
    assert!(rows.move_replay(REPLAY, &from, ReplayStatus::Cancelled, seconds(4001)).await.expect("moves"));
    assert!(!rows.move_replay(REPLAY, &from, ReplayStatus::Cancelled, seconds(4001)).await.expect("has ended"));
    assert_eq!(bench.step(3).await, Advance::NotNow);
    assert!(bench.store.has_active_replays().await.expect("reads"), "there is something to take back");

    let made_at = bench.at().await.replay.created_at;
    assert_eq!(rows.withdraw_replayed(REPLAY, made_at, 2, seconds(4002)).await.expect("withdraws"), 2);
    assert_eq!(rows.withdraw_replayed(REPLAY, made_at, 2, seconds(4002)).await.expect("withdraws"), 1);
    assert_eq!(rows.withdraw_replayed(REPLAY, made_at, 2, seconds(4002)).await.expect("withdraws"), 0);
    assert!(!bench.store.has_active_replays().await.expect("reads"));
    assert_eq!(bench.deliveries(failed).await, [(Failed, true)]);
    assert!(rows.event_deliveries(failed).await.expect("reads")[0].is_dlq);
    assert_eq!(bench.deliveries(sent).await, [(Succeeded, false), (Cancelled, true)]);
    assert_eq!(bench.deliveries(never).await, [(Cancelled, true)]);
    assert_eq!(bench.deliveries(later).await, []);
    assert_eq!(bench.status(failed).await, EventStatus::Failed);
    assert_eq!(bench.status(sent).await, EventStatus::Delivered);
    assert_eq!(bench.status(never).await, EventStatus::Received);
}

#[tokio::test]
async fn a_rate_spreads_deliveries_over_steps() {
    let bench = Bench::new("rate").await;
    for second in 0..6 {
        bench.event(second, None).await;
    }
    bench.replay(Some(2)).await;
    for _ in 0..3 {
        bench.step(2).await;
    }
    let filter = DeliveryFilter { replay_id: Some(REPLAY), ..DeliveryFilter::default() };
    let page = bench.rows().deliveries(&filter, PageRequest::first(50)).await.expect("reads");
    let mut due: Vec<i64> = page.data.iter().filter_map(|it| it.next_attempt_at).map(Timestamp::as_micros).collect();
    due.sort_unstable();
    let begun = seconds(4000).as_micros();
    assert_eq!(due, [0, 1, 2, 3, 4, 5].map(|half| begun + half * 500_000));
    assert_eq!(bench.at().await.paced_until, Some(seconds(4003)));
}

#[tokio::test]
async fn a_replay_goes_when_its_time_has_passed() {
    let bench = Bench::new("old").await;
    bench.replay(None).await;
    let day = 24 * 3600;
    assert_eq!(bench.store.remove_ended_replays(seconds(40 * day)).await.expect("looks"), 0, "it has not ended");
    bench.step(10).await;
    assert_eq!(
        bench.store.remove_ended_replays(seconds(40 * day)).await.expect("looks"),
        0,
        "its project is not there"
    );
}
