//! npm packages: installed exactly as locked, once for each state of the lock file.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::{command, packages};

/// The two files that describe a set of packages.
const DESCRIPTION: [&str; 2] = ["package.json", "package-lock.json"];

/// Remembers which lock file `node_modules` was installed from.
const STAMP: &str = "node_modules/.installed-from-lock";

/// Whether Node and npm are on this machine.
pub fn is_present() -> bool {
    packages::find_program("node").is_some() && packages::find_program("npm").is_some()
}

/// Runs `npm ci` in the folder unless that was done for this lock file already.
pub fn install(folder: &Path) -> Result<()> {
    let lock = fs::read(folder.join("package-lock.json"))
        .with_context(|| format!("{} has no package-lock.json", folder.display()))?;
    let stamp = folder.join(STAMP);
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    command::run(
        Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(folder)
            .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1"),
    )?;
    fs::write(&stamp, lock).with_context(|| format!("cannot write {}", stamp.display()))
}

/// Installs the packages that `source` describes into `folder`, outside of the checkout's sources.
pub fn install_copy(source: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    for name in DESCRIPTION {
        fs::copy(source.join(name), folder.join(name))
            .with_context(|| format!("cannot copy {name} to {}", folder.display()))?;
    }
    install(folder)
}

/// A program that an installed package brings.
pub fn program(folder: &Path, name: &str) -> PathBuf {
    folder.join("node_modules/.bin").join(name)
}
