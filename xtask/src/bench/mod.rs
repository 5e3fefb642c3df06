//! Measurements of the release build. Machines are noisy, so each figure stands beside what the same server does with
//! `/healthz` in the same run, and what counts is the ratio.
//!
//! [`server`] makes an empty database and starts processes on it, [`api`] sets them up. Three things make load: [`load`]
//! goes as fast as it is answered, [`paced`] keeps to a rate, [`fill`] writes rows straight into the database. Deliveries
//! go to the [`receiver`], which notes each. A scenario is a file; it returns rows, and its columns say what of them is in
//! the table. Every scenario ends by looking whether all that was acknowledged is stored and delivered, and fails if not.

mod api;
mod backlog;
mod connection;
mod e2e;
mod fill;
mod growth;
mod ingest;
mod instructions;
mod isolation;
mod load;
mod memory;
mod nodes;
mod paced;
mod plans;
mod receiver;
mod report;
mod server;
mod watch;

use std::{path::PathBuf, sync::Arc};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use self::{
    load::{Load, Request},
    report::Column,
    server::{Installation, Node},
};
use crate::{
    postgres::{Cluster, Disk},
    server as product,
    site::Mode,
    toolchain::Toolchain,
    workspace::Workspace,
};

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Requests to a source without connections, each acknowledged only when it is on disk
    Ingest,
    /// The same with one destination that answers at once: accepted, delivered and recorded
    E2e,
    /// Deliveries that have waited for a paused destination, once it is resumed
    Backlog,
    /// A destination beside another one that hangs, with many deliveries waiting for that
    Isolation,
    /// A database with many events and waiting deliveries beside an empty one
    Growth,
    /// One, two and three processes on one PostgreSQL, and what a killed one leaves behind
    Nodes,
    /// Memory under load for a long time
    Memory,
    /// How PostgreSQL goes about the statements that take most of its time
    Plans,
    /// Instructions of the hot pure parts, counted by valgrind
    Instructions,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Database {
    Sqlite,
    Postgres,
    Both,
}

#[derive(Args)]
pub struct Options {
    #[arg(value_enum)]
    scenario: Scenario,
    /// On which database
    #[arg(long, value_enum, default_value_t = Database::Both)]
    database: Database,
    /// How long each measurement takes
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Measure this binary instead of building one
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Write everything that was measured into this file
    #[arg(long)]
    json: Option<PathBuf>,
    /// How many events the database is filled with [default: 5,000,000 for growth, 200,000 for plans]
    #[arg(long)]
    events: Option<u64>,
    /// How many deliveries wait [default: 1,000,000 for growth, 100,000 for backlog and isolation, 50,000 for plans]
    #[arg(long)]
    waiting: Option<u64>,
    /// How long `memory` goes on
    #[arg(long, default_value_t = 10)]
    minutes: u32,
}

pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if options.scenario == Scenario::Instructions {
        let rows = instructions::measure(workspace, options.binary.as_deref())?;
        return options.report(instructions::COLUMNS, &rows);
    }
    load::require_wrk()?;
    let binary = match &options.binary {
        Some(binary) => std::path::absolute(binary)?,
        None => product::build(workspace, &Toolchain::choose(workspace)?, Mode::Release)?,
    };
    let bench = Bench { binary, options };
    let (columns, measure, databases): (_, Measure, _) = match options.scenario {
        Scenario::Ingest => (ingest::COLUMNS, ingest::measure, BOTH),
        Scenario::E2e => (e2e::COLUMNS, e2e::measure, BOTH),
        Scenario::Backlog => (backlog::COLUMNS, backlog::measure, BOTH),
        Scenario::Isolation => (isolation::COLUMNS, isolation::measure, BOTH),
        Scenario::Growth => (growth::COLUMNS, growth::measure, BOTH),
        Scenario::Memory => (memory::COLUMNS, memory::measure, BOTH),
        Scenario::Nodes => (nodes::COLUMNS, nodes::measure, SHARED),
        Scenario::Plans => (plans::COLUMNS, plans::measure, SHARED),
        Scenario::Instructions => return Ok(()),
    };
    let chosen: Vec<_> =
        databases.iter().filter(|database| [**database, Database::Both].contains(&options.database)).collect();
    if chosen.is_empty() {
        bail!("this scenario is one of PostgreSQL");
    }
    let mut rows = Vec::new();
    for database in chosen {
        let name = database.name();
        eprintln!("\n▸ Measure on {name}");
        for mut row in measure(&bench, *database)? {
            row["database"] = name.into();
            eprintln!("{row:#}");
            rows.push(row);
        }
    }
    options.report(columns, &rows)
}

/// Measures on one database, and returns the rows.
type Measure = fn(&Bench<'_>, Database) -> Result<Vec<Value>>;

const BOTH: &[Database] = &[Database::Sqlite, Database::Postgres];
const SHARED: &[Database] = &[Database::Postgres];

impl Options {
    fn report(&self, columns: &[Column], rows: &[Value]) -> Result<()> {
        report::print_table(columns, rows);
        let Some(file) = &self.json else { return Ok(()) };
        let name = self.scenario.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let given = json!({
            "seconds": self.seconds, "events": self.events, "waiting": self.waiting, "minutes": self.minutes,
        });
        report::write_json(file, &name, &given, rows)
    }
}

impl Database {
    const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::Both => "both",
        }
    }
}

/// What scenarios are given.
struct Bench<'a> {
    binary: PathBuf,
    options: &'a Options,
}

impl Bench<'_> {
    fn seconds(&self) -> u32 {
        self.options.seconds
    }

    /// An installation on an empty database; PostgreSQL is started for it, with the default durability.
    fn installation(&self, database: Database) -> Result<Installation> {
        self.installation_with(database, &[])
    }

    /// With settings of PostgreSQL beside the default ones.
    fn installation_with(&self, database: Database, settings: &[&str]) -> Result<Installation> {
        let cluster = match database {
            Database::Postgres => Some((Arc::new(Cluster::start_with(Disk::Synced, settings)?), "bench")),
            Database::Sqlite | Database::Both => None,
        };
        Installation::make(&self.binary, cluster)
    }

    /// What the server answers when it has nothing to do for it.
    fn healthz(&self, node: &Node) -> Result<Load> {
        load::run(&[node.url("/healthz")], Request::Get, self.seconds())
    }
}
