//! The fault harness: everything goes wrong at once, and nothing is lost.
//!
//! Senders post to every node without a pause ([`Load`]). Meanwhile a [`Schedule`], drawn from a seed, has nodes killed,
//! restarted, frozen and their clocks stepped ([`Node`]), their ways to PostgreSQL cut, silenced, lost and slowed
//! ([`Proxy`]), the database stopped or locked, and the receiver hang, reset and lie ([`Receiver`]); a [`Timeline`] notes what really
//! happened when. Then all faults end, and the system has to come to rest by itself. At rest the books are compared
//! ([`Books`]): what senders were told, what the database says, what the receiver got. Each repeat needs a cause
//! ([`Repeats`]).
//!
//! `docs/testing.md` says how to run it for long and how to replay a seed. A seed replays the schedule; what each fault
//! meets depends on the machine, as in life.

pub mod clock;
mod node;
mod receiver;
mod repeats;
mod rest;
mod schedule;
mod timeline;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::{
    clock::Clock,
    node::Node,
    receiver::Receiver,
    repeats::{Cause, Repeats},
    rest::{comes_to_rest, differences},
    schedule::{DatabaseFault, Dice, LONGEST_STEP, LinkFault, NODES_ON_POSTGRES, Planned, ReceiverFault, Schedule},
    timeline::{Reach, Timeline},
};
use crate::world::{Books, Client, Cluster, Entrance, Load, On, Post, Proxy, Tally, World};

on_both_databases!(whatever_fails_nothing_is_lost);

/// The length of the load in the ordinary tests.
const SHORT: u64 = 12;
/// How long a node may wait for what a connection does not answer that leads nowhere, and until it has another one.
const LOSS_NOTICED: Duration = Duration::from_secs(20);
/// How long a sender waits for its answer at most, whatever becomes of the database.
const ANSWER_LIMIT: Duration = Duration::from_secs(12);

async fn whatever_fails_nothing_is_lost(on: On) {
    let seed = number("HOOKSTREAM_FAULTS_SEED").unwrap_or_else(chance);
    let length = Duration::from_secs(number("HOOKSTREAM_FAULTS_SECONDS").unwrap_or(SHORT).max(1));
    println!("HOOKSTREAM_FAULTS_SEED={seed} HOOKSTREAM_FAULTS_SECONDS={} replays these faults", length.as_secs());
    let library = clock::library();
    if let Err(why) = library {
        println!("{why}");
    }

    let mut cluster = if on == On::Postgres { Some(Cluster::start(&[]).await) } else { None };
    let world = match &cluster {
        Some(cluster) => World::at(&cluster.url()).with_account(),
        None => World::new(on).await,
    };
    let mut links = Vec::new();
    if let Some(url) = world.database().url() {
        for _ in 0..NODES_ON_POSTGRES {
            links.push(Proxy::before(&url).await);
        }
    }
    let (timeline, receiver) = (Timeline::new(), Receiver::start().await);
    let clock = |number| library.as_ref().ok().map(|library| Clock::new(library, world.folder(), number));
    let mut nodes = vec![Node::start(0, &world, &timeline, links.first(), clock(0)).await];
    // Nodes that start after it need not be told of it.
    let source = route(nodes[0].api(), &receiver.url()).await;
    for (number, link) in links.iter().enumerate().skip(1) {
        nodes.push(Node::start(number, &world, &timeline, Some(link), clock(number)).await);
    }
    let entrances: Vec<Entrance> = nodes.iter_mut().map(|node| node.open(&source)).collect();

    let stage = Stage { world: &world, timeline: &timeline, start: Instant::now(), length };
    let load = Load::through(&entrances, move |sender, number| post(seed, sender, number));
    stage.play(&Schedule::draw(seed, length, on), &mut nodes, &links, cluster.as_mut(), &receiver).await;
    let tally = load.end_and_tell().await;

    let calm = Instant::now();
    if let Some(over) = timeline.over() {
        // Until a lost connection is noticed, what waits for it may yet be stored, though its sender was told to come back.
        tokio::time::sleep_until(over.into()).await;
    }
    comes_to_rest(world.database(), LONGEST_STEP).await;
    let rest = calm.elapsed();
    nodes.iter().for_each(Node::assert_sound);
    let api = nodes[0].api();
    let arrivals = receiver.arrivals();
    let stored = api.all("/v1/events").await;
    let received = arrivals.iter().map(|arrival| (arrival.event.as_str(), arrival.body));
    let books = Books::compare(&tally.acknowledged, &stored, received);
    let repeats = Repeats::of(&arrivals, &timeline.incidents(), nodes.len());
    let report = json!({
        "harness": "faults",
        "database": if on == On::Sqlite { "sqlite" } else { "postgres" },
        "seed": seed,
        "seconds": length.as_secs(),
        "nodes": nodes.len(),
        "events_acknowledged": tally.acknowledged.len(),
        "events_stored": stored.len(),
        "refused": tally.refused,
        "unanswered": tally.unanswered,
        "slowest_answer_ms": u64::try_from(tally.slowest.as_millis()).expect("it is short"),
        "faults": timeline.counts(),
        "clock_steps": library.is_ok(),
        "deliveries": arrivals.len(),
        "repeats": repeats.report(),
        "rest_ms": u64::try_from(rest.as_millis()).expect("it is short"),
        "lost": books.lost.len(),
    });
    println!("{report}");

    books.assert_balanced();
    let differences = differences(api, &tally.acknowledged, &stored, &arrivals).await;
    assert!(differences.is_empty(), "{differences:#?}");
    assert!(repeats.unexplained.is_empty(), "repeated without a cause: {:#?}", repeats.unexplained);
    assert_answers(&tally, timeline.longest_freeze(), length);
    let source = api.get(&format!("/v1/sources/{source}")).await.expect(200);
    assert_eq!(source["event_count"], stored.len(), "what is counted is what is stored");
}

