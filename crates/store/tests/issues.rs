//! Issues and operations on many deliveries, on real databases: what folds into what, once and only once, and that an
//! operation goes on where it was, whoever goes on with it.

#[path = "model/database.rs"]
mod database;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use domain::{
    bulk::{BulkInput, BulkKind, BulkStatus, Selection},
    delivery::{Attempt, AttemptStatus, DeliveryFilter, DeliveryStatus, ErrorClass, SentRequest, Trigger},
    event::{EventStatus, VerificationStatus},
    id::{AttemptId, BulkOperationId, ConnectionId, DeliveryId, DestinationId, EnvId, EventId, IssueId, SourceId},
    issue::{Cause, Issue, IssueFilter, IssueInput, IssueStatus, QUIET, Resolver},
    page::PageRequest,
    time::Timestamp,
};
use sea_orm::ConnectionTrait;
use store::{
    Store,
    queue::Claimed,
    writer::{Accept, AttemptRecord, NewDelivery, NewEvent, Start, Verdict, Writer},
};

use self::database::Database;

const ENV: EnvId = EnvId::from_u128(1);
const DESTINATION: DestinationId = DestinationId::from_u128(2 << 40);
const OTHER: DestinationId = DestinationId::from_u128(3 << 40);
const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);
const NODE: i64 = 11;
const HTTP_500: Cause = Cause { error_class: ErrorClass::Status, response_status: Some(500) };
const TIMEOUT: Cause = Cause { error_class: ErrorClass::Timeout, response_status: None };

macro_rules! on_both_databases {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(super::Bench::new(super::Database::sqlite()).await).await;
                }
            )*
        }
        mod postgres {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(super::Bench::new(super::Database::postgres().await).await).await;
                }
            )*
        }
    };
}

on_both_databases!(
    failures_fold_by_destination_and_cause,
    an_outcome_feeds_its_issue_once,
    a_failure_opens_what_was_resolved,
    what_is_snoozed_or_acknowledged_stays_so,
    quiet_issues_are_resolved_once_their_destination_works,
    lists_are_in_the_order_of_the_latest_failure,
    an_operation_takes_each_delivery_once,
    an_operation_goes_on_after_a_restart,
    a_cancelled_operation_takes_no_more,
    what_is_purged_stays_failed,
    named_deliveries_that_have_left_are_left_alone,
    an_operation_leaves_what_came_later,
);

struct Bench {
    store: Store,
    writer: Writer,
    database: Database,
}

impl Bench {
    async fn new(database: Database) -> Self {
        let store = database.store().await;
        store.heartbeat(NODE, NOW).await.expect("beats");
        let look = database.look().await;
        // The project that they belong to is no matter of these tests.
        let unbound =
            if store.is_shared() { "SET session_replication_role = replica" } else { "PRAGMA foreign_keys = OFF" };
        look.execute_unprepared(unbound).await.expect("is set");
        for (id, name) in [(DESTINATION, "Billing"), (OTHER, "Mail")] {
            let id = format!("{:032x}", id.as_u128());
            let id = if store.is_shared() { format!("'{id}'") } else { format!("x'{id}'") };
            let env = format!("{:032x}", ENV.as_u128());
            let env = if store.is_shared() { format!("'{env}'") } else { format!("x'{env}'") };
            let sql = format!(
                "INSERT INTO destinations (id, env_id, name, slug, type, config, auth, headers, timeout_ms, retry, signing, \
                 status, version, created_at, updated_at) VALUES ({id}, {env}, '{name}', '{name}', 'http', '{{}}', '{{}}', \
                 '{{}}', 1000, '{{}}', '{{}}', 'active', 1, 0, 0)"
            );
            look.execute_unprepared(&sql).await.expect("a destination");
        }
        let (writer, mut tasks) = Writer::start(&store, NODE);
        // They end with the writer's last handle.
        tasks.detach_all();
        Self { store, writer, database }
    }

    fn scope(&self) -> store::scope::Scope {
        self.store.scope(ENV)
    }

