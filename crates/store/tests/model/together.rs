//! Several nodes at once on one PostgreSQL: they accept, claim, record, give back, fall silent, come back and take each
//! other over, all in parallel. What a node holds is noted beside the database, so that two which were given the same
//! are seen at once; a trigger notes each step of each delivery; and in the end everything has to add up.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use domain::{
    delivery::{DeliveryStatus, Trigger},
    event::EventStatus,
    id::DeliveryId,
    time::Timestamp,
};
use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestRng},
};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, QueryResult, Statement, prelude::Uuid};
use store::{
    Store,
    queue::Claimed,
    writer::{Accept, NewDelivery, Start, Verdict, Writer},
};
use tokio::{
    sync::RwLock,
    task::{JoinError, JoinSet},
};

use crate::{
    database::Database,
    driver::{TALLY, tally},
    made::{self, ENV, connection_id, delivery_id, destination_id},
    reference::EPOCH,
    view::{DESTINATIONS, ROUTES, Tally},
};

const PROCESSES: u8 = 4;
/// Of each process.
const WORKERS: u8 = 3;
/// How long they go on; `MODEL_SECONDS` says otherwise.
const LASTS: Duration = Duration::from_secs(3);

/// Each step of a delivery, as the database itself saw it.
const NOTE_STEPS: &str = "
    CREATE TABLE steps (delivery UUID, old_status TEXT, status TEXT, old_owner BIGINT, owner BIGINT, old_count BIGINT,
        count BIGINT, attempt_trigger TEXT);
    CREATE FUNCTION note_step() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO steps VALUES (OLD.id, OLD.status, NEW.status, OLD.lease_owner, NEW.lease_owner, OLD.attempt_count,
            NEW.attempt_count, NEW.attempt_trigger);
        RETURN NULL;
    END $$;
    CREATE TRIGGER note_step AFTER UPDATE ON deliveries FOR EACH ROW EXECUTE FUNCTION note_step()";
/// All but: taken; come to an end or put back by whoever had it; released; cancelled by a person; retried by a person.
const WRONG_STEPS: &str = "SELECT steps::text AS step FROM steps WHERE NOT (
    (old_owner IS NULL AND old_status IN ('pending', 'waiting') AND status = 'in_flight' AND owner IS NOT NULL
        AND count = old_count)
    OR (old_status = 'in_flight' AND owner IS NULL AND status IN ('succeeded', 'failed', 'waiting')
        AND count = old_count + 1)
    OR (old_status = 'in_flight' AND owner IS NULL AND status IN ('pending', 'waiting', 'held', 'cancelled')
        AND count = old_count)
    OR (old_status = 'held' AND owner IS NULL AND status IN ('pending', 'waiting') AND count = old_count)
    OR (old_status IN ('pending', 'waiting', 'held') AND status = 'cancelled' AND count = old_count)
    OR (old_status NOT IN ('pending', 'in_flight') AND status = 'pending' AND attempt_trigger = 'manual'
        AND count = old_count)) LIMIT 20";

#[test]
fn on_postgres_each_delivery_is_with_one_node_at_a_time() {
    crate::runtime().block_on(all_at_once());
}

async fn all_at_once() {
    let database = Database::postgres().await;
    let first = database.store().await;
    let look = database.look().await;
    look.execute_unprepared(NOTE_STEPS).await.expect("is made");
    let common = Arc::new(Common {
        began: Instant::now(),
        holders: Mutex::default(),
        nodes: AtomicI64::new(1),
        events: AtomicU32::new(0),
        deliveries: AtomicU32::new(0),
        attempts: AtomicU32::new(0),
        look,
    });
    let until = Instant::now() + lasts();
    let mut processes = Vec::new();
    let mut workers = JoinSet::new();
    for process in 0..PROCESSES {
        let process_ = Arc::new(Process::start(Arc::clone(&common), database.store().await).await);
        for worker in 0..WORKERS {
            let process_ = Arc::clone(&process_);
            let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &[process * WORKERS + worker; 32]);
            workers.spawn(async move {
                while Instant::now() < until {
                    process_.act(&mut random).await;
                }
            });
        }
        processes.push(process_);
    }
    while let Some(ended) = workers.join_next().await {
        ended.unwrap_or_else(fail);
    }
    for process in processes {
        let process = Arc::into_inner(process).expect("its workers have ended");
        process.life.into_inner().say_last_words().await;
        process.store.close().await;
    }
    common.bring_to_an_end(&first).await;
    common.reconcile().await;
    first.close().await;
    common.look.close_by_ref().await.expect("closes");
}

