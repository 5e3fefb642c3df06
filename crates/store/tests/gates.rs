//! The promises of gates, on a real database: how many pass, what opens and closes a circuit, and that deliveries of a key
//! go one after the other, whatever becomes of them.

#[path = "model/database.rs"]
mod database;
#[path = "model/events.rs"]
mod events;

use std::{sync::Arc, time::Duration};

use domain::{
    circuit::{Circuit, CircuitBreaker, CircuitState, Finding},
    delivery::{Attempt, AttemptStatus, DeliveryStatus, SentRequest, Trigger},
    id::{AttemptId, ConnectionId, DeliveryId, DestinationId, EnvId, EventId},
    rate_limit::{Pace, Per},
    time::Timestamp,
};
use sea_orm::ConnectionTrait;
use store::{
    Store,
    gates::{Again, Gate, GateReport, Passed, Said},
    queue::Claimed,
    writer::{Accept, AttemptRecord, NewDelivery, Start, Verdict, Writer},
};

use self::database::Database;

const ENV: EnvId = EnvId::from_u128(1);
const DESTINATION: DestinationId = DestinationId::from_u128(2);
const CONNECTION: ConnectionId = ConnectionId::from_u128(4);
const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);
const NODE: i64 = 11;
const OTHER: i64 = 22;
const BREAKER: CircuitBreaker = CircuitBreaker { enabled: true, failure_threshold: 3, reset_seconds: 3600 };
/// Lets everything pass.
const OPEN: Gate = Gate {
    env_id: ENV,
    destination: DESTINATION,
    has_breaker: true,
    probe_for: Duration::from_hours(1),
    pace: None,
    max_in_flight: None,
    is_ordered: false,
};
const ORDERED: Gate = Gate { is_ordered: true, ..OPEN };

/// Runs each of them on a database of its own, of either kind.
macro_rules! on_both_databases {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(super::bench(super::Database::sqlite()).await).await;
                }
            )*
        }
        mod postgres {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(super::bench(super::Database::postgres().await).await).await;
                }
            )*
        }
    };
}

on_both_databases!(
    failures_in_a_row_open_the_circuit_and_a_success_between_them_does_not,
    one_delivery_tries_an_open_circuit,
    a_probe_that_is_not_made_is_left_to_others,
    a_circuit_is_reset_by_hand,
    no_more_pass_than_the_rate_allows,
    no_more_are_in_flight_than_may_be,
    deliveries_of_a_key_go_one_after_the_other,
    what_fails_keeps_its_place_until_it_is_given_up,
    what_is_cancelled_or_given_back_holds_nobody_up,
    a_pause_keeps_the_order,
    one_that_became_known_late_is_not_overtaken_twice,
    without_an_order_nobody_waits,
    what_nobody_would_bring_back_is_found,
);

struct Bench {
    store: Store,
    writer: Writer,
    database: Database,
}

async fn bench(database: Database) -> Bench {
    let store = database.store().await;
    for node in [NODE, OTHER] {
        store.heartbeat(node, NOW).await.expect("beats");
    }
    let (writer, mut tasks) = Writer::start(&store, NODE);
    // They end with the writer's last handle.
    tasks.detach_all();
    Bench { store, writer, database }
}

fn next_number() -> u128 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed).into()
}

fn id(number: u128) -> DeliveryId {
    DeliveryId::new(NOW, number)
}

impl Bench {
    /// Stores an event with one delivery, whose id comes from its number.
    async fn accept(&self, number: u128, order_key: Option<i64>, start: Start) {
        let event = Arc::new(events::event(ENV, NOW, number));
        let delivery = NewDelivery {
            id: id(number),
            connection_id: CONNECTION,
            destination_id: DESTINATION,
            order_key,
            start,
            schema_errors: vec![],
        };
        self.writer.accept(Accept::new(event, vec![delivery]).await, |_| {}).await.expect("stored");
    }

    async fn accept_due(&self, numbers: std::ops::Range<u128>, order_key: Option<i64>) {
        for number in numbers {
            self.accept(number, order_key, Start::Due).await;
        }
    }

    async fn pass(&self, gate: &Gate, wanted: u32) -> Passed {
        self.pass_as(NODE, gate, wanted).await
    }

    async fn pass_as(&self, node: i64, gate: &Gate, wanted: u32) -> Passed {
        self.store.claim_through(gate, node, NOW, wanted).await.expect("claims")
    }