    /// An event with a delivery that is taken.
    async fn taken(&self, destination: DestinationId) -> Claimed {
        taken(&self.writer, destination).await
    }

    /// Records, and waits until that is committed.
    async fn record(&self, record: AttemptRecord) {
        record_with(&self.store, &self.writer, record).await;
    }

    /// A delivery that was given up.
    async fn given_up(&self, destination: DestinationId, cause: Cause, at: Timestamp) -> Claimed {
        let claimed = self.taken(destination).await;
        self.record(failure(&claimed, cause, at)).await;
        claimed
    }

    async fn dead(&self, count: usize) -> Vec<Claimed> {
        let mut dead = Vec::new();
        for _ in 0..count {
            dead.push(self.given_up(DESTINATION, HTTP_500, NOW).await);
        }
        dead
    }

    async fn issue(&self, destination: DestinationId, cause: Cause) -> Issue {
        self.scope().issue(IssueId::of(destination, cause)).await.expect("reads").expect("is there")
    }

    async fn issues(&self) -> Vec<Issue> {
        self.scope().issues(&IssueFilter::default(), NOW, PageRequest::first(50)).await.expect("reads").data
    }

    async fn turn(&self, issue: &Issue, status: IssueStatus, at: Timestamp) {
        let input = IssueInput { status, snoozed_until: None };
        let state = issue.changed(&input, at).expect("may be").expect("changes");
        assert!(self.scope().change_issue(issue, state).await.expect("writes"));
    }

    async fn begin(&self, kind: BulkKind, input: BulkInput) -> BulkOperationId {
        let id = BulkOperationId::new(NOW, next().into());
        let selection: Selection = input.parse(kind).expect("is right");
        self.scope().insert_bulk_operation(id, kind, &selection, NOW).await.expect("begins");
        id
    }

    async fn delivery(&self, id: DeliveryId) -> domain::delivery::Delivery {
        self.scope().delivery(id).await.expect("reads").expect("is there")
    }

    async fn event_status(&self, id: EventId) -> EventStatus {
        self.scope().event(id).await.expect("reads").expect("is there").summary.status
    }
}

fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn all_dead() -> BulkInput {
    BulkInput { filter: Some(DeliveryFilter::default()), ids: None }
}

async fn taken(writer: &Writer, destination: DestinationId) -> Claimed {
    let number = u128::from(next());
    let event = Arc::new(NewEvent {
        env_id: ENV,
        id: EventId::new(NOW, number),
        source_id: SourceId::from_u128(3),
        event_type: None,
        provider_event_id: None,
        method: "POST".into(),
        path: "/".into(),
        query: None,
        content_type: None,
        source_ip: None,
        received_at: NOW,
        verification_status: VerificationStatus::NotRequired,
        headers: vec![],
        body: Bytes::from_static(b"{}"),
        schema_errors: None,
    });
    let delivery = NewDelivery {
        id: DeliveryId::new(NOW, number),
        connection_id: ConnectionId::from_u128(4),
        destination_id: destination,
        order_key: None,
        start: Start::Leased,
        schema_errors: vec![],
    };
    let claimed = Claimed {
        env_id: ENV,
        id: delivery.id,
        event_id: event.id,
        connection_id: delivery.connection_id,
        destination_id: destination,
        attempt_count: 0,
        trigger: Trigger::Initial,
        order_key: None,
        is_probe: false,
    };
    writer.accept(Accept::new(event, vec![delivery]).await, |_| {}).await.expect("stored");
    claimed
}