fn lasts() -> Duration {
    let given = std::env::var("MODEL_SECONDS").ok();
    given.map_or(LASTS, |seconds| Duration::from_secs(seconds.parse().expect("MODEL_SECONDS is a number of seconds")))
}

fn fail(error: JoinError) {
    std::panic::resume_unwind(error.into_panic())
}

/// What all of them share beside the database.
struct Common {
    began: Instant,
    /// Which node is at which delivery, as far as it has reason to believe so.
    holders: Mutex<HashMap<DeliveryId, i64>>,
    nodes: AtomicI64,
    events: AtomicU32,
    deliveries: AtomicU32,
    attempts: AtomicU32,
    look: DatabaseConnection,
}

impl Common {
    fn now(&self) -> Timestamp {
        EPOCH.plus(self.began.elapsed())
    }

    fn holders(&self) -> MutexGuard<'_, HashMap<DeliveryId, i64>> {
        self.holders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_given(&self, delivery: DeliveryId, node: i64) {
        match self.holders().entry(delivery) {
            Entry::Vacant(entry) => _ = entry.insert(node),
            Entry::Occupied(entry) => {
                panic!("{delivery} was given to node {node} while node {} was at it", entry.get())
            }
        }
    }

    /// Before the store is told: from then on anybody may be given it.
    fn is_let_go(&self, delivery: DeliveryId, node: i64) {
        if let Entry::Occupied(entry) = self.holders().entry(delivery)
            && *entry.get() == node
        {
            entry.remove();
        }
    }

    async fn expire(&self, nodes: &str) {
        let sql = format!("UPDATE nodes SET expires_at = 0 WHERE {nodes}");
        self.look.execute_unprepared(&sql).await.expect("is changed");
    }

    /// The last node delivers whatever is open.
    async fn bring_to_an_end(&self, store: &Store) {
        let node = self.nodes.fetch_add(1, Ordering::Relaxed);
        store.heartbeat(node, self.now()).await.expect("beats");
        self.expire(&format!("id <> {node}")).await;
        store.take_over(node, self.now()).await.expect("takes over");
        for route in 0..ROUTES.len() {
            store.release_held(connection_id(route), self.now()).await.expect("releases");
        }
        let end_of_all_waits = self.now().plus(Duration::from_hours(1));
        let (writer, mut tasks) = Writer::start(store, node);
        for destination in 0..DESTINATIONS {
            loop {
                let claimed = store.claim(node, destination_id(destination), end_of_all_waits, 100).await;
                let claimed = claimed.expect("claims");
                if claimed.is_empty() {
                    break;
                }
                for claimed in claimed {
                    let number = self.attempts.fetch_add(1, Ordering::Relaxed);
                    writer.record(made::attempt(number.into(), &claimed, Verdict::Succeeded, self.now())).await;
                }
            }
        }
        drop(writer);
        while tasks.join_next().await.is_some() {}
    }

    async fn reconcile(&self) {
        let wrong: Vec<String> = self.rows(WRONG_STEPS).await.iter().map(|row| get(row, "step")).collect();
        assert!(wrong.is_empty(), "steps that no delivery may take: {wrong:#?}");
        assert_eq!(self.count("attempts").await, self.attempts.load(Ordering::Relaxed), "attempts");
        assert_eq!(self.count("deliveries").await, self.deliveries.load(Ordering::Relaxed), "deliveries");
        assert_eq!(self.count("events").await, self.events.load(Ordering::Relaxed), "events");
        let open = "deliveries WHERE status NOT IN ('succeeded', 'failed', 'cancelled') OR due_at IS NOT NULL \
            OR lease_owner IS NOT NULL";
        assert_eq!(self.count(open).await, 0, "deliveries that are left");
        let uncounted = "deliveries d WHERE attempt_count > (SELECT count(*) FROM attempts a \
            WHERE a.env_id = d.env_id AND a.delivery_id = d.id)";
        assert_eq!(self.count(uncounted).await, 0, "deliveries with fewer attempts than they count");
        let taken = self.count("steps WHERE status = 'in_flight'").await;
        assert!(taken > 0, "nothing was claimed, and nothing shown");

        let mut of_events: BTreeMap<Uuid, Vec<DeliveryStatus>> = BTreeMap::new();
        for row in self.rows("SELECT event_id, status FROM deliveries").await {
            let status = get::<String>(&row, "status").parse().expect("a status");
            of_events.entry(get(&row, "event_id")).or_default().push(status);
        }
        for row in self.rows(&format!("SELECT id, status, {TALLY} FROM events")).await {
            let id: Uuid = get(&row, "id");
            let status: EventStatus = get::<String>(&row, "status").parse().expect("a status");
            let deliveries = of_events.remove(&id).unwrap_or_default();
            assert_eq!(tally(&row), Tally::of(deliveries.iter().copied()), "event {id} with {deliveries:?}");
            assert_eq!(status, tally(&row).status(), "event {id} with {deliveries:?}");
        }
    }

