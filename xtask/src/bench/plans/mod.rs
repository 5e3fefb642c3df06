//! How the database goes about the statements that take most of its time, while the server works on a filled one.
//!
//! PostgreSQL tells by itself ([`postgres`]). SQLite is a part of the server, whose log has each statement and its time, and is
//! asked for the plans afterwards ([`sqlite`]).

mod postgres;
mod sqlite;

use std::{collections::HashMap, fs, io, path::Path};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{
    Bench, Database, backlog::Backlog, e2e::throughput, fill, growth::Stage, receiver::Receiver, report::Column,
    server::Installation,
};
use crate::postgres::{Cluster, Disk};

pub const COLUMNS: &[Column] = &[
    Column("database", "/database", 0),
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

pub fn measure(bench: &Bench<'_>, database: Database) -> Result<Vec<Value>> {
    let events = bench.options.events.unwrap_or(DEFAULT_EVENTS);
    let waiting = bench.options.waiting.unwrap_or(DEFAULT_WAITING).min(events);
    let cluster = match database {
        Database::Sqlite => None,
        Database::Postgres => Some(Cluster::start_with(Disk::Synced, postgres::SETTINGS)?),
    };
    let log_of_cluster = cluster.as_ref().map(Cluster::log);
    let installation = Installation::make(&bench.binary, cluster)?;
    let receiver = Receiver::start()?;
    let node = installation.start()?;
    let stage = Stage::set(&node, &receiver)?;
    node.stop()?;
    fill::fill(&installation, &stage.templates, events, waiting)?;
    let node = match database {
        Database::Sqlite => installation.start_logging(sqlite::LOGGED)?,
        Database::Postgres => installation.start()?,
    };
    let log = log_of_cluster.unwrap_or_else(|| node.log().to_owned());
    let hottest = |phase: &str, start: u64| {
        let log = tail(&log, start)?;
        let explained = match database {
            Database::Sqlite => sqlite::read(&log),
            Database::Postgres => postgres::read(&log),
        };
        hottest(database, phase, explained)
    };

    let mut start = fs::metadata(&log)?.len();
    throughput(bench, &installation, &[&node], stage.routed(), &receiver)?;
    let backlog = Backlog::of(&node, &receiver, stage.routed(), stage.destination())?;
    backlog.gather(BACKLOG)?;
    backlog.drain(BACKLOG)?;
    let mut rows = hottest("events come in and go out", start)?;
    start = fs::metadata(&log)?.len();
    stage.read_lists(&installation, &node)?;
    rows.extend(hottest("pages are read", start)?);
    for row in &mut rows {
        if database == Database::Sqlite {
            row["plan"] = sqlite::plan(&installation, row["statement"].as_str().unwrap_or_default())?.into();
        }
        let text = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
        println!(
            "\n### {}, {} while {}\n\n```sql\n{}\n```\n\n```\n{}\n```",
            text("database"),
            row["rank"],
            text("phase"),
            text("statement"),
            text("plan").trim_end()
        );
    }
    Ok(rows)
}

/// A statement that was carried out.
struct Explained {
    milliseconds: f64,
    statement: String,
    /// Empty where it is not known yet.
    plan: String,
}

fn hottest(database: Database, phase: &str, all: Vec<Explained>) -> Result<Vec<Value>> {
    let mut by_statement: HashMap<String, Vec<Explained>> = HashMap::new();
    for explained in all {
        by_statement.entry(explained.statement.clone()).or_default().push(explained);
    }
    let total_of = |all: &[Explained]| all.iter().map(|explained| explained.milliseconds).sum::<f64>();
    let total: f64 = by_statement.values().map(|all| total_of(all)).sum();
    let mut ranked: Vec<_> =
        by_statement.into_iter().map(|(statement, all)| (total_of(&all), statement, all)).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let rows = ranked.into_iter().take(HOTTEST).enumerate().map(|(index, (time, statement, mut all))| {
        all.sort_by(|a, b| a.milliseconds.total_cmp(&b.milliseconds));
        let sampled = u32::try_from(all.len())?;
        let usual = all.swap_remove(all.len() / 2);
        Ok(json!({
            "database": database.name(),
            "phase": phase,
            "rank": index + 1,
            "shown": format!("`{}`", statement.chars().take(SHOWN).collect::<String>().replace('|', "¦")),
            "statement": statement,
            "share": time / total,
            "sampled": sampled,
            "mean_ms": time / f64::from(sampled),
            "plan": usual.plan,
        }))
    });
    rows.collect()
}

fn tail(log: &Path, start: u64) -> Result<String> {
    use io::{Read as _, Seek as _};
    let mut file = fs::File::open(log)?;
    file.seek(io::SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).context("the log cannot be read")?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
