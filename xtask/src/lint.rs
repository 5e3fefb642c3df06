//! Formatting and clippy for both halves, and the types of the browser journeys.

use std::process::Command;

use anyhow::Result;

use crate::{command, node, step::Step, toolchain::Toolchain, workspace::Workspace};

const FORMAT: Step = Step { title: "Check the formatting", cold: "2 s", remedy: "run `cargo fmt --all`" };

const NATIVE: Step =
    Step { title: "Run clippy on the server's half", cold: "4 to 8 min", remedy: "mend what clippy names above" };

const BROWSER: Step =
    Step { title: "Run clippy on the browser's half", cold: "2 to 4 min", remedy: "mend what clippy names above" };

const JOURNEYS: Step = Step {
    title: "Check the types of the browser journeys",
    cold: "20 s",
    remedy: "mend what the TypeScript compiler names above",
};

/// The two halves are checked apart: `app` has a feature for each, and they exclude one another.
pub fn check(workspace: &Workspace, toolchain: &Toolchain) -> Result<()> {
    toolchain.require_lint_tools()?;
    FORMAT.run(|| command::run(toolchain.cargo().args(["fmt", "--all", "--check"])))?;
    NATIVE.run(|| {
        let mut cargo = toolchain.cargo();
        cargo.args(["clippy", "--workspace", "--exclude", "frontend", "--all-targets"]);
        command::run(cargo.args(["--", "-D", "warnings"]))
    })?;
    BROWSER.run(|| {
        let mut cargo = toolchain.cargo();
        cargo.args(["clippy", "--package", "frontend", "--target", "wasm32-unknown-unknown"]);
        command::run(cargo.args(["--", "-D", "warnings"]))
    })?;
    if !node::is_present() {
        eprintln!("\nNode is absent, so the types of the browser journeys are not checked");
        return Ok(());
    }
    JOURNEYS.run(|| {
        let folder = workspace.root().join("end2end");
        node::install(&folder)?;
        command::run(Command::new(node::program(&folder, "tsc")).current_dir(&folder))
    })
}
