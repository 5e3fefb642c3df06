//! The programs that destinations are tested with: installed into `target/peers`, once for each state of their lists.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result};

use crate::{command, node, packages, step::Step, workspace::Workspace};

const INSTALL: Step = Step {
    title: "Install what destinations are tested with",
    cold: "1 to 3 min",
    remedy: "install Python 3 with venv, Node, and RabbitMQ (Debian: python3-venv, nodejs, npm, rabbitmq-server), and start again",
};

/// The lists of packages, and our own programs beside them.
const PROGRAMS: &str = "tests/it/peers/programs";
const RABBITMQ: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

pub fn install(workspace: &Workspace) -> Result<()> {
    let programs = workspace.root().join(PROGRAMS);
    let folder = workspace.root().join("target/peers");
    INSTALL.run(|| {
        install_python(&programs.join("requirements.txt"), &folder.join("python"))?;
        node::install_copy(&programs, &folder.join("node"))?;
        if !Path::new(RABBITMQ).exists() {
            packages::install(&["rabbitmq-server"])?;
        }
        Ok(())
    })
}

fn install_python(list: &Path, folder: &Path) -> Result<()> {
    let wanted = fs::read(list).with_context(|| format!("{} cannot be read", list.display()))?;
    let stamp = folder.join(".installed-from-list");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let venv = || {
        let mut command = Command::new("python3");
        command.args(["-m", "venv", "--clear"]).arg(folder);
        command
    };
    if command::run(&mut venv()).is_err() {
        packages::install(&["python3-venv"])?;
        command::run(&mut venv())?;
    }
    let mut pip = Command::new(folder.join("bin/pip"));
    command::run(pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(list))?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}
