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
mod retention;
mod rules;
mod server;
mod watch;

use std::path::PathBuf;

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
    /// How long answers take while old events are removed
    Retention,
    /// How the database goes about the statements that take most of its time
    Plans,
    /// Instructions of the hot pure parts, counted by valgrind
    Instructions,
    /// Filters and transforms, beside the reference implementation of JSONata on Node
    Rules,
}

/// On what to measure.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Databases {
    Sqlite,
    Postgres,
    Both,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Database {
    Sqlite,
    Postgres,
}

#[derive(Args)]
pub struct Options {
    #[arg(value_enum)]
    scenario: Scenario,
    /// On which database
    #[arg(long, value_enum, default_value_t = Databases::Both)]
    database: Databases,
    /// How long each measurement takes
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Measure this binary instead of building one
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Write everything that was measured into this file
    #[arg(long)]
    json: Option<PathBuf>,
    /// How many events the database is filled with [default: 5,000,000 for growth, 500,000 for retention, 200,000 for
    /// plans]
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
    let Some(measurement) = options.scenario.measurement() else {
        if options.scenario == Scenario::Rules {
            let rows = rules::measure(workspace, options.binary.as_deref(), options.seconds)?;
            return options.report(rules::COLUMNS, &rows);
        }
        let rows = instructions::measure(workspace, options.binary.as_deref())?;
        return options.report(instructions::COLUMNS, &rows);
    };
    let databases: Vec<_> =
        measurement.databases.iter().filter(|database| options.database.include(**database)).collect();
    if databases.is_empty() {
        bail!("this scenario is one of PostgreSQL");
    }
    load::require_wrk()?;
    let binary = match &options.binary {
        Some(binary) => std::path::absolute(binary)?,
        None => product::build(workspace, &Toolchain::choose(workspace)?, Mode::Release)?,
    };
    let bench = Bench { binary, options };
    let mut rows = Vec::new();
    for database in databases {
        let name = database.name();
        eprintln!("\n▸ Measure on {name}");
        for mut row in (measurement.measure)(&bench, *database)? {
            row["database"] = name.into();
            eprintln!("{row:#}");
            rows.push(row);
        }
    }
    options.report(measurement.columns, &rows)
}

/// How a scenario that needs a running server is measured.
struct Measurement {
    columns: &'static [Column],
    /// Returns the rows of one database.
    measure: fn(&Bench<'_>, Database) -> Result<Vec<Value>>,
    databases: &'static [Database],
}

impl Scenario {
    const fn measurement(self) -> Option<Measurement> {
        const BOTH: &[Database] = &[Database::Sqlite, Database::Postgres];
        const SHARED: &[Database] = &[Database::Postgres];
        Some(match self {
            Self::Ingest => Measurement { columns: ingest::COLUMNS, measure: ingest::measure, databases: BOTH },
            Self::E2e => Measurement { columns: e2e::COLUMNS, measure: e2e::measure, databases: BOTH },
            Self::Backlog => Measurement { columns: backlog::COLUMNS, measure: backlog::measure, databases: BOTH },
            Self::Isolation => {
                Measurement { columns: isolation::COLUMNS, measure: isolation::measure, databases: BOTH }
            }
            Self::Growth => Measurement { columns: growth::COLUMNS, measure: growth::measure, databases: BOTH },
            Self::Nodes => Measurement { columns: nodes::COLUMNS, measure: nodes::measure, databases: SHARED },
            Self::Memory => Measurement { columns: memory::COLUMNS, measure: memory::measure, databases: BOTH },
            Self::Retention => {
                Measurement { columns: retention::COLUMNS, measure: retention::measure, databases: BOTH }
            }
            Self::Plans => Measurement { columns: plans::COLUMNS, measure: plans::measure, databases: BOTH },
            Self::Instructions | Self::Rules => return None,
        })
    }
}

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

impl Databases {
    fn include(self, database: Database) -> bool {
        match self {
            Self::Sqlite => database == Database::Sqlite,
            Self::Postgres => database == Database::Postgres,
            Self::Both => true,
        }
    }
}

impl Database {
    const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
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
            Database::Postgres => {
                let cluster = Cluster::start_with(Disk::Synced, settings)?;
                cluster.use_log()?;
                Some(cluster)
            }
            Database::Sqlite => None,
        };
        Installation::make(&self.binary, cluster)
    }

    /// What the server answers when it has nothing to do for it.
    fn healthz(&self, node: &Node) -> Result<Load> {
        load::run(&[node.url("/healthz")], Request::Get, self.seconds())
    }

    /// The same before and after what is held against it, since a machine may change its pace meanwhile.
    fn beside_healthz<T>(&self, node: &Node, measure: impl FnOnce() -> Result<T>) -> Result<(Load, T)> {
        let before = self.healthz(node)?;
        let measured = measure()?;
        Ok((load::mean(before, self.healthz(node)?), measured))
    }
}