    async fn count(&self, what: &str) -> u32 {
        let rows = self.rows(&format!("SELECT count(*) AS found FROM {what}")).await;
        u32::try_from(get::<i64>(&rows[0], "found")).expect("a count")
    }

    async fn rows(&self, sql: &str) -> Vec<QueryResult> {
        self.look.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.expect("reads")
    }
}

fn get<T: sea_orm::TryGetable>(row: &QueryResult, column: &str) -> T {
    row.try_get("", column).expect("a column of that type")
}

/// A process with its own connections, that is one node after the other.
struct Process {
    common: Arc<Common>,
    store: Store,
    /// Whoever acts reads it; whoever changes it waits until nobody acts.
    life: RwLock<Life>,
    mine: Mutex<Vec<Claimed>>,
}

struct Life {
    node: i64,
    is_silent: bool,
    writer: Writer,
    tasks: JoinSet<()>,
}

impl Life {
    async fn begin(store: &Store, node: i64, now: Timestamp) -> Self {
        store.heartbeat(node, now).await.expect("beats");
        let (writer, tasks) = Writer::start(store, node);
        Self { node, is_silent: false, writer, tasks }
    }

    async fn say_last_words(self) {
        let Self { writer, mut tasks, .. } = self;
        drop(writer);
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap_or_else(fail);
        }
    }
}

impl Process {
    async fn start(common: Arc<Common>, store: Store) -> Self {
        let node = common.nodes.fetch_add(1, Ordering::Relaxed);
        let life = RwLock::new(Life::begin(&store, node, common.now()).await);
        Self { common, store, life, mine: Mutex::default() }
    }

    fn mine(&self) -> MutexGuard<'_, Vec<Claimed>> {
        self.mine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn act(&self, random: &mut TestRng) {
        let life = self.life.read().await;
        let now = self.common.now();
        let chance = random.random_range(0..40);
        if life.is_silent {
            if chance == 0 {
                drop(life);
                self.come_back(random.random_bool(0.5)).await;
            } else {
                self.end_one(&life, random).await;
            }
            return;
        }
        match chance {
            0..=4 => self.accept(&life, random).await,
            5..=14 => self.claim(&life, random).await,
            15..=32 => self.end_one(&life, random).await,
            33 => self.store.heartbeat(life.node, now).await.expect("beats"),
            34..=35 => _ = self.store.take_over(life.node, now).await.expect("takes over"),
            36 => {
                let route = random.random_range(0..ROUTES.len());
                self.store.release_held(connection_id(route), now).await.expect("releases");
            }
            37 => self.steer(random).await,
            38 => tokio::time::sleep(Duration::from_millis(1)).await,
            _ => {
                drop(life);
                self.fall_silent().await;
            }
        }
    }

