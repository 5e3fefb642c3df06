//! The fault harness: short among the ordinary tests, long by a command of its own.

use std::{fs, num::NonZeroU32, path::Path, process::Command};

use anyhow::{Result, bail};
use clap::Args;

use super::{Counts, WHICH_RUST, count_while_showing};
use crate::{
    command, packages, postgres,
    site::{self, Mode},
    step::Step,
    toolchain::Toolchain,
    workspace::Workspace,
};

/// How long, and which faults.
#[derive(Args)]
pub struct FaultArgs {
    /// How long events are posted while everything fails, in seconds, on each database
    #[arg(long, default_value = "600")]
    seconds: NonZeroU32,
    /// Have the faults of an earlier run, which has told its seed, happen again
    #[arg(long)]
    seed: Option<u64>,
    /// Run on this database alone
    #[arg(long, value_parser = ["sqlite", "postgres"])]
    on: Option<String>,
}

const COMPILE: Step =
    Step { title: "Compile the fault harness", cold: "6 to 10 min", remedy: "mend what the compiler names above" };

const RUN: Step = Step {
    title: "Run the fault harness",
    cold: "as long as was asked for on each database, and some minutes",
    remedy: "look at the output above; the same command with `--seed` and the seed that it told has the same faults \
             happen again",
};

pub fn run(workspace: &Workspace, toolchain: &Toolchain, args: &FaultArgs) -> Result<()> {
    site::build(workspace, toolchain, Mode::Development)?;
    postgres::find_or_install()?;
    provide_clock();
    COMPILE.run(|| command::run(toolchain.cargo().args(WHICH_RUST).arg("--no-run")))?;
    let counts = RUN.run(|| count_while_showing(&mut harness(toolchain, args), Counts::of_cargo_line))?;
    println!("\n{counts}");
    if counts.failed > 0 || counts.passed == 0 {
        bail!("the harness found something that must not be");
    }
    Ok(())
}

/// One database after the other, with all that they say.
fn harness(toolchain: &Toolchain, args: &FaultArgs) -> Command {
    let on = args.on.as_deref().map_or(String::new(), |on| format!("{on}::"));
    let mut cargo = toolchain.cargo();
    cargo
        .args(WHICH_RUST)
        .args(["--", &format!("{on}whatever_fails_nothing_is_lost"), "--nocapture", "--test-threads=1"])
        .env("HOOKSTREAM_FAULTS_SECONDS", args.seconds.to_string());
    if let Some(seed) = args.seed {
        cargo.env("HOOKSTREAM_FAULTS_SEED", seed.to_string());
    }
    cargo
}

/// Installs what makes clocks step, where that is possible; without it they do not, and the harness says so.
pub fn provide_clock() {
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let is_there = |folder: &Path| folder.join("faketime/libfaketimeMT.so.1").exists();
    if folders.chain(["/usr/lib".into(), "/usr/local/lib".into()]).any(|folder| is_there(&folder)) {
        return;
    }
    if let Err(error) = packages::install(&["libfaketime"]) {
        eprintln!("The fault harness does without steps of the clock, since libfaketime is missing: {error:#}");
    }
}
