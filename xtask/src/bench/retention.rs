//! What senders notice while old events are removed.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::{
    Bench, Database, fill,
    growth::Stage,
    load::{self, Request},
    paced::{self, Latencies},
    receiver::Receiver,
    report::Column,
    server::{Installation, Node},
};

pub const COLUMNS: &[Column] = &[
    Column("database", "/database", 0),
    Column("events", "/events", 0),
    Column("acknowledged /s", "/rate", 0),
    Column("before: p50, p99 ms", "/before_ms", 1),
    Column("while events are removed", "/while_ms", 1),
    Column("ratio of the p99", "/ratio", 2),
    Column("removed /s", "/removed_per_second", 0),
];

const DEFAULT_EVENTS: u64 = 500_000;
/// What is filled in is as if received over five days.
const KEPT_DAYS: u32 = 1;
/// Retention has its turn every minute.
const START_LIMIT: Duration = Duration::from_mins(3);
const POLL: Duration = Duration::from_millis(500);

pub fn measure(bench: &Bench<'_>, database: Database) -> Result<Vec<Value>> {
    let events = bench.options.events.unwrap_or(DEFAULT_EVENTS);
    let installation = bench.installation(database)?;
    let receiver = Receiver::start()?;
    let node = installation.start()?;
    let stage = Stage::set(&node, &receiver)?;
    node.stop()?;
    fill::fill(&installation, &stage.templates, events, 0)?;
    let node = installation.start()?;
    let source = node.api().source("measured")?;
    let url = node.url(&node.api().inlet(&source).path);
    let peak = load::run(&[url], Request::Post(&installation.script()), bench.seconds())?;
    let rate = peak.per_second / 2.0;
    let (before, mut acknowledged) = latencies(bench, &node, &source, rate)?;

    keep_less(&installation, &node)?;
    let counted = Instant::now();
    let old = count_old(&installation, &source)?;
    let (during, more) = latencies(bench, &node, &source, rate)?;
    let removed = old.saturating_sub(count_old(&installation, &source)?);
    let seconds = counted.elapsed().as_secs_f64();
    if removed == 0 {
        bail!("nothing was removed while it was measured{}", node.said());
    }
    acknowledged += more + peak.acknowledged;
    node.api().check_stored(&source, acknowledged)?;
    Ok(vec![json!({
        "events": events,
        "rate": rate,
        "before": before.to_json(),
        "while": during.to_json(),
        "before_ms": [before.percentile(50), before.percentile(99)],
        "while_ms": [during.percentile(50), during.percentile(99)],
        "ratio": during.percentile(99) / before.percentile(99),
        "removed": removed,
        "removed_per_second": u32::try_from(removed).map_or(f64::MAX, f64::from) / seconds,
        "acknowledged": acknowledged,
    })])
}

fn latencies(bench: &Bench<'_>, node: &Node, source: &str, rate: f64) -> Result<(Latencies, u64)> {
    let duration = Duration::from_secs(u64::from(bench.seconds()));
    let sent = paced::run(&[node.api().inlet(source)], rate, duration)?;
    if sent.refused > 0 {
        bail!("{} events were not acknowledged{}", sent.refused, node.said());
    }
    Ok((sent.latencies(), u64::try_from(sent.samples.len())?))
}

/// Lets the project keep its events for a shorter time, and waits until the first of them are removed.
fn keep_less(installation: &Installation, node: &Node) -> Result<()> {
    // Those that still have a delivery to make stay.
    const OLDEST: &str = "SELECT received_at FROM events WHERE open_count = 0 ORDER BY env_id, id LIMIT 1;";
    let projects = node.api().get("/v1/environments")?;
    let project = projects["data"][0]["id"].as_str().context("there is no project")?;
    let oldest = installation.sql(OLDEST)?;
    node.api()
        .patch(&format!("/v1/environments/{project}"), &json!({ "retention_days": KEPT_DAYS }))
        .context("a project cannot be told for how long to keep its events")?;
    let started = Instant::now();
    while installation.sql(OLDEST)? == oldest {
        if started.elapsed() > START_LIMIT {
            bail!("no event was removed{}", node.said());
        }
        thread::sleep(POLL);
    }
    Ok(())
}

/// All events but those that come in meanwhile.
fn count_old(installation: &Installation, source: &str) -> Result<u64> {
    let hex = source.trim_start_matches("src_");
    let literal = if installation.is_postgres() { format!("'{hex}'::uuid") } else { format!("x'{hex}'") };
    Ok(installation.sql(&format!("SELECT count(*) FROM events WHERE source_id <> {literal};"))?.parse()?)
}
