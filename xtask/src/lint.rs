//! Formatting and clippy, for both halves.

use anyhow::Result;

use crate::{command, step::Step, toolchain::Toolchain};

const FORMAT: Step = Step {
    title: "Check the formatting",
    cold: "2 s",
    remedy: "run `cargo fmt --all`",
};

const NATIVE: Step = Step {
    title: "Run clippy on the server's half",
    cold: "4 to 8 min",
    remedy: "mend what clippy names above",
};

const BROWSER: Step = Step {
    title: "Run clippy on the browser's half",
    cold: "2 to 4 min",
    remedy: "mend what clippy names above",
};

/// The two halves are checked apart: `app` has a feature for each, and they exclude one another.
pub fn check(toolchain: &Toolchain) -> Result<()> {
    toolchain.require_lint_tools()?;
    FORMAT.run(|| command::run(toolchain.cargo().args(["fmt", "--all", "--check"])))?;
    NATIVE.run(|| {
        let mut cargo = toolchain.cargo();
        cargo.args([
            "clippy",
            "--workspace",
            "--exclude",
            "frontend",
            "--all-targets",
        ]);
        command::run(cargo.args(["--", "-D", "warnings"]))
    })?;
    BROWSER.run(|| {
        let mut cargo = toolchain.cargo();
        cargo.args([
            "clippy",
            "--package",
            "frontend",
            "--target",
            "wasm32-unknown-unknown",
        ]);
        command::run(cargo.args(["--", "-D", "warnings"]))
    })
}
