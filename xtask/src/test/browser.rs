//! Journeys through the dashboard in Chromium, written in `end2end` with Playwright.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use super::{Counts, count_while_showing};
use crate::{node, packages, step::Step, workspace::Workspace};

const PREPARE: Step = Step {
    title: "Prepare the browser journeys",
    cold: "under 1 min",
    remedy: "install Node 20 or newer with npm, and Chromium (or set CHROMIUM to its path); \
             `--no-browser` leaves the journeys out",
};

const JOURNEYS: Step = Step {
    title: "Run the browser journeys",
    cold: "1 to 3 min",
    remedy: "look at the output above; traces of failures lie in end2end/test-results, and \
             `cargo xtask test --only-browser <file>` runs one file again",
};

/// Runs the journeys against this server binary; `files` narrows them down.
pub fn run(workspace: &Workspace, server: &Path, files: &[String]) -> Result<Counts> {
    let folder = workspace.root().join("end2end");
    let chromium = PREPARE.run(|| {
        if !node::is_present() {
            bail!("`node` and `npm` are not in PATH");
        }
        node::install(&folder)?;
        find_or_install_chromium()
    })?;
    JOURNEYS.run(|| {
        let mut playwright = Command::new(node::program(&folder, "playwright"));
        playwright
            .args(["test", "--reporter=list"])
            .args(files)
            .current_dir(&folder)
            .env("CHROMIUM", chromium)
            .env("HOOKSTREAM_BIN", server);
        count_while_showing(&mut playwright, Counts::of_playwright_line)
    })
}

fn find_or_install_chromium() -> Result<PathBuf> {
    if let Some(chosen) = env::var_os("CHROMIUM") {
        return Ok(chosen.into());
    }
    if let Some(found) = find_chromium() {
        return Ok(found);
    }
    packages::install(&["chromium"])?;
    find_chromium().context("Chromium was installed, but is not in PATH")
}

fn find_chromium() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(packages::find_program)
}