/// A source whose events go to a receiver that may misbehave for long: they are tried often and soon.
async fn route(api: &Client, url: &str) -> String {
    let mut settings = json!({
        "name": "harness",
        "type": "http",
        "config": { "url": url },
        "timeout_ms": receiver::TIMEOUT.as_millis(),
        "retry": { "strategy": "schedule", "intervals_seconds": [1, 1, 2, 2, 3], "max_attempts": 50 },
        // A receiver that fails for seconds is what the run is about; it should not be left alone for a minute.
        "circuit_breaker": { "enabled": false },
    });
    let mut made = api.post("/v1/destinations", settings.clone()).await;
    if made.status != 201 {
        // A server without a breaker does not know the word.
        settings.as_object_mut().expect("an object").remove("circuit_breaker");
        made = api.post("/v1/destinations", settings).await;
    }
    let destination = made.expect(201)["id"].as_str().expect("an id").to_owned();
    let source = api.source("harness").await;
    api.connect(&source, &destination).await;
    source
}

/// What a sender posts, by the seed: bytes of any kind, mostly of about a kilobyte.
fn post(seed: u64, sender: usize, number: usize) -> Post {
    const SELDOM: u64 = 50;
    let place = u64::try_from((sender << 32) | number).expect("64 bits");
    let mut dice = Dice::new(seed ^ place.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let words = if dice.below(SELDOM) == 0 { dice.below(8_000) } else { dice.below(250) };
    let body = (0..words).flat_map(|_| dice.roll().to_le_bytes()).collect();
    Post { body, pause: dice.duration(0, 300) }
}

/// Every sender was answered, and in time, but by nodes that died or stood still.
fn assert_answers(tally: &Tally, longest_freeze: Duration, length: Duration) {
    assert!(tally.unexpected.is_empty(), "neither taken nor told to come back: {:?}", tally.unexpected);
    assert!(tally.twice.is_empty(), "every acknowledgement names another event: {:?}", tally.twice);
    let limit = ANSWER_LIMIT + longest_freeze;
    assert!(tally.slowest < limit, "an answer took {:?}, more than {limit:?}", tally.slowest);
    let at_least = usize::try_from(length.as_secs()).expect("it is short");
    assert!(
        tally.acknowledged.len() >= at_least,
        "too little was taken to show anything: {}",
        tally.acknowledged.len()
    );
}

/// What faults happen to.
struct Stage<'a> {
    world: &'a World,
    timeline: &'a Timeline,
    start: Instant,
    length: Duration,
}

