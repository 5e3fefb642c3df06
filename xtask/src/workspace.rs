//! Where things lie in this checkout.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

/// The folders that commands work in.
pub struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// Finds the checkout by the folder of this package, which cargo tells when it runs it. The
    /// path at compile time would be wrong when a target folder is shared by several checkouts.
    pub fn locate() -> Result<Self> {
        let package = env::var_os("CARGO_MANIFEST_DIR")
            .context("start this as `cargo xtask …`, which tells it where the checkout is")?;
        let root = Path::new(&package).parent().context("the xtask package has no parent folder")?.to_owned();
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => root.join(folder),
            None => root.join("target"),
        };
        Ok(Self { root, target })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where cargo writes, and where downloads and intermediate results are kept.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// What the browser loads. The server embeds this folder of the checkout by its path, so it
    /// does not follow `CARGO_TARGET_DIR`.
    pub fn site(&self) -> PathBuf {
        self.root.join("target/site")
    }
}
