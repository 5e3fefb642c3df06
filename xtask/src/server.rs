//! The server, which carries the site inside.

use std::{
    fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::{
    command,
    site::{self, Mode},
    step::Step,
    toolchain::Toolchain,
    workspace::Workspace,
};

const BINARY: &str = "hookstream";

const COMPILE_DEVELOPMENT: Step =
    Step { title: "Compile the server", cold: "6 to 10 min", remedy: "mend what the compiler names above" };

const COMPILE_RELEASE: Step = Step {
    title: "Compile the server, optimised",
    cold: "10 to 20 min",
    remedy: "mend what the compiler names above; when the machine runs out of memory, set \
             CARGO_BUILD_JOBS=1",
};

/// Builds the site and the server; returns where the binary lies.
pub fn build(workspace: &Workspace, toolchain: &Toolchain, mode: Mode) -> Result<PathBuf> {
    site::build(workspace, toolchain, mode)?;
    compile(workspace, toolchain, mode)
}

/// Compiles the server around the site as it is.
pub fn compile(workspace: &Workspace, toolchain: &Toolchain, mode: Mode) -> Result<PathBuf> {
    // What is selected decides on the features of shared dependencies: in development it is the same as for the tests, so
    // that nothing is compiled twice.
    let (step, profile, packages) = match mode {
        Mode::Development => (COMPILE_DEVELOPMENT, "dev", &["--workspace", "--exclude", "frontend"] as &[_]),
        Mode::Release => (COMPILE_RELEASE, "release", &["--package", BINARY] as &[_]),
    };
    step.run(|| {
        let mut cargo = toolchain.cargo();
        cargo
            .arg("build")
            .args(packages)
            .args(["--bin", BINARY, "--profile", profile])
            .args(["--message-format", "json-render-diagnostics"])
            .stderr(Stdio::inherit());
        if matches!(mode, Mode::Release) {
            // What the site is made of: the server is compiled anew where that changes, also from nothing.
            cargo.env("SITE_MANIFEST", fs::read_to_string(workspace.site().join("manifest.json"))?);
        }
        let messages = command::output(&mut cargo)?;
        let binary = messages.lines().filter_map(binary_of_message).next_back();
        binary.context("cargo built no server")
    })
}

/// Builds the server and becomes it.
pub fn run(workspace: &Workspace, toolchain: &Toolchain, mode: Mode, arguments: &[String]) -> Result<()> {
    let server = build(workspace, toolchain, mode)?;
    eprintln!("\n▸ Start {} serve {}\n", server.display(), arguments.join(" "));
    let failure = serve(&server, workspace.root(), arguments).exec();
    Err(failure).with_context(|| format!("cannot start {}", server.display()))
}

fn serve(server: &Path, folder: &Path, arguments: &[String]) -> Command {
    let mut command = Command::new(server);
    command.arg("serve").args(arguments).current_dir(folder);
    command
}

/// The binary that a line of cargo's JSON messages reports, if it does.
fn binary_of_message(line: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    if message["target"]["name"] != BINARY {
        return None;
    }
    message["executable"].as_str().map(PathBuf::from)
}
