//! The build and the checks of hookstream, run as `cargo xtask <command>`.
//!
//! Every command goes the same way: [`toolchain`] decides which Rust toolchain this machine uses for
//! both halves of the product, [`site`] makes what the browser loads (WebAssembly, bindings, styles,
//! public files) and then [`server`] builds or starts the process that embeds it. [`lint`] and
//! [`test`] are what a change must pass.

mod bench;
mod command;
mod lint;
mod node;
mod packages;
mod postgres;
mod server;
mod site;
mod step;
mod test;
mod toolchain;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::{site::Mode, test::Selection, toolchain::Toolchain, workspace::Workspace};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, runs and checks hookstream")]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Find or install a Rust toolchain that compiles for the browser, and say which
    Toolchain,
    /// Build what the browser loads into target/site
    Site {
        /// Optimise for size and compress at the highest level
        #[arg(long)]
        release: bool,
    },
    /// Build the server with the site inside
    Build {
        /// Build what is shipped: optimised, with the site embedded in the binary
        #[arg(long)]
        release: bool,
    },
    /// Build the server and start it; arguments after `--` go to `hookstream serve`
    Run {
        /// Use the development profile: quicker to build, slower to run
        #[arg(long)]
        dev: bool,
        #[arg(last = true)]
        serve: Vec<String>,
    },
    /// Check formatting, run clippy on both halves, check the types of the browser journeys
    Lint,
    /// Run all tests: Rust on SQLite and PostgreSQL, then the browser journeys
    Test(TestArgs),
    /// Install the programs that destinations are tested with: cloud services to be run here, brokers, providers
    Peers,
    /// Measure the release build: each figure beside how fast the same server answers at all
    Bench(bench::Options),
    /// Run the fault harness for long: everything fails at once, and nothing may be lost
    Faults(test::FaultArgs),
}

#[derive(Args)]
struct TestArgs {
    /// Leave the browser journeys out
    #[arg(long, conflicts_with = "only_browser")]
    no_browser: bool,
    /// Run nothing but the browser journeys
    #[arg(long)]
    only_browser: bool,
    /// Run only Rust tests whose name contains one of these (with --only-browser: journey files)
    filter: Vec<String>,
}

impl TestArgs {
    /// A filter names Rust tests, so the browser is left out unless it was asked for.
    fn selection(self) -> Selection {
        let browser_only = self.only_browser;
        Selection {
            rust: !browser_only,
            browser: browser_only || (!self.no_browser && self.filter.is_empty()),
            filter: self.filter,
        }
    }
}

fn main() -> ExitCode {
    match perform(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task) -> Result<()> {
    let workspace = Workspace::locate()?;
    match task {
        Task::Bench(options) => return bench::run(&workspace, &options),
        Task::Peers => return test::install_peers(&workspace),
        _ => {}
    }
    let toolchain = Toolchain::choose(&workspace)?;
    match task {
        Task::Toolchain | Task::Bench(_) | Task::Peers => Ok(()),
        Task::Site { release } => site::build(&workspace, &toolchain, Mode::of(release)),
        Task::Build { release } => {
            let server = server::build(&workspace, &toolchain, Mode::of(release))?;
            println!("Built {}", server.display());
            Ok(())
        }
        Task::Run { dev, serve } => server::run(&workspace, &toolchain, Mode::of(!dev), &serve),
        Task::Faults(args) => test::run_faults(&workspace, &toolchain, &args),
        Task::Lint => lint::check(&workspace, &toolchain),
        Task::Test(args) => test::run(&workspace, &toolchain, &args.selection()),
    }
}
