//! Events to a source with one destination: how many are accepted, delivered and recorded, and, when there is nothing
//! else to do, how soon after the answer to its sender an event is with its receiver.

use std::{
    collections::{HashMap, HashSet},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::{
    Bench, Database,
    load::{self, Load, Request},
    paced::{self, Latencies, Sample},
    receiver::{Arrival, Receiver},
    report::Column,
    server::{Installation, Node},
    watch::{Watch, memory_mib},
};

pub const COLUMNS: &[Column] = &[
    Column("database", "/database", 0),
    Column("`/healthz` /s", "/healthz/per_second", 0),
    Column("acknowledged /s meanwhile", "/peak/per_second", 0),
    Column("delivered and recorded /s", "/through/per_second", 0),
    Column("ratio", "/ratio", 3),
    Column("cores of the server, of PostgreSQL", "/cores", 2),
    Column("idle, from the answer to the arrival: p50, p99 ms", "/idle_ms", 1),
    Column("MiB idle, at peak, after", "/memory_mib", 0),
];

/// How long what was accepted may take to be delivered after the load.
pub const DRAIN_LIMIT: Duration = Duration::from_mins(10);
/// Single events, and how many a second: far enough apart that none meets another.
const SINGLE_EVENTS: u32 = 200;
const SINGLE_RATE: f64 = 20.0;
/// What the server still does after a load, such as folding logs, is no part of being idle.
const CALM: Duration = Duration::from_secs(3);

pub fn measure(bench: &Bench<'_>, database: Database) -> Result<Vec<Value>> {
    let installation = bench.installation(database)?;
    let node = installation.start()?;
    let receiver = Receiver::start()?;
    let (source, _) = node.api().route("bench", &receiver.url())?;
    let idle_mib = memory_mib(node.process_id())?;
    let (healthz, (peak, through, used)) = bench.beside_healthz(&node, || {
        let watch = Watch::start(node.process_id(), installation.postmaster()?)?;
        let (peak, through) = throughput(bench, &installation, &[&node], &source, &receiver)?;
        Ok((peak, through, watch.finish()?))
    })?;
    let after_mib = memory_mib(node.process_id())?;
    let idle = idle_latencies(&node, &source, &receiver)?;
    Ok(vec![json!({
        "healthz": healthz.to_json(),
        "peak": peak.to_json(),
        "through": through.to_json(),
        "ratio": through.per_second() / healthz.per_second,
        "used": used,
        "cores": [used["server_cores"], used["postgres_cores"]],
        "idle": idle.to_json(),
        "idle_ms": [idle.percentile(50), idle.percentile(99)],
        "memory_mib": [idle_mib, used["peak_mib"], after_mib],
    })])
}

/// What came through from the first request until the last delivery was recorded.
pub struct Through {
    pub delivered: u64,
    pub seconds: f64,
    /// Deliveries that arrived more than once.
    pub repeats: u64,
}

impl Through {
    pub fn per_second(&self) -> f64 {
        u32::try_from(self.delivered).map_or(f64::MAX, f64::from) / self.seconds
    }

    pub fn to_json(&self) -> Value {
        json!({
            "delivered": self.delivered,
            "seconds": self.seconds,
            "per_second": self.per_second(),
            "repeats": self.repeats,
        })
    }
}

/// Loads the source through all nodes, and waits until everything is delivered. What is not fails it.
pub fn throughput(
    bench: &Bench<'_>,
    installation: &Installation,
    nodes: &[&Node],
    source: &str,
    receiver: &Receiver,
) -> Result<(Load, Through)> {
    let first = nodes.first().context("there is no node")?;
    let stored_before = first.api().stored(source)?;
    let newest_before = first.api().newest_event()?;
    receiver.take();
    let urls: Vec<_> = nodes.iter().map(|node| node.url(&node.api().inlet(source).path)).collect();
    let started = Instant::now();
    let peak = load::run(&urls, Request::Post(&installation.script()), bench.seconds())?;
    if peak.refused > 0 {
        bail!("{} events were not acknowledged{}", peak.refused, first.said());
    }
    first.api().wait_until_drained(newest_before.as_deref(), DRAIN_LIMIT).with_context(|| first.said())?;
    let seconds = started.elapsed().as_secs_f64();
    let stored = first.api().check_stored(source, stored_before + peak.acknowledged)? - stored_before;
    let (delivered, repeats) = check_arrived(&receiver.take(), stored)?;
    Ok((peak, Through { delivered, seconds, repeats }))
}

/// How many different deliveries have arrived, and how many of them again. Fewer than are stored is an error.
pub fn check_arrived(arrivals: &[Arrival], stored: u64) -> Result<(u64, u64)> {
    let different: HashSet<u128> = arrivals.iter().map(|arrival| arrival.delivery).collect();
    let arrived = u64::try_from(different.len())?;
    if arrived < stored {
        bail!("{stored} events are stored and delivered, it is said, but only {arrived} have arrived");
    }
    Ok((arrived, u64::try_from(arrivals.len())? - arrived))
}

fn idle_latencies(node: &Node, source: &str, receiver: &Receiver) -> Result<Latencies> {
    thread::sleep(CALM);
    receiver.take();
    let newest = node.api().newest_event()?;
    let duration = Duration::from_secs_f64(f64::from(SINGLE_EVENTS) / SINGLE_RATE);
    let sent = paced::run(&[node.api().inlet(source)], SINGLE_RATE, duration)?;
    if sent.refused > 0 {
        bail!("{} single events were not acknowledged{}", sent.refused, node.said());
    }
    node.api().wait_until_drained(newest.as_deref(), DRAIN_LIMIT)?;
    arrival_latencies(&sent.samples, &receiver.take(), |sample| sample.answered)
}

/// How long after `from` each event arrived; one that did not is an error. What arrives before counts as 0.
pub fn arrival_latencies(
    samples: &[Sample],
    arrivals: &[Arrival],
    from: impl Fn(&Sample) -> Instant,
) -> Result<Latencies> {
    let mut first: HashMap<u128, Instant> = HashMap::with_capacity(arrivals.len());
    for arrival in arrivals {
        let at = first.entry(arrival.event).or_insert(arrival.at);
        *at = arrival.at.min(*at);
    }
    let latency = |sample: &Sample| {
        let arrived = first.get(&sample.event).context("an acknowledged event has not arrived")?;
        Ok(arrived.saturating_duration_since(from(sample)))
    };
    samples.iter().map(latency).collect()
}
