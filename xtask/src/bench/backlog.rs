//! Deliveries that have waited for a paused destination, once it is resumed: how fast they go out, and what other sources
//! notice of it.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::{
    Bench, Database,
    e2e::{DRAIN_LIMIT, check_arrived},
    load::{self, Request},
    receiver::Receiver,
    report::Column,
    server::{Installation, Node},
};

pub const COLUMNS: &[Column] = &[
    Column("database", "/database", 0),
    Column("waiting", "/waiting", 0),
    Column("`/healthz` /s", "/healthz/per_second", 0),
    Column("delivered /s", "/alone_per_second", 0),
    Column("ratio", "/ratio", 3),
    Column("acknowledged /s of another source before", "/before/per_second", 0),
    Column("meanwhile", "/meanwhile/per_second", 0),
    Column("ratio", "/ingest_ratio", 2),
    Column("delivered /s meanwhile", "/meanwhile_per_second", 0),
    Column("claims: deliveries each, ms each", "/claims", 1),
];

const DEFAULT_WAITING: u64 = 100_000;

/// What claims cost, PostgreSQL tells itself.
pub const STATEMENTS: &[&str] = &["shared_preload_libraries=pg_stat_statements"];

pub fn measure(bench: &Bench<'_>, database: Database) -> Result<Vec<Value>> {
    let waiting = bench.options.waiting.unwrap_or(DEFAULT_WAITING);
    let installation = bench.installation_with(database, STATEMENTS)?;
    let node = installation.start()?;
    let receiver = Receiver::start()?;
    let backlog = Backlog::make(&node, &receiver)?;
    let other = node.api().source("other")?;
    let other_url = node.url(&node.api().inlet(&other).path);
    let ingest = || load::run(std::slice::from_ref(&other_url), Request::Post(&installation.script()), bench.seconds());
    let healthz = bench.healthz(&node)?;
    let before = ingest()?;

    backlog.gather(waiting)?;
    forget_statements(&installation)?;
    let alone = backlog.drain(waiting)?;
    let claims = claims(&installation)?;

    backlog.gather(waiting)?;
    let (meanwhile, drained) = thread::scope(|scope| {
        let drained = scope.spawn(|| backlog.drain(waiting));
        (ingest(), drained.join())
    });
    let Ok(drained) = drained else { bail!("waiting for the backlog has panicked") };
    let (meanwhile, drained) = (meanwhile?, drained?);
    if before.refused + meanwhile.refused > 0 {
        bail!("events were not acknowledged{}", node.said());
    }
    node.api().check_stored(&other, before.acknowledged + meanwhile.acknowledged)?;
    let rate = |time: Duration| u32::try_from(waiting).map_or(f64::MAX, f64::from) / time.as_secs_f64();
    Ok(vec![json!({
        "waiting": waiting,
        "healthz": healthz.to_json(),
        "alone_per_second": rate(alone),
        "ratio": rate(alone) / healthz.per_second,
        "before": before.to_json(),
        "meanwhile": meanwhile.to_json(),
        "ingest_ratio": meanwhile.per_second / before.per_second,
        "meanwhile_per_second": rate(drained),
        // Otherwise the rate of the other source is partly one without a backlog.
        "backlog_outlasted_the_load": drained.as_secs_f64() >= f64::from(bench.seconds()),
        "claims": claims,
    })])
}

/// A source with one destination that can be paused.
pub struct Backlog<'a> {
    node: &'a Node,
    receiver: &'a Receiver,
    source: String,
    destination: String,
    /// Events up to this one are no part of it.
    after: Option<String>,
}

impl<'a> Backlog<'a> {
    /// On a new source and destination.
    pub fn make(node: &'a Node, receiver: &'a Receiver) -> Result<Self> {
        let (source, destination) = node.api().route("backlog", &receiver.url())?;
        Self::of(node, receiver, &source, &destination)
    }

    pub fn of(node: &'a Node, receiver: &'a Receiver, source: &str, destination: &str) -> Result<Self> {
        let after = node.api().newest_event()?;
        Ok(Self { node, receiver, source: source.to_owned(), destination: destination.to_owned(), after })
    }

    /// Takes in events whose deliveries wait.
    pub fn gather(&self, count: u64) -> Result<()> {
        self.node.api().pause(&self.destination)?;
        self.receiver.take();
        load::post_events(self.node.address(), &self.node.api().inlet(&self.source).path, count)
            .with_context(|| self.node.said())?;
        let early = self.receiver.take().len();
        if early > 0 {
            bail!("{early} deliveries went to a paused destination");
        }
        Ok(())
    }

    /// From the resumption until all of them are delivered and recorded.
    pub fn drain(&self, count: u64) -> Result<Duration> {
        let started = Instant::now();
        self.node.api().resume(&self.destination)?;
        self.node.api().wait_until_drained(self.after.as_deref(), DRAIN_LIMIT).with_context(|| self.node.said())?;
        let took = started.elapsed();
        check_arrived(&self.receiver.take(), count)?;
        Ok(took)
    }
}

fn forget_statements(installation: &Installation) -> Result<()> {
    if installation.is_postgres() {
        installation.sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements; SELECT pg_stat_statements_reset();")?;
    }
    Ok(())
}

/// Deliveries and milliseconds of each claim; `null` on SQLite, which counts nothing.
fn claims(installation: &Installation) -> Result<Value> {
    if !installation.is_postgres() {
        return Ok(Value::Null);
    }
    let said = installation.sql(
        "SELECT sum(rows)::float8 / sum(calls), sum(total_exec_time) / sum(calls) FROM pg_stat_statements \
         WHERE query ILIKE '%UPDATE deliveries%RETURNING%';",
    )?;
    let numbers = said.split('|').map(str::parse::<f64>).collect::<Result<Vec<_>, _>>();
    Ok(json!(numbers.context("no claim was counted")?))
}
