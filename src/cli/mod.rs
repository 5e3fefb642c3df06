//! The command line: a file for each command.

mod api_keys;
mod apply;
mod bootstrap;
mod client;
mod completion;
mod doctor;
mod document;
mod events;
mod export;
mod failure;
mod listen;
mod login;
mod migrate;
mod output;
mod profile;
mod replay;
mod reset_password;
mod resources;
mod secrets;
mod serve;
mod yaml;

use std::path::{Path, PathBuf};

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
    /// Get a key for this machine, by a code that is confirmed in the dashboard
    Login(login::Login),
    /// Forget the key of this machine
    Logout(login::Logout),
    /// Show which server and project the key of this machine opens
    Whoami(login::Whoami),
    /// Forward events to a server of this machine as they come
    Listen(listen::Arguments),
    /// Sources: where events come in
    #[command(subcommand)]
    Sources(resources::Sources),
    /// Destinations: where events go
    #[command(subcommand)]
    Destinations(resources::Destinations),
    /// Connections: which events go where
    #[command(subcommand)]
    Connections(resources::Connections),
    /// Events: show, follow, send again
    #[command(subcommand)]
    Events(events::Events),
    /// Deliveries: show, try again, end
    #[command(subcommand)]
    Deliveries(events::Deliveries),
    /// Send stored events again
    Replay(replay::Arguments),
    /// API keys: show, make, replace, end
    #[command(subcommand)]
    ApiKeys(api_keys::ApiKeys),
    /// Write a project's sources, destinations and connections as YAML
    Export(export::Arguments),
    /// Make a project be what a YAML file says, after showing what that changes
    Apply(apply::Arguments),
    /// Look at what may stand between this machine and its server
    Doctor(doctor::Arguments),
    /// Print what a shell needs to complete commands
    Completion(completion::Arguments),
    /// See which secret keys are in use, or replace them
    #[command(subcommand)]
    Secrets(secrets::Command),
}

pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let command = match own_or_remote(arguments.command, arguments.config.as_deref()).await {
        Remote::Done(result) => return result,
        Remote::Own(command) => command,
    };
    let config = Config::load(arguments.config.as_deref())?;
    telemetry::init(&config.log)?;
    match command {
        Own::Serve => serve::run(&config).await,
        Own::Migrate => migrate::run(&config).await,
        Own::Bootstrap(arguments) => bootstrap::run(&config, arguments).await,
        Own::ResetPassword(arguments) => reset_password::run(&config, arguments).await,
        Own::Secrets(command) => secrets::run(&config, command).await,
    }
}

/// A command that works on a server's own settings and database.
enum Own {
    Serve,
    Migrate,
    Bootstrap(bootstrap::Arguments),
    ResetPassword(reset_password::Arguments),
    Secrets(secrets::Command),
}

enum Remote {
    Done(anyhow::Result<()>),
    Own(Own),
}

/// Runs what talks to a server over its API; that needs none of a server's settings.
async fn own_or_remote(command: Command, config: Option<&Path>) -> Remote {
    Remote::Done(match command {
        Command::Serve => return Remote::Own(Own::Serve),
        Command::Migrate => return Remote::Own(Own::Migrate),
        Command::Bootstrap(arguments) => return Remote::Own(Own::Bootstrap(arguments)),
        Command::ResetPassword(arguments) => return Remote::Own(Own::ResetPassword(arguments)),
        Command::Secrets(command) => return Remote::Own(Own::Secrets(command)),
        Command::Login(arguments) => login::login(&arguments).await,
        Command::Logout(arguments) => login::logout(&arguments),
        Command::Whoami(arguments) => login::whoami(&arguments).await,
        Command::Listen(arguments) => listen::run(&arguments).await,
        Command::Sources(command) => resources::sources(command).await,
        Command::Destinations(command) => resources::destinations(command).await,
        Command::Connections(command) => resources::connections(command).await,
        Command::Events(command) => events::events(command).await,
        Command::Deliveries(command) => events::deliveries(command).await,
        Command::Replay(arguments) => replay::run(&arguments).await,
        Command::ApiKeys(command) => api_keys::run(command).await,
        Command::Export(arguments) => export::run(arguments).await,
        Command::Apply(arguments) => apply::run(arguments).await,
        Command::Doctor(arguments) => doctor::run(&arguments, config).await,
        Command::Completion(arguments) => {
            completion::run(&arguments);
            Ok(())
        }
    })
}

/// Whether an error says that the server could not be reached, so that trying again may help.
fn is_unreachable(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Failure>().is_some_and(Failure::is_unreachable)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn no_two_arguments_have_one_name() {
        super::Arguments::command().debug_assert();
    }
}
