//! Does to the store what a transition says, and reads back what became of it. What the model knows of the
//! store is all in here.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::{
    delivery::{Delivery, Trigger},
    time::Timestamp,
};
use futures::future::join_all;
use sea_orm::{ConnectionTrait, DatabaseConnection, QueryResult, Statement, TryGetable, prelude::Uuid};
use store::{
    Store,
    queue::Claimed,
    scope::Scope,
    writer::{Accept, AttemptRecord, NewDelivery, Start, Verdict, Writer},
};

use crate::{
    database::Database,
    made::{
        self, ENV, FIRST_CONNECTION, FIRST_DESTINATION, connection_id, delivery_id, destination_id, event_id, number,
        place,
    },
    reference::{Belief, Record, Reference},
    transition::{Outcome, Transition},
    view::{Answer, ROUTES, Seen, Taken, Tally, View},
};

const WHY: &str = "the model dropped it";

pub struct Driver {
    store: Store,
    look: DatabaseConnection,
}

impl Driver {
    pub async fn new(database: &Database) -> Self {
        Self { store: database.store().await, look: database.look().await }
    }

    pub async fn close(self) {
        self.look.close().await.expect("closes");
        self.store.close().await;
    }

    pub async fn forget_everything(&self) {
        for table in ["events", "event_bodies", "deliveries", "attempts", "nodes", "source_counts"] {
            self.look.execute_unprepared(&format!("DELETE FROM {table}")).await.expect("is emptied");
        }
    }

    /// `before` is how things stood; it says what the next event is called, and so on.
    pub async fn apply(&self, before: &Reference, transition: &Transition) -> Answer {
        let now = before.now;
        match transition {
            Transition::Start => self.beat(before.next_node(), now).await,
            // What it knew is in the reference alone, and so is the time.
            Transition::Kill { .. } | Transition::Pass { .. } => {}
            Transition::FallSilent { node } => self.expire(*node).await,
            Transition::Heartbeat { node } => self.beat(*node, now).await,
            Transition::TakeOver { node } => {
                return Answer::Count(self.store.take_over(*node, now).await.expect("takes over"));
            }
            Transition::Leave { node } => return Answer::Count(self.store.leave(*node, now).await.expect("leaves")),
            Transition::Accept { node, events } => self.accept(before, *node, events).await,
            Transition::Claim { node, destination, limit } => {
                return Answer::Taken(self.claim(*node, *destination, now, *limit).await);
            }
            Transition::Record { node, outcomes } => {
                let records = outcomes.iter().enumerate().map(|(index, (belief, outcome))| {
                    let record = Record { node: *node, belief: *belief, outcome: *outcome, at: now };
                    attempt_record(before, before.records.len() + index, record)
                });
                self.record(*node, records.collect()).await;
            }
            Transition::RecordAgain { record } => {
                let given = before.records[*record];
                self.record(given.node, vec![attempt_record(before, *record, given)]).await;
            }
            Transition::Hold { node, belief } => {
                self.store.hold(*node, ENV, delivery_id(belief.delivery)).await.expect("holds");
            }
            Transition::GiveBack { node, belief, seconds } => {
                let due = before.later(*seconds);
                self.store.give_back(*node, ENV, delivery_id(belief.delivery), due).await.expect("gives back");
            }
            Transition::Drop { node, belief } => {
                self.store.drop_leased(*node, &claimed(before, belief), WHY).await.expect("drops");
            }
            Transition::Cancel { delivery } => {
                let delivery = self.delivery(*delivery).await;
                let cancelled = self.scope().cancel_delivery(&delivery, now).await.expect("cancels");
                return Answer::Changed(cancelled.is_some());
            }
            Transition::Retry { delivery } => {
                let delivery = self.delivery(*delivery).await;
                let retry = self.scope().retry_delivery(&delivery, Trigger::Manual, now).await;
                return Answer::Changed(retry.expect("queues").is_some());
            }
            Transition::Release { route } => {
                let released = self.store.release_held(connection_id(*route), now).await;
                return Answer::Count(released.expect("releases"));
            }
        }
        Answer::Nothing
    }

    fn scope(&self) -> Scope {
        self.store.scope(ENV)
    }

    async fn delivery(&self, number: u32) -> Delivery {
        self.scope().delivery(delivery_id(number)).await.expect("reads").expect("is there")
    }

