//! The command line: a file for each command.

mod apply;
mod bootstrap;
mod client;
mod export;
mod failure;
mod migrate;
mod reset_password;
mod secrets;
mod serve;
mod yaml;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub use self::failure::Failure;
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
    /// Print a link by which somebody chooses a new password
    ResetPassword(reset_password::Arguments),
    /// Write a project's sources, destinations and connections as YAML
    Export(export::Arguments),
    /// Make a project be what a YAML file says, after showing what that changes
    Apply(apply::Arguments),
    /// See which secret keys are in use, or replace them
    #[command(subcommand)]
    Secrets(secrets::Command),
}

pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    // What talks to a server needs none of a server's settings.
    let command = match arguments.command {
        Command::Export(arguments) => return export::run(arguments).await,
        Command::Apply(arguments) => return apply::run(arguments).await,
        own => own,
    };
    let config = Config::load(arguments.config.as_deref())?;
    telemetry::init(&config.log)?;
    match command {
        Command::Export(_) | Command::Apply(_) => Ok(()),
        Command::Serve => serve::run(&config).await,
        Command::Migrate => migrate::run(&config).await,
        Command::Bootstrap(arguments) => bootstrap::run(&config, arguments).await,
        Command::ResetPassword(arguments) => reset_password::run(&config, arguments).await,
        Command::Secrets(command) => secrets::run(&config, command).await,
    }
}
