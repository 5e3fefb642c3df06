//! Events to a source without connections: how many are acknowledged at most, how long an answer takes at half of that,
//! and the memory it takes.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::{
    Bench, Database,
    load::{self, Request},
    paced,
    report::Column,
    watch::{Watch, memory_mib},
};

pub const COLUMNS: &[Column] = &[
    Column("database", "/database", 0),
    Column("`/healthz` /s", "/healthz/per_second", 0),
    Column("acknowledged /s", "/peak/per_second", 0),
    Column("ratio", "/ratio", 3),
    Column("p50, p99 ms", "/peak_ms", 1),
    Column("at half of it: p50, p99 ms", "/half_ms", 1),
    Column("cores of the server, of PostgreSQL", "/cores", 2),
    Column("MiB idle, at peak, after", "/memory_mib", 0),
];

pub fn measure(bench: &Bench<'_>, database: Database) -> Result<Vec<Value>> {
    let installation = bench.installation(database)?;
    let node = installation.start()?;
    let source = node.api().source("bench")?;
    let inlet = node.api().inlet(&source);
    let idle_mib = memory_mib(node.process_id())?;
    let (healthz, (peak, used)) = bench.beside_healthz(&node, || {
        let watch = Watch::start(node.process_id(), installation.postmaster()?)?;
        let peak = load::run(&[node.url(&inlet.path)], Request::Post(&installation.script()), bench.seconds())?;
        Ok((peak, watch.finish()?))
    })?;
    if peak.refused > 0 {
        bail!("{} events were not acknowledged{}", peak.refused, node.said());
    }
    let rate = peak.per_second / 2.0;
    let half = paced::run(&[inlet], rate, Duration::from_secs(u64::from(bench.seconds())))?;
    if half.refused > 0 {
        bail!("{} events were not acknowledged at half of the peak{}", half.refused, node.said());
    }
    let after_mib = memory_mib(node.process_id())?;
    let acknowledged = peak.acknowledged + u64::try_from(half.samples.len())?;
    let stored = node.api().check_stored(&source, acknowledged)?;
    let latencies = half.latencies();
    Ok(vec![json!({
        "healthz": healthz.to_json(),
        "peak": peak.to_json(),
        "ratio": peak.per_second / healthz.per_second,
        "half": { "rate": rate, "latency": latencies.to_json() },
        "used_at_peak": used,
        "cores": [used["server_cores"], used["postgres_cores"]],
        "peak_ms": [peak.p50_ms, peak.p99_ms],
        "half_ms": [latencies.percentile(50), latencies.percentile(99)],
        "memory_mib": [idle_mib, used["peak_mib"], after_mib],
        "acknowledged": acknowledged,
        "stored": stored,
    })])
}
