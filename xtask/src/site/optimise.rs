//! Makes code smaller with two programs from npm, where Node is present.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::{command, node, workspace::Workspace};

/// What rustc lets LLVM use for this target; wasm-opt refuses a module with features it was not told.
const WASM_FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// `wasm-opt` and `esbuild`, installed.
pub struct Optimiser {
    folder: PathBuf,
    identity: String,
}

impl Optimiser {
    /// `None` where Node is absent: the site is larger then, and works the same.
    pub fn find(workspace: &Workspace) -> Result<Option<Self>> {
        if !node::is_present() {
            eprintln!("  Node is absent, so wasm-opt and esbuild are skipped: the site will be larger");
            return Ok(None);
        }
        let source = workspace.root().join("xtask/node");
        let folder = workspace.target().join("xtask/node");
        node::install_copy(&source, &folder)?;
        let identity = fs::read_to_string(source.join("package.json"))?;
        Ok(Some(Self { folder, identity }))
    }

    /// Names the versions, so that results of other ones are not taken from a cache.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Optimises the file in place.
    pub fn wasm(&self, file: &Path) -> Result<()> {
        let before = fs::metadata(file)?.len();
        let mut command = self.command("wasm-opt");
        command.arg("-Oz").args(WASM_FEATURES).arg(file).arg("-o").arg(file);
        command::run(&mut command)?;
        let after = fs::metadata(file)?.len();
        eprintln!("  wasm-opt: {} kB → {} kB", before / 1000, after / 1000);
        Ok(())
    }

    /// Minifies a JavaScript module in place.
    pub fn script(&self, file: &Path) -> Result<()> {
        let minified = self.minify(&fs::read(file)?, "js")?;
        fs::write(file, minified).with_context(|| format!("cannot write {}", file.display()))
    }

    /// Minifies a style sheet.
    pub fn styles(&self, sheet: &str) -> Result<Vec<u8>> {
        self.minify(sheet.as_bytes(), "css")
    }

    fn minify(&self, content: &[u8], language: &str) -> Result<Vec<u8>> {
        let mut command = self.command("esbuild");
        command.args(["--minify", "--log-level=warning"]).arg(format!("--loader={language}"));
        command::transform(&mut command, content)
    }

    fn command(&self, name: &str) -> Command {
        Command::new(node::program(&self.folder, name))
    }
}
