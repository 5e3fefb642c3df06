//! Swagger UI, which shows the REST API at `/docs`: from npm, where Node is present.

use std::fs;

use anyhow::{Context as _, Result};

use super::files::Site;
use crate::{node, workspace::Workspace};

/// What the page at `/docs` loads of it.
const FILES: [&str; 2] = ["swagger-ui.css", "swagger-ui-bundle.js"];

pub fn add(workspace: &Workspace, site: &mut Site) -> Result<()> {
    if !node::is_present() {
        eprintln!("  Node is absent, so /docs links to the document of the API and does not show it");
        return Ok(());
    }
    let folder = workspace.target().join("xtask/node");
    node::install_copy(&workspace.root().join("xtask/node"), &folder)?;
    for name in FILES {
        let file = folder.join("node_modules/swagger-ui-dist").join(name);
        let content = fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        site.add(format!("docs/{name}"), content);
    }
    Ok(())
}
