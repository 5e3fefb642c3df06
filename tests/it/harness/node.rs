//! One process of the server that is killed, stopped, frozen and lied to about the time, and each time comes back.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::{
    clock::Clock,
    schedule::NodeFault,
    timeline::{Reach, Timeline},
};
use crate::world::{Client, Entrance, Proxy, Server, World, eventually};

pub struct Node<'a> {
    pub number: usize,
    world: &'a World,
    timeline: &'a Timeline,
    /// By way of its own link; `None` with SQLite.
    database_url: Option<String>,
    clock: Option<Clock>,
    /// What senders post to.
    source: Option<String>,
    entrance: watch::Sender<Option<String>>,
    server: Option<Server>,
}

/// How long a node may take to come back, given that its database does meanwhile.
const RISE_LIMIT: Duration = Duration::from_mins(2);
const RISE_PAUSE: Duration = Duration::from_millis(200);
/// How long a node may take to end in order.
const STOP_LIMIT: Duration = Duration::from_secs(90);
/// A process looks at its clock's file once a second.
const STEP_SEEN: Duration = Duration::from_secs(10);

impl<'a> Node<'a> {
    /// A node, ready to answer.
    pub async fn start(
        number: usize,
        world: &'a World,
        timeline: &'a Timeline,
        link: Option<&Proxy>,
        clock: Option<Clock>,
    ) -> Self {
        let database_url = link.map(|link| link.url(&world.database().url().expect("PostgreSQL has one")));
        let (entrance, _) = watch::channel(None);
        let mut node = Self { number, world, timeline, database_url, clock, source: None, entrance, server: None };
        node.rise().await;
        node
    }

    pub fn api(&self) -> &Client {
        self.server().api()
    }

    /// From now on, senders find the way to this source.
    pub fn open(&mut self, source: &str) -> Entrance {
        self.source = Some(source.to_owned());
        self.entrance.send_replace(Some(self.server().ingest_url(source)));
        self.entrance.subscribe()
    }

    pub async fn suffer(&mut self, fault: NodeFault, lasts: Duration) {
        let from = Instant::now();
        match fault {
            NodeFault::Kill => {
                self.entrance.send_replace(None);
                let server = self.server.take().expect("it runs");
                let pid = server.pid();
                assert_sound(&server);
                server.kill();
                Clock::forget(pid);
                tokio::time::sleep(lasts).await;
                self.rise().await;
                self.timeline.note("kill", Reach::Died(self.number), from);
            }
            NodeFault::Restart => {
                self.entrance.send_replace(None);
                let server = self.server.take().expect("it runs");
                let pid = server.pid();
                assert_sound(&server);
                let status = server.terminate(STOP_LIMIT).await;
                assert!(status.success(), "a node that was asked to stop ended with {status}");
                Clock::forget(pid);
                self.timeline.note("restart", Reach::Stopped(self.number), from);
                tokio::time::sleep(lasts).await;
                self.rise().await;
            }
            NodeFault::Freeze => {
                self.server().signal("STOP");
                tokio::time::sleep(lasts).await;
                self.server().signal("CONT");
                self.timeline.note("freeze", Reach::Froze(self.number), from);
            }
            NodeFault::Clock(seconds) => {
                let Some(clock) = &self.clock else { return };
                clock.step(seconds);
                self.sees_the_step(seconds).await;
                tokio::time::sleep(lasts.saturating_sub(from.elapsed())).await;
                clock.step(0);
                let kind = if seconds > 0 { "clock_forward" } else { "clock_back" };
                self.timeline.note(kind, Reach::Nothing, from);
            }
        }
    }

    /// A harness whose faults do not happen would find nothing.
    async fn sees_the_step(&self, seconds: i64) {
        eventually(STEP_SEEN, "the clock of a node steps", async || {
            let refused = self.server().client_with("").get("/v1/sources").await;
            let off = time_of_request(refused.json()["request_id"].as_str()?)? - crate::world::signature::now();
            ((off - seconds).abs() <= 1).then_some(())
        })
        .await;
    }

    /// Starts it, again and again until its database lets it.
    async fn rise(&mut self) {
        let mut settings = Vec::new();
        if let Some(url) = &self.database_url {
            settings.push(("HOOKSTREAM_DATABASE_URL", url.clone()));
        }
        settings.extend(self.clock.iter().flat_map(Clock::settings));
        let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut said = String::new();
        let start = Instant::now();
        while start.elapsed() < RISE_LIMIT {
            match self.world.try_serve_with(&settings).await {
                Ok(server) => {
                    let url = self.source.as_ref().map(|source| server.ingest_url(source));
                    self.server = Some(server);
                    self.entrance.send_replace(url);
                    return;
                }
                Err(log) => said = log,
            }
            assert!(!said.contains(PANICKED), "node {} panicked as it started:\n{said}", self.number);
            tokio::time::sleep(RISE_PAUSE).await;
        }
        panic!("node {} did not come back within {RISE_LIMIT:?}; it said:\n{said}", self.number);
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("it runs but while it suffers")
    }

    /// Nothing in it has failed that must not fail, whatever happens around it.
    pub fn assert_sound(&self) {
        assert_sound(self.server());
    }
}

impl Drop for Node<'_> {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            let pid = server.pid();
            drop(server);
            Clock::forget(pid);
        }
    }
}

const PANICKED: &str = "panicked at";

fn assert_sound(server: &Server) {
    let log = server.log();
    assert!(!log.contains(PANICKED), "a node panicked:\n{log}");
}

/// When a request came by its server's clock, in seconds since 1970: its id begins with the milliseconds.
fn time_of_request(id: &str) -> Option<i64> {
    const DIGITS: usize = 12;
    let millis = i64::from_str_radix(id.strip_prefix("req_")?.get(..DIGITS)?, 16).ok()?;
    Some(millis / 1_000)
}
