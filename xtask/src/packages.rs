//! System packages, where the machine is a Debian one and we may install.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use crate::command;

/// Installs the packages, or says how to when this user may not.
pub fn install(names: &[&str]) -> Result<()> {
    let list = names.join(" ");
    if find_program("apt-get").is_none() {
        bail!("this machine has no apt-get; install what Debian calls `{list}` by your own means");
    }
    if !is_root() {
        bail!("run `sudo apt-get install --no-install-recommends {list}` and start again");
    }
    if command::run(&mut apt_get_install(names)).is_ok() {
        return Ok(());
    }
    // On a fresh machine the package lists may be absent or too old.
    command::run(apt_get().arg("update"))?;
    command::run(&mut apt_get_install(names))
}

/// Whether we may write to system folders.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Where a program of this name stands in `PATH`.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|candidate| is_file(candidate))
}

fn is_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|entry| entry.is_file())
}

fn apt_get_install(names: &[&str]) -> Command {
    let mut command = apt_get();
    command.args(["install", "--yes", "--no-install-recommends"]).args(names);
    command
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.arg("--quiet").env("DEBIAN_FRONTEND", "noninteractive");
    command
}
