//! The command line: a file for each command.

mod bootstrap;
mod migrate;
mod secrets;
mod serve;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::{config::Config, telemetry};

/// A webhook gateway that you run yourself.
#[derive(Parser)]
#[command(name = "hookstream", version, about)]
pub struct Arguments {
    /// The configuration file [default: hookstream.toml here, where there is one]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server: the dashboard, ingest, the API, and the delivery workers
    Serve,
    /// Bring the database's schema up to date
    Migrate,
    /// Make the first user, organization, project and API key, and print them as JSON
    Bootstrap(bootstrap::Arguments),
    /// See which secret keys are in use, or replace them
    #[command(subcommand)]
    Secrets(secrets::Command),
}

pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let config = Config::load(arguments.config.as_deref())?;
    telemetry::init(&config.log)?;
    match arguments.command {
        Command::Serve => serve::run(&config).await,
        Command::Migrate => migrate::run(&config).await,
        Command::Bootstrap(arguments) => bootstrap::run(&config, arguments).await,
        Command::Secrets(command) => secrets::run(&config, command).await,
    }
}
