//! All tests of the product: Rust's on SQLite and PostgreSQL, then journeys in a real browser.

mod browser;
mod counts;
mod failures;
mod faults;
mod peers;

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context as _, Result, bail};

use self::{counts::Counts, failures::Failures};
pub use self::{
    faults::{FaultArgs, run as run_faults},
    peers::install as install_peers,
};
use crate::{
    command, packages,
    postgres::{Cluster, Disk},
    server,
    site::{self, Mode},
    step::Step,
    toolchain::Toolchain,
    workspace::Workspace,
};

/// Which tests to run.
pub struct Selection {
    pub rust: bool,
    pub browser: bool,
    pub filter: Vec<String>,
}

const COMPILE: Step =
    Step { title: "Compile the Rust tests", cold: "6 to 10 min", remedy: "mend what the compiler names above" };

const RUST: Step = Step {
    title: "Run the Rust tests",
    cold: "8 to 20 min",
    remedy: "look at the output above; `cargo xtask test <name>` runs one test again",
};

const TEST_THREADS: &str = "RUST_TEST_THREADS";
/// Most tests wait for something most of their time.
const TESTS_A_CORE: usize = 2;

pub fn run(workspace: &Workspace, toolchain: &Toolchain, selection: &Selection) -> Result<()> {
    site::build(workspace, toolchain, Mode::Development)?;
    let (mut counts, mut failures) = (Counts::default(), Failures::default());
    if selection.rust {
        if let Err(error) = install_peers(workspace) {
            println!("Tests of destinations will fail: {error:#}");
        }
        counts += run_rust(toolchain, &selection.filter, &mut failures)?;
    }
    if selection.browser {
        let server = server::compile(workspace, toolchain, Mode::Development)?;
        let files = if selection.rust { &[] } else { selection.filter.as_slice() };
        counts += browser::run(workspace, &server, files)?;
    }
    println!("{failures}\n{counts}");
    if counts.failed > 0 {
        bail!("{} of the tests failed", counts.failed);
    }
    Ok(())
}

const WHICH_RUST: [&str; 4] = ["test", "--workspace", "--exclude", "frontend"];

fn run_rust(toolchain: &Toolchain, filter: &[String], failures: &mut Failures) -> Result<Counts> {
    COMPILE.run(|| command::run(toolchain.cargo().args(WHICH_RUST).arg("--no-run")))?;
    faults::provide_clock();
    RUST.run(|| {
        let cluster = Cluster::start(Disk::Trusted)?;
        install_pooler();
        let mut cargo = toolchain.cargo();
        cargo
            .args(WHICH_RUST)
            .args(["--no-fail-fast", "--"])
            .args(filter)
            .env("HOOKSTREAM_TEST_POSTGRES_URL", cluster.url());
        if env::var_os(TEST_THREADS).is_none() {
            let cores = thread::available_parallelism().map_or(1, usize::from);
            cargo.env(TEST_THREADS, (cores * TESTS_A_CORE).to_string());
        }
        count_while_showing(&mut cargo, |line| {
            failures.read(line);
            Counts::of_cargo_line(line)
        })
    })
}

/// `PgBouncer`, by way of which some tests reach PostgreSQL. Where it cannot be installed, they say so themselves.
fn install_pooler() {
    let is_there = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].iter().any(|program| Path::new(program).exists());
    if !is_there && let Err(error) = packages::install(&["pgbouncer"]) {
        println!("PgBouncer is missing, and the tests that need it are skipped, or fail in CI: {error:#}");
    }
}

/// Shows what a test runner writes, line by line, and adds up what the lines report. A runner that
/// fails without reporting a failed test did not get as far as running them, which is an error.
fn count_while_showing(command: &mut Command, mut read: impl FnMut(&str) -> Counts) -> Result<Counts> {
    let mut runner =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start {}", command::shown(command)))?;
    let output = runner.stdout.take().context("the runner has no output")?;
    let mut counts = Counts::default();
    let mut screen = std::io::stdout();
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        screen.write_all(&line)?;
        screen.write_all(b"\n")?;
        counts += read(&String::from_utf8_lossy(&line));
    }
    let status = runner.wait()?;
    if !status.success() && counts.failed == 0 {
        bail!("{} ended with {status}", command::shown(command));
    }
    Ok(counts)
}
