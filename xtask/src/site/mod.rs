//! What the browser loads, made into `target/site`.
//!
//! The way through: [`bindings`] compiles the browser's half and makes it loadable, [`stylesheet`]
//! joins the styles, [`optimise`] makes both small where Node is present, [`Site`] names every file
//! by its content, adds the compressed forms and writes only what changed, and the manifest at the
//! end tells the server which names to put into its pages. The server embeds the folder, so this
//! comes before the server is compiled. Costly results are kept in a [`cache`] under their inputs.

mod api_docs;
mod bindings;
mod cache;
mod compress;
mod files;
mod optimise;
mod stylesheet;

use anyhow::Result;
use serde_json::json;

use self::{cache::Cache, files::Site, optimise::Optimiser};
use crate::{step::Step, toolchain::Toolchain, workspace::Workspace};

/// For whom the site is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Quick to build, with names in stack traces.
    Development,
    /// Small.
    Release,
}

impl Mode {
    pub fn of(release: bool) -> Self {
        if release { Self::Release } else { Self::Development }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Release => "release",
        }
    }
}

const COMPILE: Step = Step {
    title: "Compile the browser's half to WebAssembly",
    cold: "3 to 6 min",
    remedy: "mend what the compiler names above; when it cannot find `core` or `std`, run \
             `cargo xtask toolchain`",
};

const ASSEMBLE: Step = Step {
    title: "Assemble target/site",
    cold: "under 1 min; optimised up to 3 min",
    remedy: "mend what is named below; deleting target/xtask starts this step afresh",
};

pub fn build(workspace: &Workspace, toolchain: &Toolchain, mode: Mode) -> Result<()> {
    let wasm = COMPILE.run(|| bindings::compile(toolchain, mode))?;
    ASSEMBLE.run(|| assemble(workspace, &wasm, mode))
}

fn assemble(workspace: &Workspace, wasm: &std::path::Path, mode: Mode) -> Result<()> {
    let mut cache = Cache::open(workspace.target().join("xtask/site").join(mode.name()))?;
    let optimiser = match mode {
        Mode::Development => None,
        Mode::Release => Optimiser::find(workspace)?,
    };

    let mut site = Site::default();
    site.add_folder(&workspace.root().join("public"))?;
    api_docs::add(workspace, &mut site)?;

    let bindings = bindings::generate(wasm, mode, optimiser.as_ref(), &mut cache)?;
    let wasm = site.add_hashed("pkg/hookstream_bg", "wasm", bindings.wasm);
    let script = bindings.script.replace("hookstream_bg.wasm", file_name(&wasm));
    let script = site.add_hashed("pkg/hookstream", "js", script.into_bytes());
    for (path, snippet) in bindings.snippets {
        site.add(format!("pkg/{path}"), snippet);
    }
    let boot = boot_script(file_name(&script), file_name(&wasm));
    let boot = site.add_hashed("pkg/boot", "js", boot.into_bytes());
    let styles = stylesheet::bundle(&workspace.root().join("style"), optimiser.as_ref())?;
    let styles = site.add_hashed("pkg/style", "css", styles);

    // `version` changes with any file, so that a server which embeds the manifest is compiled
    // again even when only a file of `public` was added.
    let manifest = json!({ "boot": boot, "js": script, "wasm": wasm, "css": styles, "version": site.version() });
    site.add_compressed(mode, &mut cache)?;
    site.add("manifest.json".to_owned(), serde_json::to_vec_pretty(&manifest)?);
    site.write(&workspace.site())?;
    cache.forget_unused()
}

/// Starts the browser's half. A file of its own, since the content security policy allows no
/// scripts inside of pages.
fn boot_script(script: &str, wasm: &str) -> String {
    format!(
        "import init, {{ hydrate }} from \"./{script}\";\n\
         await init({{ module_or_path: new URL(\"./{wasm}\", import.meta.url) }});\n\
         hydrate();\n"
    )
}

fn file_name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}