async fn record_with(store: &Store, writer: &Writer, record: AttemptRecord) {
    let (delivery, id) = (record.attempt.delivery_id, record.attempt.id);
    writer.record(record).await;
    for _ in 0..1000 {
        let attempts = store.scope(ENV).attempts(delivery).await.expect("reads");
        if attempts.iter().any(|attempt| attempt.id == id) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the attempt was not recorded");
}

fn failure(claimed: &Claimed, cause: Cause, at: Timestamp) -> AttemptRecord {
    outcome(claimed, Some(cause), at, Verdict::GiveUp)
}

fn success(claimed: &Claimed, at: Timestamp) -> AttemptRecord {
    outcome(claimed, None, at, Verdict::Succeeded)
}

fn outcome(claimed: &Claimed, cause: Option<Cause>, at: Timestamp, verdict: Verdict) -> AttemptRecord {
    let attempt = Attempt {
        id: AttemptId::new(at, next().into()),
        delivery_id: claimed.id,
        attempt_number: claimed.attempt_count + 1,
        trigger: claimed.trigger,
        status: if cause.is_none() { AttemptStatus::Succeeded } else { AttemptStatus::Failed },
        started_at: at,
        latency_ms: 0,
        response_status: cause.and_then(|cause| cause.response_status),
        response_headers: None,
        response_body: None,
        error: cause.map(Cause::short),
        error_class: cause.map(|cause| cause.error_class),
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

fn after(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

async fn failures_fold_by_destination_and_cause(bench: Bench) {
    let first = bench.given_up(DESTINATION, HTTP_500, NOW).await;
    let second = bench.given_up(DESTINATION, HTTP_500, after(10)).await;
    bench.given_up(DESTINATION, TIMEOUT, after(20)).await;
    bench.given_up(OTHER, HTTP_500, after(30)).await;
    // One that is tried again is no matter of issues yet.
    let waits = bench.taken(OTHER).await;
    bench.record(outcome(&waits, Some(TIMEOUT), NOW, Verdict::Retry(after(60)))).await;
    assert_eq!(bench.issues().await.len(), 3);

    let issue = bench.issue(DESTINATION, HTTP_500).await;
    assert_eq!((issue.title.as_str(), issue.status), ("HTTP 500 from Billing", IssueStatus::Open));
    assert_eq!((issue.failure_count, issue.dlq_count, issue.regression_count), (2, 2, 0));
    assert_eq!((issue.first_seen_at, issue.last_seen_at), (NOW, after(10)));
    assert_eq!((issue.example_delivery_id, issue.example_event_id), (second.id, second.event_id));
    assert_eq!(issue.last_error.as_deref(), Some("HTTP 500"));
    assert_eq!(bench.issue(DESTINATION, TIMEOUT).await.title, "Timed out at Billing");
    assert_eq!(bench.issue(OTHER, HTTP_500).await.title, "HTTP 500 from Mail");
    for claimed in [first, second] {
        let delivery = bench.delivery(claimed.id).await;
        assert_eq!((delivery.issue_id, delivery.is_dlq), (Some(issue.id), true));
    }
    let held = DeliveryFilter { issue_id: Some(issue.id), ..DeliveryFilter::default() };
    assert_eq!(bench.scope().deliveries(&held, PageRequest::first(50)).await.expect("reads").data.len(), 2);
    // Nothing of it is another project's.
    let foreign = bench.store.scope(EnvId::from_u128(99));
    assert_eq!(foreign.issue(issue.id).await.expect("reads"), None);
    assert!(foreign.issues(&IssueFilter::default(), NOW, PageRequest::first(50)).await.expect("reads").data.is_empty());
}

async fn an_outcome_feeds_its_issue_once(bench: Bench) {
    let claimed = bench.taken(DESTINATION).await;
    let record = failure(&claimed, HTTP_500, NOW);
    bench.record(record.clone()).await;
    // The first commit's answer was lost.
    bench.record(record).await;
    // Another node, taken for dead, had it before.
    bench.record(failure(&claimed, HTTP_500, after(5))).await;
    bench.given_up(DESTINATION, TIMEOUT, NOW).await;
    let issue = bench.issue(DESTINATION, HTTP_500).await;
    assert_eq!((issue.failure_count, issue.dlq_count), (1, 1));
}

async fn a_failure_opens_what_was_resolved(bench: Bench) {
    bench.given_up(DESTINATION, HTTP_500, NOW).await;
    let issue = bench.issue(DESTINATION, HTTP_500).await;
    bench.turn(&issue, IssueStatus::Resolved, after(5)).await;
    let resolved = bench.issue(DESTINATION, HTTP_500).await;
    assert_eq!((resolved.status, resolved.resolved_by), (IssueStatus::Resolved, Some(Resolver::Person)));
    assert_eq!(bench.scope().open_issues(NOW, 10).await.expect("counts"), 0);
    bench.given_up(DESTINATION, HTTP_500, after(60)).await;
    let issue = bench.issue(DESTINATION, HTTP_500).await;
    assert_eq!((issue.status, issue.resolved_by), (IssueStatus::Open, None));
    assert_eq!((issue.failure_count, issue.regression_count), (2, 1));
    assert_eq!((issue.status_changed_at, issue.first_seen_at), (after(60), NOW));
    assert_eq!(bench.scope().open_issues(NOW, 10).await.expect("counts"), 1);
    // Whoever saw it resolved changes it no more.
    let state = resolved.changed(&IssueInput { status: IssueStatus::Open, snoozed_until: None }, after(70));
    let state = state.expect("may be").expect("changes");
    assert!(!bench.scope().change_issue(&resolved, state).await.expect("writes"));
}

async fn what_is_snoozed_or_acknowledged_stays_so(bench: Bench) {
    bench.given_up(DESTINATION, HTTP_500, NOW).await;
    let issue = bench.issue(DESTINATION, HTTP_500).await;
    let input = IssueInput { status: IssueStatus::Acknowledged, snoozed_until: Some(after(600)) };
    let state = issue.changed(&input, NOW).expect("may be").expect("changes");
    assert!(bench.scope().change_issue(&issue, state).await.expect("writes"));
    bench.given_up(DESTINATION, HTTP_500, after(60)).await;
    let issue = bench.issue(DESTINATION, HTTP_500).await;
    assert_eq!((issue.status, issue.snoozed_until), (IssueStatus::Acknowledged, Some(after(600))));
    let list = async |snoozed, now| {
        let filter = IssueFilter { snoozed: Some(snoozed), ..IssueFilter::default() };
        bench.scope().issues(&filter, now, PageRequest::first(50)).await.expect("reads").data.len()
    };
    assert_eq!((list(true, after(60)).await, list(false, after(60)).await), (1, 0));
    assert_eq!((list(true, after(600)).await, list(false, after(600)).await), (0, 1));
}

async fn quiet_issues_are_resolved_once_their_destination_works(bench: Bench) {
    let quiet = |now: Timestamp| bench.store.quiet_issues(now.minus(QUIET), None, 10);
    let later = NOW.plus(QUIET).plus(Duration::from_secs(10));
    bench.given_up(DESTINATION, HTTP_500, NOW).await;
    bench.given_up(OTHER, HTTP_500, NOW).await;
    let delivered = bench.taken(DESTINATION).await;
    // A success before the failure says nothing.
    let before = bench.taken(OTHER).await;
    bench.record(success(&before, NOW.minus(Duration::from_secs(1)))).await;
    let found = quiet(later).await.expect("reads");
    assert_eq!(found.iter().map(|it| it.is_over).collect::<Vec<_>>(), [false, false]);
    bench.record(success(&delivered, after(60))).await;
    assert!(quiet(after(60)).await.expect("reads").is_empty(), "not before its time");
    let found = quiet(later).await.expect("reads");
    let over: Vec<_> = found.iter().filter(|it| it.is_over).collect();
    assert_eq!((found.len(), over.len(), over[0].id), (2, 1, IssueId::of(DESTINATION, HTTP_500)));
    // A page of one goes on behind it.
    let first = bench.store.quiet_issues(later.minus(QUIET), None, 1).await.expect("reads");
    let behind = Some((first[0].last_seen_at, first[0].id));
    let second = bench.store.quiet_issues(later.minus(QUIET), behind, 10).await.expect("reads");
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_ne!(first[0].id, second[0].id);

    // It fails once more just then.
    let over = *over[0];
    bench.given_up(DESTINATION, HTTP_500, after(120)).await;
    assert!(!bench.store.resolve_quiet(&over, later).await.expect("writes"));
    let again = bench.taken(DESTINATION).await;
    bench.record(success(&again, after(180))).await;
    let later = later.plus(Duration::from_mins(3));
    let over = quiet(later).await.expect("reads").into_iter().find(|it| it.is_over).expect("it is over");
    assert!(bench.store.resolve_quiet(&over, later).await.expect("writes"));
    let issue = bench.issue(DESTINATION, HTTP_500).await;
    assert_eq!((issue.status, issue.resolved_by), (IssueStatus::Resolved, Some(Resolver::Quiet)));
    assert_eq!(issue.dlq_count, 2, "what it holds stays in the queue");

    // What nothing of is kept any more is forgotten.
    let scope = bench.scope();
    assert_eq!(scope.forget_issues(later).await.expect("writes"), 0, "it holds something");
    let id = bench.begin(BulkKind::Purge, all_dead()).await;
    scope.bulk_step(id, 100, later).await.expect("steps");
    assert_eq!(scope.forget_issues(NOW).await.expect("writes"), 0);
    assert_eq!(scope.forget_issues(later).await.expect("writes"), 1);
    assert_eq!(bench.issues().await.len(), 1);
}

async fn lists_are_in_the_order_of_the_latest_failure(bench: Bench) {
    for (status, seconds) in [(500, 1), (501, 2), (502, 3), (500, 4)] {
        let cause = Cause { response_status: Some(status), ..HTTP_500 };
        bench.given_up(DESTINATION, cause, after(seconds)).await;
    }
    let (mut cursor, mut seen) = (None, Vec::new());
    loop {
        let page = PageRequest { limit: 1, after: cursor };
        let found = bench.scope().issues(&IssueFilter::default(), NOW, page).await.expect("reads");
        seen.extend(found.data.iter().filter_map(|issue| issue.cause.response_status));
        match found.next_cursor {
            Some(next) => cursor = Some(next.parse().expect("a cursor")),
            None => break,
        }
    }
    assert_eq!(seen, [500, 502, 501]);
}

async fn an_operation_takes_each_delivery_once(bench: Bench) {
    let dead = bench.dead(7).await;
    let id = bench.begin(BulkKind::Retry, all_dead()).await;
    let scope = bench.scope();
    let begun = scope.bulk_operation(id).await.expect("reads").expect("is there");
    assert_eq!((begun.total, begun.done, begun.status), (Some(7), 0, BulkStatus::Running));
    // Two that work on it at once: one of each pair finds that the other was quicker.
    let mut status = BulkStatus::Running;
    let mut rounds = 0;
    while status == BulkStatus::Running {
        let (one, other) = tokio::join!(scope.bulk_step(id, 2, after(1)), scope.bulk_step(id, 2, after(1)));
        one.expect("steps");
        status = other.expect("steps").expect("is there").operation.status;
        // The other may have read it before the one ended.
        if status == BulkStatus::Running {
            status = scope.bulk_operation(id).await.expect("reads").expect("is there").status;
        }
        rounds += 1;
        assert!(rounds < 10);
    }
    let done = scope.bulk_operation(id).await.expect("reads").expect("is there");
    assert_eq!((done.done, done.skipped, done.percent()), (7, 0, Some(100)));
    assert_eq!(done.finished_at, Some(after(1)));
    let queued = bench.store.claim(NODE, DESTINATION, after(2), 100).await.expect("claims");
    assert_eq!(queued.len(), 7);
    assert!(queued.iter().all(|claimed| claimed.trigger == Trigger::Manual));
    for claimed in &dead {
        let delivery = bench.delivery(claimed.id).await;
        assert_eq!((delivery.status, delivery.is_dlq), (DeliveryStatus::InFlight, false));
        assert_eq!(bench.event_status(claimed.event_id).await, EventStatus::Processing);
    }
    // It fails once more: the operation has ended, and does not take it again.
    bench.record(failure(&queued[0], HTTP_500, after(3))).await;
    scope.bulk_step(id, 100, after(4)).await.expect("steps");
    assert!(bench.delivery(queued[0].id).await.is_dlq);
    bench.record(success(&queued[1], after(3))).await;
    assert_eq!(bench.event_status(queued[1].event_id).await, EventStatus::Delivered);
}

async fn an_operation_goes_on_after_a_restart(bench: Bench) {
    let dead = bench.dead(5).await;
    let id = bench.begin(BulkKind::Retry, all_dead()).await;
    let half = bench.scope().bulk_step(id, 2, after(1)).await.expect("steps").expect("is there");
    assert_eq!((half.operation.done, half.operation.status), (2, BulkStatus::Running));
    // An SQLite file is let go of when the last task of its process has ended: the restart of a server shows that.
    let store = if bench.store.is_shared() { bench.database.store().await } else { bench.store.clone() };
    assert_eq!(store.running_bulk_operations(10).await.expect("reads"), [(ENV, id)]);
    let scope = store.scope(ENV);
    // What it has taken before fails again and is in the queue once more: it is behind it.
    let taken = store.claim(NODE, DESTINATION, after(1), 100).await.expect("claims");
    assert_eq!(taken.len(), 2);
    record_with(&store, &bench.writer, failure(&taken[0], HTTP_500, after(2))).await;
    let end = scope.bulk_step(id, 100, after(3)).await.expect("steps").expect("is there");
    assert_eq!((end.operation.done, end.operation.status), (5, BulkStatus::Completed));
    assert!(store.running_bulk_operations(10).await.expect("reads").is_empty());
    let is_dead = DeliveryFilter { is_dlq: Some(true), ..DeliveryFilter::default() };
    assert_eq!(scope.count_deliveries(&is_dead, 10).await.expect("counts"), 1);
    assert_eq!(dead.len(), 5);
    assert_eq!(store.forget_bulk_operations(after(3)).await.expect("writes"), 0);
    assert_eq!(store.forget_bulk_operations(after(4)).await.expect("writes"), 1);
}

async fn a_cancelled_operation_takes_no_more(bench: Bench) {
    bench.dead(4).await;
    let id = bench.begin(BulkKind::Retry, all_dead()).await;
    let scope = bench.scope();
    scope.bulk_step(id, 1, after(1)).await.expect("steps");
    assert!(scope.cancel_bulk_operation(id, after(2)).await.expect("writes"));
    assert!(!scope.cancel_bulk_operation(id, after(2)).await.expect("has ended"));
    let step = scope.bulk_step(id, 100, after(3)).await.expect("steps").expect("is there");
    assert_eq!((step.operation.status, step.operation.done), (BulkStatus::Cancelled, 1));
    let foreign = bench.store.scope(EnvId::from_u128(99));
    assert!(foreign.bulk_step(id, 100, after(3)).await.expect("reads").is_none());
    assert!(!foreign.cancel_bulk_operation(id, after(3)).await.expect("writes"));
}

async fn what_is_purged_stays_failed(bench: Bench) {
    let dead = bench.dead(3).await;
    let elsewhere = bench.given_up(OTHER, TIMEOUT, NOW).await;
    let filter = DeliveryFilter { destination_id: Some(DESTINATION), ..DeliveryFilter::default() };
    let id = bench.begin(BulkKind::Purge, BulkInput { filter: Some(filter), ids: None }).await;
    let step = bench.scope().bulk_step(id, 100, after(1)).await.expect("steps").expect("is there");
    assert_eq!((step.operation.done, step.operation.status), (3, BulkStatus::Completed));
    for claimed in &dead {
        let delivery = bench.delivery(claimed.id).await;
        assert_eq!((delivery.status, delivery.is_dlq), (DeliveryStatus::Failed, false));
        assert_eq!(bench.event_status(claimed.event_id).await, EventStatus::Failed);
    }
    assert!(bench.delivery(elsewhere.id).await.is_dlq);
    assert!(bench.store.claim(NODE, DESTINATION, after(2), 100).await.expect("claims").is_empty());
    assert_eq!(bench.issue(DESTINATION, HTTP_500).await.dlq_count, 0);
    let left = DeliveryFilter {
        issue_id: Some(IssueId::of(DESTINATION, HTTP_500)),
        is_dlq: Some(false),
        ..DeliveryFilter::default()
    };
    assert_eq!(bench.scope().count_deliveries(&left, 10).await.expect("counts"), 3);
}

async fn named_deliveries_that_have_left_are_left_alone(bench: Bench) {
    let dead = bench.dead(4).await;
    let scope = bench.scope();
    let first = bench.delivery(dead[0].id).await;
    assert!(scope.retry_delivery(&first, Trigger::Manual, NOW).await.expect("queues").is_some());
    let mut ids: Vec<_> = dead[..3].iter().map(|claimed| claimed.id).collect();
    ids.push(DeliveryId::from_u128(7));
    let id = bench.begin(BulkKind::Purge, BulkInput { filter: None, ids: Some(ids) }).await;
    let mut status = BulkStatus::Running;
    while status == BulkStatus::Running {
        status = scope.bulk_step(id, 2, after(1)).await.expect("steps").expect("is there").operation.status;
    }
    let done = scope.bulk_operation(id).await.expect("reads").expect("is there");
    assert_eq!((done.total, done.done, done.skipped), (Some(4), 2, 2));
    assert_eq!(bench.delivery(dead[0].id).await.status, DeliveryStatus::Pending);
    assert!(bench.delivery(dead[3].id).await.is_dlq);
}

async fn an_operation_leaves_what_came_later(bench: Bench) {
    bench.dead(2).await;
    let id = bench.begin(BulkKind::Retry, all_dead()).await;
    let later = bench.dead(1).await;
    let step = bench.scope().bulk_step(id, 100, after(1)).await.expect("steps").expect("is there");
    assert_eq!((step.operation.done, step.operation.status), (2, BulkStatus::Completed));
    assert!(bench.delivery(later[0].id).await.is_dlq);
    // Where nothing matches it has ended with its first step.
    let none = DeliveryFilter { destination_id: Some(OTHER), ..DeliveryFilter::default() };
    let id = bench.begin(BulkKind::Retry, BulkInput { filter: Some(none), ids: None }).await;
    let step = bench.scope().bulk_step(id, 100, after(1)).await.expect("steps").expect("is there");
    assert_eq!((step.operation.done, step.operation.status), (0, BulkStatus::Completed));
}

/// Two nodes fail at the same destinations at once, each in an order of its own, while somebody retries all of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_feed_the_same_issues() {
    const EACH: u64 = 120;
    let bench = Bench::new(Database::postgres().await).await;
    let other = bench.database.store().await;
    other.heartbeat(22, NOW).await.expect("beats");
    let (other_writer, mut tasks) = Writer::start(&other, 22);
    tasks.detach_all();
    let cause =
        |number: u64| Cause { response_status: Some(500 + u16::try_from(number % 5).expect("few")), ..HTTP_500 };
    let fail = async |store: &Store, writer: &Writer, is_backwards: bool| {
        let mut claimed = Vec::new();
        for number in 0..EACH {
            let destination = if number % 2 == 0 { DESTINATION } else { OTHER };
            claimed.push((cause(number), taken(writer, destination).await));
        }
        if is_backwards {
            claimed.reverse();
        }
        let mut last = None;
        for (cause, claimed) in claimed {
            let record = failure(&claimed, cause, NOW);
            last = Some(record.attempt.clone());
            writer.record(record).await;
        }
        let last = last.expect("some");
        for _ in 0..1000 {
            if !store.scope(ENV).attempts(last.delivery_id).await.expect("reads").is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("not all was recorded");
    };
    let retry = async {
        for _ in 0..10 {
            let id = bench.begin(BulkKind::Retry, all_dead()).await;
            bench.scope().bulk_step(id, 500, NOW).await.expect("steps");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::join!(fail(&bench.store, &bench.writer, false), fail(&other, &other_writer, true), retry);
    let issues = bench.issues().await;
    assert_eq!(issues.len(), 10);
    assert_eq!(issues.iter().map(|issue| issue.failure_count).sum::<u64>(), 2 * EACH);
}