    async fn accept(&self, life: &Life, random: &mut TestRng) {
        let now = self.common.now();
        let mut deliveries = Vec::new();
        for (route, destination) in ROUTES.into_iter().enumerate() {
            if random.random_bool(0.6) {
                deliveries.push(NewDelivery {
                    id: delivery_id(self.common.deliveries.fetch_add(1, Ordering::Relaxed)),
                    connection_id: connection_id(route),
                    destination_id: destination_id(destination),
                    order_key: None,
                    start: [Start::Leased, Start::Due, Start::Due, Start::Held][random.random_range(0..4)],
                    schema_errors: vec![],
                });
            }
        }
        let event = made::event(self.common.events.fetch_add(1, Ordering::Relaxed), now);
        let leased = deliveries.iter().filter(|delivery| delivery.start == Start::Leased);
        let leased: Vec<Claimed> = leased
            .map(|delivery| Claimed {
                env_id: ENV,
                id: delivery.id,
                event_id: event.id,
                connection_id: delivery.connection_id,
                destination_id: delivery.destination_id,
                attempt_count: 0,
                trigger: Trigger::Initial,
                order_key: None,
                is_probe: false,
            })
            .collect();
        let accept = Accept::new(Arc::new(event), deliveries).await;
        life.writer.accept(accept, |_| {}).await.expect("is stored");
        self.are_given(life, leased);
    }

    async fn claim(&self, life: &Life, random: &mut TestRng) {
        let destination = destination_id(random.random_range(0..DESTINATIONS));
        let limit = random.random_range(1..20);
        let claimed = self.store.claim(life.node, destination, self.common.now(), limit).await.expect("claims");
        assert!(claimed.len() <= limit as usize, "{} claimed, {limit} asked for", claimed.len());
        self.are_given(life, claimed);
    }

    fn are_given(&self, life: &Life, claimed: Vec<Claimed>) {
        for claimed in &claimed {
            self.common.is_given(claimed.id, life.node);
        }
        self.mine().extend(claimed);
    }

    /// Also when it is not this node's any more: then nothing must come of it.
    async fn end_one(&self, life: &Life, random: &mut TestRng) {
        let claimed = {
            let mut mine = self.mine();
            let count = mine.len();
            if count == 0 { None } else { Some(mine.swap_remove(random.random_range(0..count))) }
        };
        let Some(claimed) = claimed else {
            tokio::task::yield_now().await;
            return;
        };
        self.common.is_let_go(claimed.id, life.node);
        let later = self.common.now().plus(Duration::from_millis(random.random_range(0..30)));
        let verdict = match random.random_range(0..20) {
            0..=9 => Verdict::Succeeded,
            10..=14 => Verdict::Retry(later),
            15..=16 => Verdict::GiveUp,
            17 => return self.store.hold(life.node, ENV, claimed.id).await.expect("holds"),
            18 => return self.store.drop_leased(life.node, &claimed, "dropped").await.expect("drops"),
            _ => return self.store.give_back(life.node, ENV, claimed.id, later).await.expect("gives back"),
        };
        let number = self.common.attempts.fetch_add(1, Ordering::Relaxed);
        life.writer.record(made::attempt(number.into(), &claimed, verdict, self.common.now())).await;
    }

    /// A person cancels or retries what is there.
    async fn steer(&self, random: &mut TestRng) {
        let count = self.common.deliveries.load(Ordering::Relaxed);
        let scope = self.store.scope(ENV);
        let chosen = delivery_id(random.random_range(0..=count));
        let Some(delivery) = scope.delivery(chosen).await.expect("reads") else { return };
        if random.random_bool(0.5) {
            scope.cancel_delivery(&delivery, self.common.now()).await.expect("cancels");
        } else {
            scope.retry_delivery(&delivery, Trigger::Manual, self.common.now()).await.expect("queues");
        }
    }

    /// Others may take it over from now on; what it still says comes late.
    async fn fall_silent(&self) {
        let mut life = self.life.write().await;
        if !life.is_silent {
            life.is_silent = true;
            self.common.holders().retain(|_, holder| *holder != life.node);
            self.common.expire(&format!("id = {}", life.node)).await;
        }
    }

    /// As the node that it was, or started anew. What it had is forgotten, and its last words are said before.
    async fn come_back(&self, as_another: bool) {
        let mut life = self.life.write().await;
        if !life.is_silent {
            return;
        }
        self.mine().clear();
        let node = if as_another { self.common.nodes.fetch_add(1, Ordering::Relaxed) } else { life.node };
        let (writer, tasks) = Writer::start(&self.store, node);
        let before = std::mem::replace(&mut *life, Life { node, is_silent: true, writer, tasks });
        before.say_last_words().await;
        self.store.heartbeat(node, self.common.now()).await.expect("beats");
        for (env, delivery) in self.store.leased_by(node).await.expect("reads") {
            self.store.give_back(node, env, delivery, self.common.now()).await.expect("gives back");
        }
        life.is_silent = false;
    }
}