    async fn beat(&self, node: i64, now: Timestamp) {
        self.store.heartbeat(node, now).await.expect("beats");
        // A slow machine must not let it fall silent by itself.
        self.change_node(node, "expires_at = expires_at + 3600000000").await;
    }

    async fn expire(&self, node: i64) {
        self.change_node(node, "expires_at = 0").await;
    }

    async fn change_node(&self, node: i64, what: &str) {
        let sql = format!("UPDATE nodes SET {what} WHERE id = {node}");
        self.look.execute_unprepared(&sql).await.expect("is changed");
    }

    async fn claim(&self, node: i64, destination: usize, now: Timestamp, limit: u32) -> Vec<Taken> {
        let claimed = self.store.claim(node, destination_id(destination), now, limit).await.expect("claims");
        claimed
            .iter()
            .map(|claimed| {
                assert_eq!((claimed.env_id, claimed.destination_id), (ENV, destination_id(destination)));
                Taken {
                    delivery: number(claimed.id.as_u128()),
                    event: number(claimed.event_id.as_u128()),
                    route: place(claimed.connection_id.as_u128(), FIRST_CONNECTION),
                    attempts: claimed.attempt_count,
                    trigger: claimed.trigger,
                }
            })
            .collect()
    }

    /// In one commit, or in few.
    async fn accept(&self, before: &Reference, node: i64, events: &[BTreeMap<usize, Start>]) {
        let (writer, mut tasks) = Writer::start(&self.store, node);
        let mut next = before.next_delivery();
        let accepts = (before.next_event()..).zip(events).map(|(event, routes)| {
            let deliveries = routes.iter().zip(next..).map(|((route, start), number)| NewDelivery {
                id: delivery_id(number),
                connection_id: connection_id(*route),
                destination_id: destination_id(ROUTES[*route]),
                order_key: None,
                start: *start,
                schema_errors: vec![],
            });
            let deliveries: Vec<_> = deliveries.collect();
            next += u32::try_from(deliveries.len()).expect("few deliveries");
            Accept::new(Arc::new(made::event(event, before.now)), deliveries)
        });
        let accepts = join_all(accepts).await;
        for result in join_all(accepts.into_iter().map(|accept| writer.accept(accept, |_| {}))).await {
            result.expect("is stored");
        }
        drop(writer);
        while tasks.join_next().await.is_some() {}
    }

    /// In one commit. What was given to a writer is written when its tasks have ended.
    async fn record(&self, node: i64, records: Vec<AttemptRecord>) {
        let (writer, mut tasks) = Writer::start(&self.store, node);
        for record in records {
            writer.record(record).await;
        }
        drop(writer);
        while tasks.join_next().await.is_some() {}
    }

    /// Through the store where it has a question for it, and past it for the rest.
    pub async fn view(&self) -> View {
        let mut view = View::default();
        let columns = "id, event_id, status, due_at, lease_owner, attempt_count, attempt_trigger, is_dlq";
        for row in self.rows(&format!("SELECT {columns} FROM deliveries")).await {
            let seen = Seen {
                event: number_of(&row, "event_id"),
                status: word(&row, "status"),
                due: get::<Option<i64>>(&row, "due_at").map(Timestamp::from_micros),
                owner: get(&row, "lease_owner"),
                attempts: count(&row, "attempt_count"),
                trigger: word(&row, "attempt_trigger"),
                is_dlq: get(&row, "is_dlq"),
            };
            view.deliveries.insert(number_of(&row, "id"), seen);
        }
        for row in self.rows(&format!("SELECT id, status, {TALLY} FROM events")).await {
            view.events.insert(number_of(&row, "id"), (word(&row, "status"), tally(&row)));
        }
        for row in self.rows("SELECT delivery_id, attempt_number FROM attempts ORDER BY attempt_number").await {
            let attempts = view.attempts.entry(number_of(&row, "delivery_id")).or_default();
            attempts.push(count(&row, "attempt_number"));
        }
        view.nodes = self.rows("SELECT id FROM nodes").await.iter().map(|row| get(row, "id")).collect();
        for (destination, due) in view.next_due.iter_mut().enumerate() {
            *due = self.store.next_due(destination_id(destination)).await.expect("reads");
        }
        let queued = self.store.queued_destinations().await.expect("reads");
        view.queued = queued.iter().map(|(id, due)| (place(id.as_u128(), FIRST_DESTINATION), *due)).collect();
        let held = self.store.held_connections().await.expect("reads");
        view.held_connections = held.iter().map(|id| place(id.as_u128(), FIRST_CONNECTION)).collect();
        let owners: BTreeSet<i64> = view.deliveries.values().filter_map(|seen| seen.owner).collect();
        for node in owners {
            let leased = self.store.leased_by(node).await.expect("reads");
            view.leased.insert(node, leased.iter().map(|(_, delivery)| number(delivery.as_u128())).collect());
        }
        view
    }

