//! What is no longer kept goes, with everything that belongs to it, and nothing else does.

#[path = "model/events.rs"]
mod events;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use domain::{
    audit::{Action, Actor, AuditEntry, AuditFilter, Target},
    delivery::{Attempt, AttemptStatus, Delivery, SentRequest, Trigger},
    id::{AttemptId, AuditEntryId, ConnectionId, DeliveryId, DestinationId, EnvId, EventId, OrgId, SourceId, UserId},
    page::PageRequest,
    project::{EnvironmentSpec, Mode, RetentionDays},
    team::Organization,
    time::Timestamp,
};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use store::{
    NewAccount, Options, Store,
    retention::{Removal, Table},
    writer::{Accept, AttemptRecord, NewDelivery, NewEvent, Start, Verdict, Writer},
};

const ENV: EnvId = EnvId::from_u128(1);
const OTHER: EnvId = EnvId::from_u128(2);
const DESTINATION: DestinationId = DestinationId::from_u128(3);
const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);
const NODE: i64 = 11;
const FIRST: EventId = EventId::from_u128(0);

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
    let folder = std::env::temp_dir().join(format!("hookstream-retention-{name}-{}", std::process::id()));
    let url = format!("sqlite:{}", folder.join("kept.db").display());
    let store = Store::connect(&Options { url, max_connections: 2, ..Options::default() }).await.expect("opens");
    store.migrate().await.expect("migrates");
    let (writer, mut tasks) = Writer::start(&store, NODE);
    // They end with the writer's last handle.
    tasks.detach_all();
    Bench { store, writer, folder: Folder(folder) }
}

fn days_ago(days: u64) -> Timestamp {
    NOW.minus(Duration::from_hours(24 * days))
}

/// What is before this id is older than 30 days.
fn cutoff() -> EventId {
    EventId::new(RetentionDays::default().cutoff(NOW), 0)
}

impl Bench {
    /// An event with a delivery that was made at the same time, if it starts anyhow.
    async fn event(&self, env: EnvId, at: Timestamp, number: u128, start: Option<Start>) -> EventId {
        let id = EventId::new(at, number);
        let event = Arc::new(NewEvent {
            source_id: SourceId::from_u128(4),
            headers: vec![("a".into(), "b".into())],
            body: Bytes::from(vec![b'x'; 1024]),
            ..events::event(env, at, number)
        });
        let delivery = |start| NewDelivery {
            order_key: None,
            id: DeliveryId::new(at, number),
            connection_id: ConnectionId::from_u128(5),
            destination_id: DESTINATION,
            start,
            schema_errors: vec![],
        };
        let deliveries = start.map(delivery).into_iter().collect();
        self.writer.accept(Accept::new(event, deliveries).await, |_| {}).await.expect("stored");
        id
    }

    /// An event that was delivered.
    async fn delivered(&self, env: EnvId, at: Timestamp, number: u128) -> EventId {
        let event = self.event(env, at, number, Some(Start::Leased)).await;
        self.end(env, event, DeliveryId::new(at, number), Verdict::Succeeded).await;
        event
    }

