//! Instructions of the hot pure parts, by valgrind: a figure that does not depend on how busy the machine is.
//!
//! Each part runs a number of times and twice as often; the difference is what the part alone takes.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::report::Column;
use crate::{command, packages, step::Step, toolchain::Toolchain, workspace::Workspace};

pub const COLUMNS: &[Column] = &[Column("part", "/part", 0), Column("instructions a call", "/instructions", 0)];

const EXAMPLE: &str = "hot_parts";
const TIMES: u64 = 2_000;

const COMPILE: Step = Step {
    title: "Compile the hot parts, optimised",
    cold: "5 to 10 min",
    remedy: "mend what the compiler names above",
};

/// Of `binary`, or of one that is built.
pub fn measure(workspace: &Workspace, binary: Option<&Path>) -> Result<Vec<Value>> {
    if packages::find_program("valgrind").is_none() {
        packages::install(&["valgrind"])?;
    }
    let binary = match binary {
        Some(binary) => binary.to_owned(),
        None => build(workspace, &Toolchain::choose(workspace)?)?,
    };
    let parts = command::output(Command::new(&binary).arg("list"))?;
    parts
        .lines()
        .map(|part| {
            let (once, twice) = (count(&binary, part, TIMES)?, count(&binary, part, 2 * TIMES)?);
            Ok(json!({ "part": part, "instructions": twice.saturating_sub(once) / TIMES }))
        })
        .collect()
}

fn build(workspace: &Workspace, toolchain: &Toolchain) -> Result<PathBuf> {
    COMPILE.run(|| {
        command::run(toolchain.cargo().args(["build", "--release", "--package", "gateway", "--example", EXAMPLE]))?;
        Ok(workspace.target().join("release/examples").join(EXAMPLE))
    })
}

fn count(binary: &Path, part: &str, times: u64) -> Result<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(binary).args([part, &times.to_string()]);
    let said = valgrind.output().context("valgrind cannot be started")?;
    let text = String::from_utf8_lossy(&said.stderr);
    if !said.status.success() {
        bail!("{} ended with {}\n{text}", command::shown(&valgrind), said.status);
    }
    collected(&text).context("valgrind counted nothing")
}

/// `==1234== Collected : 567890`
fn collected(said: &str) -> Option<u64> {
    said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_count_is_found() {
        let said = "==1== Events    : Ir\n==1== Collected : 567890\n==1== \n==1== I   refs:      567,890\n";
        assert_eq!(super::collected(said), Some(567_890));
    }
}