    /// The numbers of those that pass.
    async fn numbers(&self, gate: &Gate) -> Vec<u128> {
        let passed = self.pass(gate, 100).await;
        passed.claimed.iter().map(|claimed| (0..1000).find(|number| id(*number) == claimed.id).expect("ours")).collect()
    }

    async fn take_one(&self, gate: &Gate) -> Claimed {
        let mut passed = self.pass(gate, 1).await;
        assert_eq!(passed.claimed.len(), 1);
        passed.claimed.remove(0)
    }

    /// Records an attempt and waits until that is committed.
    async fn record(&self, claimed: &Claimed, verdict: Verdict, finding: Option<Finding>) {
        let attempt = Attempt {
            id: AttemptId::new(NOW, next_number()),
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
        let said = finding.map(|finding| Said { finding, breaker: BREAKER, is_probe: claimed.is_probe });
        let gate = GateReport { destination: DESTINATION, order_key: claimed.order_key, frees_place: false, said };
        let record = AttemptRecord {
            env_id: ENV,
            event_id: claimed.event_id,
            destination_id: DESTINATION,
            attempt,
            verdict,
            gate: Some(gate),
        };
        let before = self.attempts(claimed.id).await;
        self.writer.record(record).await;
        for _ in 0..500 {
            if self.attempts(claimed.id).await > before {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it is not recorded");
    }

    async fn attempts(&self, delivery: DeliveryId) -> usize {
        self.store.scope(ENV).attempts(delivery).await.expect("reads").len()
    }

    async fn succeed(&self, claimed: &Claimed) {
        self.record(claimed, Verdict::Succeeded, None).await;
    }

    async fn status(&self, number: u128) -> DeliveryStatus {
        self.store.scope(ENV).delivery(id(number)).await.expect("reads").expect("is there").status
    }

    async fn circuit(&self) -> (CircuitState, u32) {
        let status = self.store.scope(ENV).circuit(DESTINATION).await.expect("reads");
        assert_eq!(status.retry_at.is_some(), status.state == CircuitState::Open);
        (status.state, status.failure_count)
    }

    /// Fails so often in a row that the circuit opens.
    async fn open_circuit(&self) {
        self.accept_due(900..903, None).await;
        for _ in 0..3 {
            let claimed = self.take_one(&OPEN).await;
            self.record(&claimed, Verdict::GiveUp, Some(Finding::Fails)).await;
        }
        assert_eq!(self.circuit().await, (CircuitState::Open, 3));
    }

    /// Lets the time pass after which an open circuit may be tried, as the database has it.
    async fn reset_time_passes(&self) {
        self.run("UPDATE gates SET retry_at = 1 WHERE state = 'open'".to_owned()).await;
    }
}

async fn failures_in_a_row_open_the_circuit_and_a_success_between_them_does_not(bench: Bench) {
    assert_eq!(bench.circuit().await, (CircuitState::Closed, 0));
    bench.accept_due(0..6, None).await;
    for (finding, count) in [(Finding::Fails, 1), (Finding::Fails, 2), (Finding::Works, 0), (Finding::Fails, 1)] {
        let claimed = bench.take_one(&OPEN).await;
        bench.record(&claimed, Verdict::GiveUp, Some(finding)).await;
        assert_eq!(bench.circuit().await, (CircuitState::Closed, count));
    }
    let noted = bench.store.noted_circuits().await.expect("reads");
    assert_eq!((noted.len(), noted[0].circuit), (1, Circuit::Closed { failures: 1 }));
    bench.open_circuit_with(2).await;
    let passed = bench.pass(&OPEN, 10).await;
    assert!(passed.claimed.is_empty());
    assert!(matches!(passed.again, Again::After(wait) if wait > Duration::from_secs(3590)), "{:?}", passed.again);
    // Without a breaker nobody asks.
    bench.accept_due(10..11, None).await;
    assert_eq!(bench.pass(&Gate { has_breaker: false, ..OPEN }, 10).await.claimed.len(), 1);
}

impl Bench {
    async fn open_circuit_with(&self, failures: u32) {
        for _ in 0..failures {
            let claimed = self.take_one(&OPEN).await;
            self.record(&claimed, Verdict::GiveUp, Some(Finding::Fails)).await;
        }
        assert_eq!(self.circuit().await.0, CircuitState::Open);
    }
}

async fn one_delivery_tries_an_open_circuit(bench: Bench) {
    bench.open_circuit().await;
    bench.accept_due(0..5, None).await;
    bench.reset_time_passes().await;
    let probe = bench.pass(&OPEN, 10).await;
    assert_eq!((probe.claimed.len(), probe.is_probe, probe.again), (1, true, Again::WhenOneEnds));
    assert_eq!(bench.circuit().await, (CircuitState::HalfOpen, 3));
    let other = bench.pass_as(OTHER, &OPEN, 10).await;
    assert!(other.claimed.is_empty() && matches!(other.again, Again::After(_)));
    // A straggler that began before the circuit opened decides nothing.
    let straggler = Claimed { is_probe: false, ..probe.claimed[0].clone() };
    bench.record(&straggler, Verdict::Retry(NOW), Some(Finding::Works)).await;
    assert_eq!(bench.circuit().await, (CircuitState::HalfOpen, 3));

    let probe = Claimed { attempt_count: 1, ..probe.claimed[0].clone() };
    bench.record(&probe, Verdict::Retry(NOW), Some(Finding::Fails)).await;
    assert_eq!(bench.circuit().await, (CircuitState::Open, 4));
    assert!(bench.pass(&OPEN, 10).await.claimed.is_empty());
    bench.reset_time_passes().await;
    let probe = bench.take_one(&OPEN).await;
    bench.record(&probe, Verdict::Succeeded, Some(Finding::Works)).await;
    assert_eq!(bench.circuit().await, (CircuitState::Closed, 0));
    assert!(bench.store.noted_circuits().await.expect("reads").is_empty());
    assert_eq!(bench.pass(&OPEN, 10).await.claimed.len(), 4);
}

async fn a_probe_that_is_not_made_is_left_to_others(bench: Bench) {
    bench.open_circuit().await;
    bench.reset_time_passes().await;
    assert!(bench.pass(&OPEN, 10).await.claimed.is_empty());
    assert_eq!(bench.circuit().await.0, CircuitState::Open, "without a delivery there is no probe");
    bench.accept_due(0..3, None).await;
    assert!(bench.take_one(&OPEN).await.is_probe);
    bench.store.probe_unused(ENV, DESTINATION, OTHER).await.expect("runs");
    assert_eq!(bench.circuit().await.0, CircuitState::HalfOpen, "it is not the other's");
    bench.store.probe_unused(ENV, DESTINATION, NODE).await.expect("runs");
    assert_eq!(bench.circuit().await.0, CircuitState::Open);
    assert!(bench.pass_as(OTHER, &OPEN, 10).await.is_probe, "at once");
    // The node that tries is gone.
    bench.store.leave(OTHER, NOW).await.expect("leaves");
    assert!(bench.pass(&OPEN, 10).await.is_probe);
}

async fn a_circuit_is_reset_by_hand(bench: Bench) {
    bench.open_circuit().await;
    assert!(!bench.store.scope(EnvId::from_u128(99)).reset_circuit(DESTINATION).await.expect("runs"));
    assert!(bench.store.scope(ENV).reset_circuit(DESTINATION).await.expect("runs"));
    assert!(!bench.store.scope(ENV).reset_circuit(DESTINATION).await.expect("is closed already"));
    assert_eq!(bench.circuit().await, (CircuitState::Closed, 0));
    bench.accept_due(0..2, None).await;
    assert_eq!(bench.pass(&OPEN, 10).await.claimed.len(), 2);
}

async fn no_more_pass_than_the_rate_allows(bench: Bench) {
    bench.accept_due(0..50, None).await;
    // Five at once, and then one in 37.5 s.
    let gate = Gate { pace: Some(Pace::new(100, Per::Hour)), ..OPEN };
    assert_eq!(bench.pass(&gate, 3).await.claimed.len(), 3);
    let passed = bench.pass_as(OTHER, &gate, 10).await;
    assert_eq!(passed.claimed.len(), 2);
    let Again::After(wait) = passed.again else { panic!("{:?}", passed.again) };
    assert!(wait > Duration::from_secs(30) && wait < Duration::from_secs(80), "{wait:?}");
    let passed = bench.pass(&gate, 10).await;
    assert!(passed.claimed.is_empty() && matches!(passed.again, Again::After(_)));
    // What is not there is not counted.
    let gate = Gate { pace: Some(Pace::new(100, Per::Second)), destination: DestinationId::from_u128(77), ..OPEN };
    let passed = bench.pass(&gate, 10).await;
    assert_eq!((passed.claimed.len(), passed.again), (0, Again::WhenDue));
}

async fn no_more_are_in_flight_than_may_be(bench: Bench) {
    bench.accept_due(0..20, None).await;
    let gate = Gate { max_in_flight: Some(5), ..OPEN };
    let first = bench.pass(&gate, 3).await;
    assert_eq!((first.claimed.len(), first.again), (3, Again::AtOnce));
    let second = bench.pass_as(OTHER, &gate, 10).await;
    assert_eq!((second.claimed.len(), second.again), (2, Again::WhenOneEnds));
    assert_eq!(bench.pass(&gate, 10).await.again, Again::WhenOneEnds);
    bench.succeed(&first.claimed[0]).await;
    bench.record(&first.claimed[1], Verdict::Retry(NOW.plus(Duration::from_mins(1))), None).await;
    assert_eq!(bench.pass(&gate, 10).await.claimed.len(), 2);
    // A node that is gone keeps no places.
    bench.store.leave(OTHER, NOW).await.expect("leaves");
    assert_eq!(bench.pass(&gate, 10).await.claimed.len(), 2);
}

async fn deliveries_of_a_key_go_one_after_the_other(bench: Bench) {
    bench.accept_due(0..3, Some(1)).await;
    bench.accept_due(3..5, Some(2)).await;
    bench.accept_due(5..6, None).await;
    assert_eq!(bench.numbers(&ORDERED).await, [0, 3, 5], "the first of each key, and what has none");
    assert_eq!(bench.status(1).await, DeliveryStatus::Held);
    assert_eq!(bench.numbers(&ORDERED).await, [0_u128; 0]);
    for number in 0..3 {
        assert_eq!(bench.status(number).await, DeliveryStatus::InFlight);
        bench.succeed(&claimed(number, 1)).await;
        let next: Vec<u128> = if number < 2 { vec![number + 1] } else { vec![] };
        assert_eq!(bench.numbers(&ORDERED).await, next);
    }
    // The other key stands where it was.
    assert_eq!((bench.status(3).await, bench.status(4).await), (DeliveryStatus::InFlight, DeliveryStatus::Held));
}

/// What a claim of this delivery returned.
fn claimed(number: u128, order_key: i64) -> Claimed {
    Claimed {
        env_id: ENV,
        id: id(number),
        event_id: EventId::new(NOW, number),
        connection_id: CONNECTION,
        destination_id: DESTINATION,
        attempt_count: 0,
        trigger: Trigger::Initial,
        order_key: Some(order_key),
        is_probe: false,
    }
}

async fn what_fails_keeps_its_place_until_it_is_given_up(bench: Bench) {
    bench.accept_due(0..3, Some(1)).await;
    let first = bench.take_one(&ORDERED).await;
    let later = NOW.plus(Duration::from_secs(30));
    bench.record(&first, Verdict::Retry(later), None).await;
    assert_eq!(bench.numbers(&ORDERED).await, [0_u128; 0]);
    let passed = bench.store.claim_through(&ORDERED, NODE, later, 10).await.expect("claims");
    assert_eq!(passed.claimed[0].id, id(0));
    bench.record(&passed.claimed[0], Verdict::GiveUp, None).await;
    assert_eq!(bench.numbers(&ORDERED).await, [1]);
    // Tried again by hand it goes before those that still wait, and not beside the one that is being sent.
    let scope = bench.store.scope(ENV);
    let failed = scope.delivery(id(0)).await.expect("reads").expect("is there");
    assert!(scope.retry_delivery(&failed, Trigger::Manual, NOW).await.expect("queues").is_some());
    assert_eq!(bench.numbers(&ORDERED).await, [0_u128; 0]);
    bench.succeed(&claimed(1, 1)).await;
    assert_eq!(bench.numbers(&ORDERED).await, [0]);
    let again = Claimed { attempt_count: 2, ..claimed(0, 1) };
    bench.succeed(&again).await;
    assert_eq!(bench.numbers(&ORDERED).await, [2]);
}

async fn what_is_cancelled_or_given_back_holds_nobody_up(bench: Bench) {
    bench.accept_due(0..4, Some(1)).await;
    let first = bench.take_one(&ORDERED).await;
    // Given back, it is still the first.
    bench.store.give_back_all(NODE, &[(ENV, first.id)]).await.expect("gives back");
    assert_eq!(bench.numbers(&ORDERED).await, [0]);
    bench.store.give_back(NODE, ENV, first.id, NOW).await.expect("gives back");
    let scope = bench.store.scope(ENV);
    let delivery = async |number| scope.delivery(id(number)).await.expect("reads").expect("is there");
    assert!(scope.cancel_delivery(&delivery(0).await, NOW).await.expect("cancels").is_some());
    assert_eq!(bench.numbers(&ORDERED).await, [1]);
    // One that is parked may be cancelled as well.
    assert!(scope.cancel_delivery(&delivery(2).await, NOW).await.expect("cancels").is_some());
    bench.store.drop_leased(NODE, &claimed(1, 1), "gone").await.expect("drops");
    assert_eq!(bench.numbers(&ORDERED).await, [3]);
}

async fn a_pause_keeps_the_order(bench: Bench) {
    bench.accept_due(0..2, Some(1)).await;
    bench.accept(2, Some(1), Start::Held).await;
    bench.accept_due(3..4, Some(1)).await;
    let first = bench.take_one(&ORDERED).await;
    // Its connection was paused meanwhile.
    bench.store.hold(NODE, ENV, first.id).await.expect("holds");
    assert_eq!(bench.numbers(&ORDERED).await, [0_u128; 0]);
    assert_eq!(bench.store.held_connections().await.expect("reads"), [CONNECTION]);
    assert_eq!(bench.store.release_held(CONNECTION, NOW).await.expect("releases"), 2, "those that are parked stay");
    for number in 0..4 {
        assert_eq!(bench.numbers(&ORDERED).await, [number]);
        bench.succeed(&claimed(number, 1)).await;
    }
}

async fn one_that_became_known_late_is_not_overtaken_twice(bench: Bench) {
    // The commit of the first takes longer than that of the second, which is taken meanwhile.
    bench.accept(0, Some(1), Start::Held).await;
    bench.accept_due(1..2, Some(1)).await;
    bench.hide(0).await;
    let second = bench.take_one(&ORDERED).await;
    bench.show(0).await;
    assert_eq!(bench.numbers(&ORDERED).await, [0_u128; 0], "not beside the one that is being sent");
    bench.record(&second, Verdict::Retry(NOW), None).await;
    assert_eq!(bench.numbers(&ORDERED).await, [0]);
    bench.succeed(&claimed(0, 1)).await;
    assert_eq!(bench.numbers(&ORDERED).await, [1]);
}

impl Bench {
    async fn run(&self, sql: String) {
        let connection = self.database.look().await;
        connection.execute_unprepared(&sql).await.expect("runs");
        connection.close().await.expect("closes");
    }

    /// The id of a delivery as the database writes it.
    fn written(&self, number: u128) -> String {
        let digits = format!("{:032x}", id(number).as_u128());
        match self.database {
            Database::Sqlite { .. } => format!("x'{digits}'"),
            Database::Postgres { .. } => format!("'{digits}'"),
        }
    }

    /// As if it were not yet committed.
    async fn hide(&self, number: u128) {
        self.run(format!("UPDATE deliveries SET status = 'skipped' WHERE id = {}", self.written(number))).await;
    }

    async fn show(&self, number: u128) {
        let sql = "UPDATE deliveries SET status = 'pending', due_at = created_at";
        self.run(format!("{sql} WHERE id = {}", self.written(number))).await;
    }
}

async fn without_an_order_nobody_waits(bench: Bench) {
    bench.accept_due(0..5, Some(1)).await;
    assert_eq!(bench.numbers(&ORDERED).await, [0]);
    assert_eq!(bench.store.parked_destinations().await.expect("reads"), [DESTINATION]);
    assert_eq!(bench.store.release_parked(DESTINATION).await.expect("releases"), 4);
    assert!(bench.store.parked_destinations().await.expect("reads").is_empty());
    assert_eq!(bench.store.claim(NODE, DESTINATION, NOW, 10).await.expect("claims").len(), 4);
}

async fn what_nobody_would_bring_back_is_found(bench: Bench) {
    bench.accept_due(0..3, Some(1)).await;
    bench.accept_due(3..6, Some(2)).await;
    assert_eq!(bench.numbers(&ORDERED).await, [0, 3]);
    assert_eq!(bench.store.bring_back_forgotten(ENV, DESTINATION).await.expect("looks"), 0);
    // Somebody takes rows away behind our back.
    bench.run(format!("DELETE FROM deliveries WHERE id = {}", bench.written(0))).await;
    assert_eq!(bench.store.bring_back_forgotten(ENV, DESTINATION).await.expect("looks"), 1);
    assert_eq!(bench.numbers(&ORDERED).await, [1]);
}
