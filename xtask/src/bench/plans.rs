//! How PostgreSQL goes about the statements that take most of its time, told by itself (`auto_explain`) while the server
//! works on a filled database.

use std::{collections::HashMap, fs, io, path::Path};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{
    Bench, Database, backlog::Backlog, e2e::throughput, fill, growth::Stage, receiver::Receiver, report::Column,
    server::Installation,
};
use crate::postgres::{Cluster, Disk};

pub const COLUMNS: &[Column] = &[
    Column("while", "/phase", 0),
    Column("", "/rank", 0),
    Column("statement", "/shown", 0),
    Column("share of the time", "/share", 2),
    Column("looked at", "/sampled", 0),
    Column("ms each", "/mean_ms", 3),
];

const DEFAULT_EVENTS: u64 = 200_000;
const DEFAULT_WAITING: u64 = 50_000;
const BACKLOG: u64 = 20_000;
const HOTTEST: usize = 10;
/// Characters of a statement in the table; the plans have all of it.
const SHOWN: usize = 90;
/// One of so many statements is looked at, so that looking changes little.
const SETTINGS: &[&str] = &[
    "session_preload_libraries=auto_explain",
    "auto_explain.log_min_duration=0",
    "auto_explain.sample_rate=0.1",
    "auto_explain.log_analyze=on",
    "auto_explain.log_buffers=on",
];

pub fn measure(bench: &Bench<'_>, _: Database) -> Result<Vec<Value>> {
    let events = bench.options.events.unwrap_or(DEFAULT_EVENTS);
    let waiting = bench.options.waiting.unwrap_or(DEFAULT_WAITING).min(events);
    let cluster = Cluster::start_with(Disk::Synced, SETTINGS)?;
    let log = cluster.log();
    let installation = Installation::make(&bench.binary, Some(cluster))?;
    let receiver = Receiver::start()?;
    let node = installation.start()?;
    let stage = Stage::set(&node, &receiver)?;
    node.stop()?;
    fill::fill(&installation, &stage.templates, events, waiting)?;
    let node = installation.start()?;

    let mut start = fs::metadata(&log)?.len();
    throughput(bench, &installation, &[&node], stage.routed(), &receiver)?;
    let backlog = Backlog::of(&node, &receiver, stage.routed(), stage.destination())?;
    backlog.gather(BACKLOG)?;
    backlog.drain(BACKLOG)?;
    let mut rows = hottest("events come in and go out", &log, start)?;
    start = fs::metadata(&log)?.len();
    stage.read_lists(&installation, &node)?;
    rows.extend(hottest("pages are read", &log, start)?);
    for row in &rows {
        let text = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
        println!("\n{}. {}, while {}\n\n```\n{}\n```", row["rank"], text("shown"), text("phase"), text("plan"));
    }
    Ok(rows)
}

/// A statement with a plan that was carried out.
struct Explained {
    milliseconds: f64,
    statement: String,
    plan: String,
}

fn hottest(phase: &str, log: &Path, start: u64) -> Result<Vec<Value>> {
    let mut by_statement: HashMap<String, Vec<Explained>> = HashMap::new();
    for explained in read(&tail(log, start)?) {
        by_statement.entry(explained.statement.clone()).or_default().push(explained);
    }
    let total_of = |all: &[Explained]| all.iter().map(|explained| explained.milliseconds).sum::<f64>();
    let total: f64 = by_statement.values().map(|all| total_of(all)).sum();
    let mut ranked: Vec<_> =
        by_statement.into_iter().map(|(statement, all)| (total_of(&all), statement, all)).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let rows = ranked.into_iter().take(HOTTEST).enumerate().map(|(index, (time, statement, mut all))| {
        all.sort_by(|a, b| a.milliseconds.total_cmp(&b.milliseconds));
        let sampled = u32::try_from(all.len()).unwrap_or(u32::MAX);
        let usual = all.swap_remove(all.len() / 2);
        json!({
            "phase": phase,
            "rank": index + 1,
            "shown": format!("`{}`", statement.chars().take(SHOWN).collect::<String>().replace('|', "¦")),
            "statement": statement,
            "share": time / total,
            "sampled": sampled,
            "mean_ms": time / f64::from(sampled),
            "plan": usual.plan,
        })
    });
    Ok(rows.collect())
}

fn tail(log: &Path, start: u64) -> Result<String> {
    use io::{Read as _, Seek as _};
    let mut file = fs::File::open(log)?;
    file.seek(io::SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).context("PostgreSQL's log cannot be read")?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// An entry is a line with the duration, and then, indented by a tab, the statement and its plan.
fn read(log: &str) -> Vec<Explained> {
    const STATEMENT: &str = "Query Text: ";
    let mut found: Vec<Explained> = Vec::new();
    let mut is_open = false;
    for line in log.lines() {
        if let Some(indented) = line.strip_prefix('\t') {
            let Some(last) = found.last_mut().filter(|_| is_open) else { continue };
            match indented.strip_prefix(STATEMENT) {
                Some(statement) => statement.clone_into(&mut last.statement),
                None => last.plan.extend([indented, "\n"]),
            }
            continue;
        }
        let duration = line.strip_suffix(" ms  plan:").and_then(|line| line.rsplit_once("duration: "));
        let milliseconds = duration.and_then(|(_, number)| number.parse().ok());
        is_open = milliseconds.is_some();
        found.extend(milliseconds.map(|milliseconds| Explained {
            milliseconds,
            statement: String::new(),
            plan: String::new(),
        }));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_the_log_are_told_apart() {
        let log = "2026-01-01 00:00:00.000 UTC [1] LOG:  duration: 0.250 ms  plan:\n\tQuery Text: SELECT 1\n\tResult\n\t  \
            Buffers: shared hit=1\n2026-01-01 00:00:00.000 UTC [1] LOG:  checkpoint starting: time\n\tnot of a plan\n\
            2026-01-01 00:00:00.000 UTC [2] LOG:  duration: 1.500 ms  plan:\n\tQuery Text: SELECT 2\n\tResult\n";
        let found = read(log);
        let seen: Vec<_> = found.iter().map(|one| (one.statement.as_str(), one.plan.as_str())).collect();
        assert_eq!(seen, [("SELECT 1", "Result\n  Buffers: shared hit=1\n"), ("SELECT 2", "Result\n")]);
        assert!((found[1].milliseconds - 1.5).abs() < 1e-9);
    }
}
