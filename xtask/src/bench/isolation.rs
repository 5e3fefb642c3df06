//! A destination beside another one that takes connections and never answers, with many deliveries waiting for that: what
//! do those of the first one notice?

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::{
    Bench, Database,
    api::Api,
    e2e::{DRAIN_LIMIT, arrival_latencies},
    load,
    paced::{self, Latencies},
    receiver::{Manner, Receiver},
    report::Column,
    server::Node,
};

pub const COLUMNS: &[Column] = &[
    Column("database", "/database", 0),
    Column("the hanging destination is in", "/place", 0),
    Column("waiting for it", "/waiting", 0),
    Column("sent to arrived before: p50, p99 ms", "/before_ms", 1),
    Column("beside it", "/beside_ms", 1),
    Column("ratio of the p99", "/ratio", 2),
];

const DEFAULT_WAITING: u64 = 100_000;
/// Events a second to the destination that is measured.
const RATE: f64 = 200.0;
const HANG_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);
/// What the server still does after it has taken in the waiting ones is not what is asked about.
const CALM: Duration = Duration::from_secs(3);

#[derive(Clone, Copy)]
enum Place {
    SameProject,
    OtherProject,
}

pub fn measure(bench: &Bench<'_>, database: Database) -> Result<Vec<Value>> {
    [Place::SameProject, Place::OtherProject].into_iter().map(|place| measure_beside(bench, database, place)).collect()
}

fn measure_beside(bench: &Bench<'_>, database: Database, place: Place) -> Result<Value> {
    let waiting = bench.options.waiting.unwrap_or(DEFAULT_WAITING);
    let installation = bench.installation(database)?;
    let other_key = installation.another_project()?;
    let node = installation.start()?;
    let receiver = Receiver::start()?;
    let (source, _) = node.api().route("measured", &receiver.url())?;
    // The first requests open the connections.
    latencies(&node, &source, &receiver, 1)?;
    let before = latencies(&node, &source, &receiver, bench.seconds())?;

    let neighbour = match place {
        Place::SameProject => node.api().clone(),
        Place::OtherProject => node.api().with_key(&other_key),
    };
    let hanging = Receiver::start()?;
    hanging.answers(Manner::Hang);
    let hanging_source = hang(&node, &neighbour, &hanging, waiting)?;
    let beside = latencies(&node, &source, &receiver, bench.seconds())?;
    neighbour.check_stored(&hanging_source, waiting)?;
    Ok(json!({
        "place": match place {
            Place::SameProject => "the same project",
            Place::OtherProject => "another project",
        },
        "waiting": waiting,
        "sent_to_hanging": hanging.count(),
        "before": before.to_json(),
        "beside": beside.to_json(),
        "before_ms": [before.percentile(50), before.percentile(99)],
        "beside_ms": [beside.percentile(50), beside.percentile(99)],
        "ratio": beside.percentile(99) / before.percentile(99),
    }))
}

/// Lets so many deliveries wait for a destination that hangs; returns their source.
fn hang(node: &Node, api: &Api, receiver: &Receiver, waiting: u64) -> Result<String> {
    let (source, destination) = api.route("hanging", &receiver.url())?;
    api.pause(&destination)?;
    load::post_events(node.address(), &api.inlet(&source).path, waiting)?;
    api.resume(&destination)?;
    let started = Instant::now();
    while receiver.count() == 0 {
        if started.elapsed() > HANG_LIMIT {
            bail!("nothing was sent to the destination that hangs{}", node.said());
        }
        thread::sleep(POLL);
    }
    thread::sleep(CALM);
    Ok(source)
}

/// From the time at which events were meant to be sent until they arrived.
fn latencies(node: &Node, source: &str, receiver: &Receiver, seconds: u32) -> Result<Latencies> {
    receiver.take();
    let sent = paced::run(&[node.api().inlet(source)], RATE, Duration::from_secs(u64::from(seconds)))?;
    if sent.refused > 0 {
        bail!("{} events were not acknowledged{}", sent.refused, node.said());
    }
    let started = Instant::now();
    while receiver.count() < sent.samples.len() {
        if started.elapsed() > DRAIN_LIMIT {
            bail!("{} of {} events have arrived{}", receiver.count(), sent.samples.len(), node.said());
        }
        thread::sleep(POLL);
    }
    arrival_latencies(&sent.samples, &receiver.take(), |sample| sample.intended)
}
