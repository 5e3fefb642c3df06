//! Several processes on one PostgreSQL: what they do together, and what one that is killed leaves to the others.

use std::{
    collections::HashSet,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::{
    Bench, Database,
    e2e::{DRAIN_LIMIT, check_arrived, throughput},
    load::{self, Request},
    paced::{self, Paced},
    receiver::Receiver,
    report::Column,
    server::{Installation, Node},
};

pub const COLUMNS: &[Column] = &[
    Column("processes", "/processes", 0),
    Column("`/healthz` /s of one", "/healthz/per_second", 0),
    Column("acknowledged /s", "/peak/per_second", 0),
    Column("ratio", "/ratio", 3),
    Column("delivered and recorded /s", "/through/per_second", 0),
    Column("ratio", "/e2e_ratio", 3),
    Column("one killed: its leases", "/killed/leases", 0),
    Column("taken over after s", "/killed/taken_over_seconds", 1),
    Column("all delivered after s", "/killed/delivered_seconds", 1),
    Column("acknowledged, lost, repeated", "/killed/counts", 0),
];

const MOST: usize = 3;
/// Events a second to all processes while one of them is killed.
const RATE: f64 = 500.0;
/// Receivers take so long, so that a killed process always leaves something that it had begun.
const RECEIVER_DELAY: Duration = Duration::from_millis(100);
const TAKE_OVER_LIMIT: Duration = Duration::from_mins(1);
/// Another process hears of a new source within a second.
const NEWS: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(100);

pub fn measure(bench: &Bench<'_>, _: Database) -> Result<Vec<Value>> {
    (1..=MOST).map(|count| measure_together(bench, count)).collect()
}

fn measure_together(bench: &Bench<'_>, count: usize) -> Result<Value> {
    let installation = bench.installation(Database::Postgres)?;
    let mut nodes = (0..count).map(|_| installation.start()).collect::<Result<Vec<_>>>()?;
    let receiver = Receiver::start()?;
    let first = nodes.first().context("there is no process")?;
    let healthz = bench.healthz(first)?;
    let taken = first.api().source("taken")?;
    let (routed, _) = first.api().route("routed", &receiver.url())?;
    thread::sleep(NEWS);
    let all: Vec<_> = nodes.iter().collect();
    let urls: Vec<_> = nodes.iter().map(|node| node.url(&node.api().inlet(&taken).path)).collect();
    let peak = load::run(&urls, Request::Post(&installation.script()), bench.seconds())?;
    if peak.refused > 0 {
        bail!("{} events were not acknowledged{}", peak.refused, first.said());
    }
    first.api().check_stored(&taken, peak.acknowledged)?;
    let (with_deliveries, through) = throughput(bench, &installation, &all, &routed, &receiver)?;
    if through.repeats > 0 {
        bail!("{} deliveries were made again although no process had died", through.repeats);
    }
    drop(all);
    let killed = match nodes.pop() {
        Some(last) if !nodes.is_empty() => kill(bench, &installation, &nodes, last, &routed, &receiver)?,
        _ => Value::Null,
    };
    Ok(json!({
        "processes": count,
        "healthz": healthz.to_json(),
        "peak": peak.to_json(),
        "ratio": peak.per_second / healthz.per_second,
        "with_deliveries": with_deliveries.to_json(),
        "through": through.to_json(),
        "e2e_ratio": through.per_second() / healthz.per_second,
        "killed": killed,
    }))
}

/// Kills the process that was started last in the middle of a load on all of them.
fn kill(
    bench: &Bench<'_>,
    installation: &Installation,
    survivors: &[Node],
    last: Node,
    source: &str,
    receiver: &Receiver,
) -> Result<Value> {
    let first = survivors.first().context("nobody survives")?;
    let newest = first.api().newest_event()?;
    let stored_before = first.api().stored(source)?;
    let owner = installation.sql("SELECT id FROM nodes ORDER BY started_at DESC LIMIT 1;")?;
    let leases = || -> Result<u64> {
        Ok(installation.sql(&format!("SELECT count(*) FROM deliveries WHERE lease_owner = {owner};"))?.parse()?)
    };
    receiver.take();
    receiver.answers_after(RECEIVER_DELAY);
    let inlets: Vec<_> = survivors.iter().chain([&last]).map(|node| node.api().inlet(source)).collect();
    let half = Duration::from_secs(u64::from(bench.seconds())) / 2;
    let (sent, killed_at, left, taken_over) = thread::scope(|scope| {
        let sender = scope.spawn(|| paced::run(&inlets, RATE, half * 2));
        thread::sleep(half);
        let killed_at = Instant::now();
        drop(last);
        let left = leases()?;
        while leases()? > 0 {
            if killed_at.elapsed() > TAKE_OVER_LIMIT {
                bail!("nobody took over what the killed process had leased");
            }
            thread::sleep(POLL);
        }
        let taken_over = killed_at.elapsed();
        let Ok(sent) = sender.join() else { bail!("the load has panicked") };
        Ok((sent?, killed_at, left, taken_over))
    })?;
    first.api().wait_until_drained(newest.as_deref(), DRAIN_LIMIT).with_context(|| first.said())?;
    let drained = killed_at.elapsed();
    receiver.answers_after(Duration::ZERO);
    let acknowledged = u64::try_from(sent.samples.len())?;
    let stored = first.api().check_stored(source, stored_before + acknowledged)? - stored_before;
    let arrivals = receiver.take();
    let (_, repeats) = check_arrived(&arrivals, stored)?;
    let arrived: HashSet<u128> = arrivals.iter().map(|arrival| arrival.event).collect();
    let lost = lost(&sent, &arrived);
    if lost > 0 {
        bail!("{lost} acknowledged events have not arrived");
    }
    Ok(json!({
        "rate": RATE,
        "leases": left,
        "taken_over_seconds": taken_over.as_secs_f64(),
        // Also of what was still sent after the kill.
        "delivered_seconds": drained.as_secs_f64(),
        "not_acknowledged": sent.refused,
        "counts": [acknowledged, lost, repeats],
    }))
}

fn lost(sent: &Paced, arrived: &HashSet<u128>) -> usize {
    sent.samples.iter().filter(|sample| !arrived.contains(&sample.event)).count()
}
