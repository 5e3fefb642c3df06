//! The files of the site: named by their content, and written only where they differ.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use super::{Mode, cache::Cache, compress};

/// So many hexadecimal digits of the hash stand in a name.
const HASH_DIGITS: usize = 16;

/// The site in memory: contents by path, relative to its root.
#[derive(Default)]
pub struct Site {
    files: BTreeMap<String, Vec<u8>>,
}

impl Site {
    pub fn add(&mut self, path: String, content: Vec<u8>) {
        self.files.insert(path, content);
    }

    /// Adds a file whose name tells its content, so that browsers may keep it for ever. Returns the
    /// address of it.
    pub fn add_hashed(&mut self, stem: &str, extension: &str, content: Vec<u8>) -> String {
        let hash = &hex::encode(Sha256::digest(&content))[..HASH_DIGITS];
        let path = format!("{stem}.{hash}.{extension}");
        let url = format!("/{path}");
        self.add(path, content);
        url
    }

    /// Adds all files of a folder under their own names.
    pub fn add_folder(&mut self, folder: &Path) -> Result<()> {
        self.files.extend(read_folder(folder)?);
        Ok(())
    }

    pub fn add_compressed(&mut self, mode: Mode, cache: &mut Cache) -> Result<()> {
        let mut compressed = Vec::new();
        for (path, content) in &self.files {
            for form in compress::compress(path, content, mode, cache)? {
                compressed.push((format!("{path}.{}", form.suffix), form.content));
            }
        }
        self.files.extend(compressed);
        Ok(())
    }

    /// A hash over all names and contents.
    pub fn version(&self) -> String {
        let mut hash = Sha256::new();
        for (path, content) in &self.files {
            hash.update(path.as_bytes());
            hash.update(Sha256::digest(content));
        }
        hex::encode(hash.finalize())[..HASH_DIGITS].to_owned()
    }

    /// Makes the folder hold exactly these files. Those that did not change keep their times, so
    /// that cargo does not compile the server again for nothing.
    pub fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        for (path, content) in &self.files {
            let place = folder.join(path);
            if fs::read(&place).is_ok_and(|present| present == *content) {
                continue;
            }
            if let Some(parent) = place.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(&place, content).with_context(|| format!("cannot write {}", place.display()))?;
        }
        for (path, place) in list_folder(folder)? {
            if !self.files.contains_key(&path) {
                fs::remove_file(place)?;
            }
        }
        Ok(())
    }
}

/// The contents of all files below a folder, by their path relative to it.
pub fn read_folder(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for (path, place) in list_folder(folder)? {
        files.insert(path, fs::read(&place).with_context(|| format!("cannot read {}", place.display()))?);
    }
    Ok(files)
}

fn list_folder(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(current) = pending.pop() {
        let entries = fs::read_dir(&current).with_context(|| format!("cannot read {}", current.display()))?;
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                pending.push(entry.path());
                continue;
            }
            let place = entry.path();
            let path = place.strip_prefix(folder)?.to_str().context("a file name is not UTF-8")?;
            found.push((path.to_owned(), place));
        }
    }
    Ok(found)
}
