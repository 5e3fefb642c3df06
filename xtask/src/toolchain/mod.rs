//! Which Rust toolchain this machine uses, decided here and nowhere else.
//!
//! The server and the browser's half are compiled by one toolchain, so that they share one target
//! folder and one set of built dependencies. In order of preference:
//!
//! 1. the toolchain that started us, when it compiles for the browser already;
//! 2. Debian's, when it is set up already (see [`debian`]);
//! 3. the toolchain that started us, when rustup can fetch the browser target for it;
//! 4. Debian's, installed now.

mod debian;
mod rustc;

use std::{env, ffi::OsString, path::PathBuf, process::Command, time::Duration};

use anyhow::{Context as _, Result};

use self::rustc::Rustc;
use crate::{command, packages, step::Step, workspace::Workspace};

const WASM_TARGET: &str = "wasm32-unknown-unknown";
const LINKER_VARIABLE: &str = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER";

/// Long enough to fetch some 20 MB, short enough to notice a machine that cannot reach the server.
const RUSTUP_LIMIT: Duration = Duration::from_mins(1);

/// The chosen toolchain, as the environment that makes cargo use it.
pub struct Toolchain {
    root: PathBuf,
    environment: Vec<(&'static str, OsString)>,
}

impl Toolchain {
    pub fn choose(workspace: &Workspace) -> Result<Self> {
        let (name, environment) = decide(workspace)?;
        let toolchain = Self { root: workspace.root().to_owned(), environment };
        eprintln!("Toolchain: {name}");
        Ok(toolchain)
    }

    /// Cargo at the root of the checkout.
    pub fn cargo(&self) -> Command {
        let mut command = clean_command("cargo");
        command.current_dir(&self.root).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Clippy and rustfmt come with Debian's packages, but not with every rustup profile.
    pub fn require_lint_tools(&self) -> Result<()> {
        let present = |tool| command::succeeds(self.cargo().args([tool, "--version"]));
        if present("clippy") && present("fmt") {
            return Ok(());
        }
        if packages::find_program("rustup").is_some() {
            let mut add = clean_command("rustup");
            add.envs(self.environment.iter().map(|(name, value)| (name, value)));
            command::run(add.args(["component", "add", "clippy", "rustfmt"]))
                .context("clippy and rustfmt are missing from the toolchain")
        } else {
            packages::install(&debian::LINT_PACKAGES)
        }
    }
}

type Decision = (String, Vec<(&'static str, OsString)>);

fn decide(workspace: &Workspace) -> Result<Decision> {
    let scratch = workspace.target().join("xtask");
    let calling = Rustc::calling();
    let linker = env::var_os(LINKER_VARIABLE);
    if let Some(rustc) = &calling
        && rustc.compiles_for_browser(&scratch, linker.as_deref())
    {
        return Ok(keep(rustc));
    }
    if let Some(debian) = debian::ready(&scratch) {
        return debian.decision();
    }
    if let Some(rustc) = &calling
        && rustc.is_recent_enough()
        && add_target_with_rustup()
        && rustc.compiles_for_browser(&scratch, linker.as_deref())
    {
        return Ok(keep(rustc));
    }
    SET_UP_DEBIAN.run(|| debian::set_up(&scratch))?.decision()
}

const SET_UP_DEBIAN: Step = Step {
    title: "Set up Debian's Rust for the browser",
    cold: "1 to 3 min",
    remedy: "follow the instruction below, or install Rust with rustup (`rustup update stable`, \
             `rustup target add wasm32-unknown-unknown`) and start again",
};

fn keep(rustc: &Rustc) -> Decision {
    let name = format!("rustc {}, which compiles for the browser", rustc.release());
    (name, Vec::new())
}

fn add_target_with_rustup() -> bool {
    if packages::find_program("rustup").is_none() {
        return false;
    }
    eprintln!("Fetching the browser target with rustup (at most {} s)", RUSTUP_LIMIT.as_secs());
    let added = command::succeeds_within(clean_command("rustup").args(["target", "add", WASM_TARGET]), RUSTUP_LIMIT);
    if !added {
        eprintln!("rustup cannot fetch it here; using Debian's packages instead");
    }
    added
}

/// A command without what `cargo run` sets for the program it runs. Those variables describe the
/// xtask package and would make a nested cargo rebuild, or load libraries of another toolchain.
fn clean_command(program: &str) -> Command {
    const OF_THE_CALLER: [&str; 3] = ["CARGO", "LD_LIBRARY_PATH", "RUST_RECURSION_COUNT"];
    const PREFIXES: [&str; 3] = ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_"];

    let mut command = Command::new(program);
    for name in OF_THE_CALLER {
        command.env_remove(name);
    }
    for (name, _) in env::vars_os() {
        let misleads = |name: &str| PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        if name.to_str().is_some_and(misleads) {
            command.env_remove(name);
        }
    }
    command
}