    async fn end(&self, env: EnvId, event: EventId, delivery: DeliveryId, verdict: Verdict) {
        let attempt = Attempt {
            id: AttemptId::new(NOW, event.as_u128()),
            delivery_id: delivery,
            attempt_number: 1,
            trigger: Trigger::Initial,
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
        self.writer
            .record(AttemptRecord {
                env_id: env,
                event_id: event,
                destination_id: DESTINATION,
                attempt,
                verdict,
                gate: None,
            })
            .await;
        let scope = self.store.scope(env);
        for _ in 0..500 {
            if !scope.attempts(delivery).await.expect("reads").is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the attempt was not recorded");
    }

    async fn delivery(&self, env: EnvId, event: EventId) -> Delivery {
        self.store.scope(env).event_deliveries(event).await.expect("reads").pop().expect("it has one")
    }

    async fn is_there(&self, env: EnvId, event: EventId) -> bool {
        self.store.scope(env).event(event).await.expect("reads").is_some()
    }

    /// How many events, bodies, deliveries and attempts a project has.
    async fn rows(&self, env: EnvId) -> [i64; 4] {
        let url = format!("sqlite://{}", self.folder.0.join("kept.db").display());
        let mut connection = SqliteConnection::connect(&url).await.expect("the file opens");
        let mut rows = [0; 4];
        for (table, count) in ["events", "event_bodies", "deliveries", "attempts"].into_iter().zip(&mut rows) {
            let sql = AssertSqlSafe(format!("SELECT count(*) FROM {table} WHERE env_id = ?"));
            let counted = sqlx::query_scalar(sql).bind(env.as_u128().to_be_bytes().to_vec());
            *count = counted.fetch_one(&mut connection).await.expect("counts");
        }
        rows
    }

    async fn remove(&self, from: EventId, limit: u32) -> Removal {
        self.store.scope(ENV).remove_ended_events(from, cutoff(), limit).await.expect("removes")
    }

    /// Removes everything that has ended. Returns how much that was.
    async fn remove_all(&self, limit: u32) -> u64 {
        let (mut from, mut removed) = (FIRST, 0);
        loop {
            let step = self.remove(from, limit).await;
            removed += step.events;
            match step.next {
                Some(next) => from = next,
                None => return removed,
            }
        }
    }
}

#[tokio::test]
async fn what_is_older_goes_with_all_that_belongs_to_it() {
    let bench = bench("older").await;
    let old = bench.delivered(ENV, days_ago(31), 1).await;
    let bare = bench.event(ENV, days_ago(40), 2, None).await;
    let young = bench.delivered(ENV, days_ago(29), 3).await;
    let foreign = bench.delivered(OTHER, days_ago(31), 4).await;
    let delivery = bench.delivery(ENV, old).await.id;

    let removal = bench.remove(FIRST, 100).await;
    assert_eq!((removal.next, removal.events), (None, 2));
    assert!(removal.held > Duration::ZERO);
    assert!(!bench.is_there(ENV, old).await && !bench.is_there(ENV, bare).await);
    let scope = bench.store.scope(ENV);
    assert!(scope.delivery(delivery).await.expect("reads").is_none());
    assert!(scope.attempts(delivery).await.expect("reads").is_empty());

    for (env, event) in [(ENV, young), (OTHER, foreign)] {
        assert!(bench.is_there(env, event).await);
        let delivery = bench.delivery(env, event).await;
        assert_eq!(bench.store.scope(env).attempts(delivery.id).await.expect("reads").len(), 1);
    }
    // Whatever else stands in the tables belongs to those two.
    for env in [ENV, OTHER] {
        assert_eq!(bench.rows(env).await, [1, 1, 1, 1]);
    }
}

#[tokio::test]
async fn what_has_a_delivery_to_make_stays_until_that_has_ended() {
    let bench = bench("open").await;
    let held = bench.event(ENV, days_ago(35), 1, Some(Start::Held)).await;
    let pending = bench.event(ENV, days_ago(34), 2, Some(Start::Due)).await;
    let in_flight = bench.event(ENV, days_ago(33), 3, Some(Start::Leased)).await;
    let waiting = bench.event(ENV, days_ago(32), 4, Some(Start::Leased)).await;
    let sent = bench.delivery(ENV, waiting).await.id;
    bench.end(ENV, waiting, sent, Verdict::Retry(NOW)).await;
    let failed = bench.event(ENV, days_ago(31), 5, Some(Start::Leased)).await;
    bench.end(ENV, failed, bench.delivery(ENV, failed).await.id, Verdict::GiveUp).await;

    assert_eq!(bench.remove_all(2).await, 1, "only the one that was given up has ended");
    for event in [held, pending, in_flight, waiting] {
        assert!(bench.is_there(ENV, event).await);
        assert_eq!(bench.store.scope(ENV).event(event).await.expect("reads").expect("is there").body.len(), 1024);
    }
    assert_eq!(bench.store.scope(ENV).attempts(sent).await.expect("reads").len(), 1);
    // Where nothing can go, nobody is kept from writing.
    assert_eq!(bench.remove(FIRST, 100).await, Removal { next: None, events: 0, held: Duration::ZERO });

    for event in [held, pending] {
        let delivery = bench.delivery(ENV, event).await;
        assert!(bench.store.scope(ENV).cancel_delivery(&delivery, NOW).await.expect("cancels").is_some());
    }
    bench.end(ENV, in_flight, bench.delivery(ENV, in_flight).await.id, Verdict::Succeeded).await;
    assert_eq!(bench.remove_all(100).await, 3);
    assert!(bench.is_there(ENV, waiting).await);
}

#[tokio::test]
async fn one_open_delivery_keeps_all_of_its_event() {
    let bench = bench("several").await;
    let at = days_ago(31);
    let event = bench.delivered(ENV, at, 1).await;
    let again = bench.delivered(ENV, at, 2).await;
    let delivery = bench.delivery(ENV, again).await;
    // Asked for once more, long after its event came.
    assert!(bench.store.scope(ENV).retry_delivery(&delivery, Trigger::Manual, NOW).await.expect("queues").is_some());
    assert_eq!(bench.remove_all(100).await, 1);
    assert!(!bench.is_there(ENV, event).await && bench.is_there(ENV, again).await);
    assert_eq!(bench.rows(ENV).await, [1, 1, 1, 1], "its first attempt is kept as well");
}

#[tokio::test]
async fn a_walk_looks_at_each_event_once() {
    let bench = bench("walk").await;
    let mut ids = Vec::new();
    for number in 0..10 {
        let start = (number % 3 == 0).then_some(Start::Held);
        ids.push(bench.event(ENV, days_ago(31), number, start).await);
    }
    let first = bench.remove(FIRST, 4).await;
    assert_eq!((first.next, first.events), (Some(EventId::from_u128(ids[3].as_u128() + 1)), 2));
    let second = bench.remove(first.next.expect("goes on"), 4).await;
    assert_eq!((second.next, second.events), (Some(EventId::from_u128(ids[7].as_u128() + 1)), 3));
    let last = bench.remove(second.next.expect("goes on"), 4).await;
    assert_eq!((last.next, last.events), (None, 1));
    let mut kept = Vec::new();
    for (number, id) in ids.into_iter().enumerate() {
        if bench.is_there(ENV, id).await {
            kept.push(number);
        }
    }
    assert_eq!(kept, [0, 3, 6, 9]);
}

#[tokio::test]
async fn a_deleted_project_loses_everything_and_a_living_one_nothing() {
    let bench = bench("deleted").await;
    let store = &bench.store;
    account(store, ENV, 7).await;
    account(store, OTHER, 8).await;
    for number in 0..5 {
        bench.delivered(ENV, NOW, number).await;
        bench.delivered(OTHER, NOW, number).await;
    }
    let before = store.config_changes(0).await.expect("reads").version;
    let refused = store.delete_environment(OrgId::from_u128(7), &store.scope(ENV), NOW, &entry(7)).await.expect("asks");
    assert!(!refused, "it is the last of its organization");
    assert!(store.delete_organization(OrgId::from_u128(7), NOW, &entry(7)).await.expect("deletes"));
    assert!(store.deleted_organizations().await.expect("reads").is_empty(), "its project is there");
    assert!(store.deleted_environments(NOW).await.expect("reads").is_empty(), "not before its time");
    assert_eq!(store.deleted_environments(NOW.plus(Duration::from_secs(1))).await.expect("reads"), [ENV]);

    let scope = store.scope(ENV);
    for table in Table::ALL {
        let (mut from, mut steps) = (0, 0);
        while let (Some(next), _) = scope.remove_rows(table, from, 2).await.expect("removes") {
            (from, steps) = (next, steps + 1);
        }
        // Nobody has counted how its destinations do, and nobody listened.
        let wanted = if matches!(table, Table::Forwards | Table::Health | Table::LastAttempts) { 0 } else { 2 };
        assert_eq!(steps, wanted, "{table:?}: two of five, two more, and the last");
    }
    scope.remove_environment().await.expect("removes");
    assert!(store.deleted_environments(NOW.plus(Duration::from_secs(1))).await.expect("reads").is_empty());
    assert_eq!(store.deleted_organizations().await.expect("reads"), [OrgId::from_u128(7)]);
    assert!(!store.remove_organization(OrgId::from_u128(7)).await.expect("removes its entries"));
    assert!(store.remove_organization(OrgId::from_u128(7)).await.expect("removes it"));
    assert!(store.deleted_organizations().await.expect("reads").is_empty());
    assert!(store.organization(OrgId::from_u128(8)).await.expect("reads").is_some());
    assert_eq!(bench.rows(ENV).await, [0, 0, 0, 0]);
    assert_eq!(bench.rows(OTHER).await, [5, 5, 5, 5]);
    assert_eq!(store.retentions().await.expect("reads"), [(OTHER, RetentionDays::default())]);
    // Who has slept through it learns that what is left is all there is.
    assert!(store.config_changes(before).await.expect("reads").is_whole);
    let version = store.config_version().await.expect("reads");
    assert!(!store.config_changes(version).await.expect("reads").is_whole);
}

#[tokio::test]
async fn a_job_has_one_node_at_a_time() {
    const EVERY: Duration = Duration::from_mins(1);
    let bench = bench("job").await;
    let store = &bench.store;
    store.register_job("sweep").await.expect("registers");
    store.register_job("sweep").await.expect("is there already");
    assert!(store.take_job("sweep", NODE, EVERY).await.expect("takes"));
    assert!(store.renew_job("sweep", NODE).await.expect("renews"));
    assert!(!store.renew_job("sweep", 22).await.expect("is another's"));
    store.finish_job("sweep", NODE, EVERY).await.expect("finishes");
    assert!(!store.take_job("sweep", NODE, EVERY).await.expect("asks"), "its time has not come");
    assert!(store.take_job("sweep", NODE, EVERY / 4).await.expect("takes"), "no run can have set so late a time");
    store.finish_job("sweep", NODE, Duration::ZERO).await.expect("finishes");
    // The file has one process: the other one is gone.
    assert!(store.take_job("sweep", 22, EVERY).await.expect("takes"));
    store.release_job("sweep", NODE).await.expect("has nothing to release");
    assert!(store.renew_job("sweep", 22).await.expect("renews"));
    store.release_job("sweep", 22).await.expect("releases");
    assert!(!store.renew_job("sweep", 22).await.expect("is nobody's"));
}

async fn account(store: &Store, env: EnvId, number: u128) {
    let project = EnvironmentSpec {
        name: "production".into(),
        slug: "production".into(),
        mode: Mode::Live,
        retention_days: RetentionDays::default(),
    };
    let account = NewAccount {
        user_id: UserId::from_u128(number),
        email: &format!("{number}@example.com").parse().expect("an address"),
        name: "Somebody",
        password_hash: "none",
        organization: &Organization { id: OrgId::from_u128(number), name: "Acme".into(), created_at: NOW },
        env_id: env,
        project: &project,
        entry: &entry(number),
        is_confirmed: false,
        identity: None,
    };
    store.insert_account(account, NOW).await.expect("stored");
}

/// An entry of the audit log of organization `number`.
fn entry(number: u128) -> AuditEntry {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    AuditEntry {
        id: AuditEntryId::new(NOW, WRITTEN.fetch_add(1, Ordering::Relaxed).into()),
        org_id: OrgId::from_u128(number),
        env_id: None,
        actor: Actor::system(),
        address: None,
        action: Action::OrganizationUpdate.as_str().to_owned(),
        target: Target::new("organization", OrgId::from_u128(number), "Acme"),
        before: None,
        after: None,
        at: NOW,
    }
}

#[tokio::test]
async fn old_entries_of_the_audit_log_go() {
    let bench = bench("audit").await;
    let store = &bench.store;
    account(store, ENV, 7).await;
    let org = OrgId::from_u128(7);
    let at = |hours: u64| AuditEntryId::new(NOW.plus(Duration::from_hours(hours)), u128::from(hours));
    for hours in 1..=3 {
        store.write_audit(&AuditEntry { id: at(hours), ..entry(7) }).await.expect("writes");
    }
    assert_eq!(store.forget_audit(NOW.plus(Duration::from_hours(2))).await.expect("forgets"), 2);
    let page = PageRequest::first(10);
    let left = store.audit_log(org, &AuditFilter::default(), page).await.expect("reads").data;
    assert_eq!(left.iter().map(|entry| entry.id).collect::<Vec<_>>(), [at(3), at(2)]);
}
