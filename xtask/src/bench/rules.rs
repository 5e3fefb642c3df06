//! How many events a second one thread holds against a filter and shapes by a transform, beside the reference implementation of
//! JSONata on Node, one after the other in one run.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::report::Column;
use crate::{command, node, step::Step, toolchain::Toolchain, workspace::Workspace};

pub const COLUMNS: &[Column] = &[
    Column("what", "/what", 0),
    Column("events /s", "/per_second", 0),
    Column("µs each", "/micros", 1),
    Column("times Node's", "/ratio", 1),
];

const EXAMPLE: &str = "rules_speed";

const COMPILE: Step =
    Step { title: "Compile the rules, optimised", cold: "5 to 10 min", remedy: "mend what the compiler names above" };

/// With `binary`, or one that is built.
pub fn measure(workspace: &Workspace, binary: Option<&Path>, seconds: u32) -> Result<Vec<Value>> {
    let data = workspace.root().join("xtask/rules");
    let binary = if let Some(binary) = binary {
        binary.to_owned()
    } else {
        let toolchain = Toolchain::choose(workspace)?;
        COMPILE.run(|| {
            let build = ["build", "--release", "--package", "gateway", "--example", EXAMPLE];
            command::run(toolchain.cargo().args(build))?;
            Ok(workspace.target().join("release/examples").join(EXAMPLE))
        })?
    };
    let (payload, expression) = (data.join("payload.json"), data.join("expression.jsonata"));
    let seconds = seconds.to_string();
    let mut ours = Command::new(binary);
    ours.arg(&payload).arg(data.join("filter.json")).arg(&expression).arg(&seconds);
    let ours: Value = serde_json::from_str(&command::output(&mut ours)?).context("the example prints JSON")?;
    let theirs = if node::is_present() {
        let folder = workspace.target().join("rules");
        node::install_copy(&data, &folder)?;
        let mut theirs = Command::new("node");
        theirs.arg(data.join("jsonata.mjs")).arg(&payload).arg(&expression).arg(&seconds).current_dir(folder);
        serde_json::from_str(&command::output(&mut theirs)?).context("the script prints JSON")?
    } else {
        eprintln!("Node is not on this machine: the reference implementation is left out");
        Value::Null
    };
    let reference = theirs["shaped"].as_f64();
    let row = |what: &str, per_second: &Value, ratio: Option<f64>| {
        let micros = per_second.as_f64().map(|per_second| 1e6 / per_second);
        json!({ "what": what, "per_second": per_second, "micros": micros, "ratio": ratio })
    };
    let mut rows = vec![
        row("a filter of 5 rules, the payload read before", &ours["judged"], None),
        row("the same, the payload read from 1 kB", &ours["read_and_judged"], None),
        row(
            "a transform of 9 fields, from bytes to bytes",
            &ours["shaped"],
            ours["shaped"].as_f64().zip(reference).map(|(ours, theirs)| ours / theirs),
        ),
    ];
    if reference.is_some() {
        rows.push(row("the same by `jsonata` on Node", &theirs["shaped"], Some(1.0)));
    }
    Ok(rows)
}