    /// What people see is the same as what the rows say.
    pub async fn check_what_people_see(&self, view: &View) {
        for (event, (status, _)) in &view.events {
            let stored = self.scope().event(event_id(*event)).await.expect("reads").expect("is there");
            assert_eq!(stored.summary.status, *status, "event {event}");
            let deliveries = self.scope().event_deliveries(event_id(*event)).await.expect("reads");
            let seen: BTreeMap<u32, _> = deliveries
                .iter()
                .map(|delivery| {
                    let Delivery { status, next_attempt_at, attempt_count, is_dlq, .. } = *delivery;
                    (number(delivery.id.as_u128()), (status, next_attempt_at, attempt_count, is_dlq))
                })
                .collect();
            let of_event = view.deliveries.iter().filter(|(_, seen)| seen.event == *event);
            let expected: BTreeMap<u32, _> =
                of_event.map(|(id, seen)| (*id, (seen.status, seen.due, seen.attempts, seen.is_dlq))).collect();
            assert_eq!(seen, expected, "deliveries of event {event}");
        }
        for delivery in view.deliveries.keys() {
            let attempts = self.scope().attempts(delivery_id(*delivery)).await.expect("reads");
            let mut numbers: Vec<u32> = attempts.iter().map(|attempt| attempt.attempt_number).collect();
            numbers.sort_unstable();
            assert_eq!(numbers, view.attempts.get(delivery).cloned().unwrap_or_default(), "attempts of {delivery}");
        }
    }

    async fn rows(&self, sql: &str) -> Vec<QueryResult> {
        let statement = Statement::from_string(self.look.get_database_backend(), sql);
        self.look.query_all_raw(statement).await.expect("reads")
    }
}

/// What a node makes of what it was given.
fn claimed(state: &Reference, belief: &Belief) -> Claimed {
    let delivery = &state.deliveries[&belief.delivery];
    Claimed {
        env_id: ENV,
        id: delivery_id(belief.delivery),
        event_id: event_id(delivery.event),
        connection_id: connection_id(delivery.route),
        destination_id: destination_id(ROUTES[delivery.route]),
        attempt_count: belief.attempts,
        trigger: belief.trigger,
        order_key: None,
        is_probe: false,
    }
}

/// The same each time it is made of the same record.
fn attempt_record(state: &Reference, number: usize, record: Record) -> AttemptRecord {
    let verdict = match record.outcome {
        Outcome::Succeeded => Verdict::Succeeded,
        Outcome::RetryIn { seconds } => {
            Verdict::Retry(record.at.plus(std::time::Duration::from_secs(u64::from(seconds))))
        }
        Outcome::GaveUp => Verdict::GiveUp,
    };
    made::attempt(number as u128, &claimed(state, &record.belief), verdict, record.at)
}

/// Cast, since the databases differ in how they count.
pub const TALLY: &str = "CAST(open_count AS BIGINT) AS open_count, CAST(succeeded_count AS BIGINT) AS succeeded_count, \
    CAST(failed_count AS BIGINT) AS failed_count";

pub fn tally(row: &QueryResult) -> Tally {
    Tally {
        open: count(row, "open_count"),
        succeeded: count(row, "succeeded_count"),
        failed: count(row, "failed_count"),
    }
}

fn get<T: TryGetable>(row: &QueryResult, column: &str) -> T {
    row.try_get("", column).expect("a column of that type")
}

fn number_of(row: &QueryResult, column: &str) -> u32 {
    number(get::<Uuid>(row, column).as_u128())
}

fn count(row: &QueryResult, column: &str) -> u32 {
    u32::try_from(get::<i64>(row, column)).expect("a count")
}

fn word<T: std::str::FromStr<Err = &'static str>>(row: &QueryResult, column: &str) -> T {
    get::<String>(row, column).parse().expect("a word of the domain")
}
