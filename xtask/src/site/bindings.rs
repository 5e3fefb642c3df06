//! The browser's half as WebAssembly, and the JavaScript that loads it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use wasm_bindgen_cli_support::Bindgen;

use super::{
    Mode,
    cache::{Cache, Key},
    files,
    optimise::Optimiser,
};
use crate::{command, toolchain::Toolchain};

const PACKAGE: &str = "frontend";

/// What the bindings generator made, as the browser will load it.
pub struct Bindings {
    pub wasm: Vec<u8>,
    pub script: String,
    /// Scripts that crates bring along, by their path beside the main one.
    pub snippets: BTreeMap<String, Vec<u8>>,
}

/// Compiles the package; cargo itself knows when there is nothing to do. Returns the wasm file.
pub fn compile(toolchain: &Toolchain, mode: Mode) -> Result<PathBuf> {
    let profile = match mode {
        Mode::Development => "wasm-dev",
        Mode::Release => "wasm-release",
    };
    let mut cargo = toolchain.cargo();
    cargo
        .args(["build", "--package", PACKAGE, "--lib", "--target", "wasm32-unknown-unknown"])
        .args(["--profile", profile, "--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit());
    let messages = command::output(&mut cargo)?;
    messages
        .lines()
        .filter_map(wasm_of_message)
        .next_back()
        .context("cargo built no wasm file; the frontend package must have the crate type cdylib")
}

/// The wasm file that a line of cargo's JSON messages reports, if it does.
fn wasm_of_message(line: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    if message["reason"] != "compiler-artifact" || message["target"]["name"] != PACKAGE {
        return None;
    }
    let files = message["filenames"].as_array()?;
    let paths = files.iter().filter_map(Value::as_str).map(PathBuf::from);
    paths.into_iter().find(|path| path.extension().is_some_and(|kind| kind == "wasm"))
}

pub fn generate(wasm: &Path, mode: Mode, optimiser: Option<&Optimiser>, cache: &mut Cache) -> Result<Bindings> {
    let compiled = fs::read(wasm).with_context(|| format!("cannot read {}", wasm.display()))?;
    let key = Key::of("bindings")
        .and(env!("CARGO_PKG_VERSION").as_bytes())
        .and(optimiser.map_or("plain", Optimiser::identity).as_bytes())
        .and(&compiled);
    let folder = cache.folder(&key, |folder| {
        Bindgen::new()
            .input_bytes("hookstream", compiled)
            .web(true)?
            .typescript(false)
            .remove_name_section(mode == Mode::Release)
            .remove_producers_section(mode == Mode::Release)
            .generate(folder)
            .context("wasm-bindgen does not understand what was compiled")?;
        match optimiser {
            Some(optimiser) => {
                optimiser.wasm(&folder.join("hookstream_bg.wasm"))?;
                optimiser.script(&folder.join("hookstream.js"))
            }
            None => Ok(()),
        }
    })?;
    read(&folder)
}

fn read(folder: &Path) -> Result<Bindings> {
    let mut files = files::read_folder(folder)?;
    let mut take = |name: &str| {
        let content = files.remove(name);
        content.with_context(|| format!("the bindings have no {name}"))
    };
    let wasm = take("hookstream_bg.wasm")?;
    let script = String::from_utf8(take("hookstream.js")?).context("the bindings are not UTF-8")?;
    ensure!(
        script.contains("hydrate"),
        "the frontend package exports no `hydrate` function (`#[wasm_bindgen] pub fn hydrate()`)"
    );
    if let Some(other) = files.keys().find(|path| !path.starts_with("snippets/")) {
        bail!("wasm-bindgen made {other}, which nothing here knows how to serve");
    }
    Ok(Bindings { wasm, script, snippets: files })
}