impl Stage<'_> {
    /// Has everything happen, and returns when it is over: all nodes are up, all ways open, the database is there and
    /// the receiver behaves.
    async fn play(
        &self,
        schedule: &Schedule,
        nodes: &mut [Node<'_>],
        links: &[Proxy],
        mut cluster: Option<&mut Cluster>,
        receiver: &Receiver,
    ) {
        let nodes = nodes.iter_mut().zip(&schedule.nodes).map(|(node, plan)| async move {
            self.each(plan, async |fault, lasts| node.suffer(fault, lasts).await).await;
        });
        let links = links.iter().zip(&schedule.links).enumerate().map(|(number, (link, plan))| async move {
            self.each(plan, async |fault, lasts| self.disturb(number, link, fault, lasts).await).await;
        });
        tokio::join!(
            futures::future::join_all(nodes),
            futures::future::join_all(links),
            self.each(&schedule.database, async |fault, lasts| self
                .trouble(cluster.as_deref_mut(), fault, lasts)
                .await),
            self.each(&schedule.receiver, async |fault, lasts| self.mislead(receiver, fault, lasts).await),
            // The load goes on to the end, also after the last fault.
            tokio::time::sleep_until((self.start + self.length).into()),
        );
    }

    /// One after the other, each at its time or when the one before is over, until the end.
    async fn each<F: Copy>(&self, plan: &[Planned<F>], mut happen: impl AsyncFnMut(F, Duration)) {
        for Planned { at, lasts, fault } in plan {
            tokio::time::sleep_until((self.start + *at).into()).await;
            if self.start.elapsed() < self.length {
                happen(*fault, *lasts).await;
            }
        }
    }

    async fn disturb(&self, number: usize, link: &Proxy, fault: LinkFault, lasts: Duration) {
        let from = Instant::now();
        let kind = match fault {
            LinkFault::Cut => {
                link.cut();
                "link_cut"
            }
            LinkFault::Silent => {
                link.fall_silent();
                "link_silent"
            }
            LinkFault::Lost => {
                link.lose_connections();
                self.timeline.note_until("link_lost", Reach::CutOff(number), from, from + LOSS_NOTICED);
                return tokio::time::sleep(lasts).await;
            }
            LinkFault::Slow(by) => {
                link.slow_down(by);
                "link_slow"
            }
        };
        tokio::time::sleep(lasts).await;
        link.open();
        self.timeline.note(kind, Reach::CutOff(number), from);
    }

    async fn trouble(&self, cluster: Option<&mut Cluster>, fault: DatabaseFault, lasts: Duration) {
        let from = Instant::now();
        if let Some(cluster) = cluster {
            let kind = match fault {
                DatabaseFault::Stop => {
                    cluster.stop_in_order().await;
                    "database_stopped"
                }
                DatabaseFault::Crash => {
                    cluster.stop_immediately().await;
                    "database_crashed"
                }
                DatabaseFault::Kill => {
                    cluster.kill().await;
                    "database_killed"
                }
                DatabaseFault::Locked => unreachable!("that is SQLite's"),
            };
            tokio::time::sleep(lasts).await;
            cluster.start_again().await;
            self.timeline.note(kind, Reach::AllCutOff, from);
        } else if self.world.database().keep_locked(lasts).await {
            self.timeline.note("database_locked", Reach::AllCutOff, from);
        }
    }

    async fn mislead(&self, receiver: &Receiver, fault: ReceiverFault, lasts: Duration) {
        let from = Instant::now();
        receiver.misbehave(Some(fault));
        tokio::time::sleep(lasts).await;
        receiver.misbehave(None);
        self.timeline.note(receiver::name(fault), Reach::Nothing, from);
    }
}

impl Repeats {
    fn report(&self) -> Value {
        let of = |cause| self.explained.get(&cause).copied().unwrap_or_default();
        json!({
            "receiver_said_no": of(Cause::Receiver),
            "node_died": of(Cause::NodeDied),
            "node_cut_off": of(Cause::CutOff),
            "node_froze": of(Cause::Froze),
            "unexplained": self.unexplained.len(),
        })
    }
}

/// A seed that is short enough to be typed.
fn chance() -> u64 {
    u64::try_from(gateway::clock::id_bits() >> 96).expect("32 bits are left")
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} must be a whole number, not {text:?}")))
}
