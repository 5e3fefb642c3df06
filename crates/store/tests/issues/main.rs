//! Issues and operations on many deliveries, on real databases: what folds into what, once and only once, and that an
//! operation goes on where it was, whoever goes on with it.

#[path = "../model/database.rs"]
mod database;
#[path = "../model/events.rs"]
mod events;

macro_rules! on_both_databases {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(crate::Bench::new(crate::Database::sqlite()).await).await;
                }
            )*
        }
        mod postgres {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(crate::Bench::new(crate::Database::postgres().await).await).await;
                }
            )*
        }
    };
}

mod bulk;
mod folding;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use domain::{
    bulk::{BulkInput, BulkKind, Selection},
    delivery::{Attempt, AttemptStatus, DeliveryFilter, ErrorClass, SentRequest, Trigger},
    event::EventStatus,
    id::{AttemptId, BulkOperationId, ConnectionId, DeliveryId, DestinationId, EnvId, EventId, IssueId},
    issue::{Cause, Issue, IssueFilter, IssueInput, IssueStatus},
    page::PageRequest,
    time::Timestamp,
};
use sea_orm::ConnectionTrait;
use store::{
    Store,
    queue::Claimed,
    writer::{Accept, AttemptRecord, NewDelivery, Start, Verdict, Writer},
};

use self::database::Database;

const ENV: EnvId = EnvId::from_u128(1);
const DESTINATION: DestinationId = DestinationId::from_u128(2 << 40);
const OTHER: DestinationId = DestinationId::from_u128(3 << 40);
const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);
const NODE: i64 = 11;
const HTTP_500: Cause = Cause { error_class: ErrorClass::Status, response_status: Some(500) };
const TIMEOUT: Cause = Cause { error_class: ErrorClass::Timeout, response_status: None };

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
    let event = Arc::new(events::event(ENV, NOW, number));
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
