//! Results of costly work, kept under a hash of everything they were made from.

use std::{
    collections::HashSet,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

/// A folder of results. What one run did not use is removed at its end.
pub struct Cache {
    folder: PathBuf,
    used: HashSet<OsString>,
}

impl Cache {
    pub fn open(folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self { folder, used: HashSet::new() })
    }

    /// The folder that `make` fills, made only when the key is new.
    pub fn folder(&mut self, key: &Key, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let place = self.place(key);
        if !place.exists() {
            let unfinished = place.with_extension("unfinished");
            if unfinished.exists() {
                fs::remove_dir_all(&unfinished)?;
            }
            fs::create_dir_all(&unfinished)?;
            make(&unfinished)?;
            fs::rename(&unfinished, &place)?;
        }
        Ok(place)
    }

    /// The content that `make` returns, made only when the key is new.
    pub fn file(&mut self, key: &Key, make: impl FnOnce() -> Result<Vec<u8>>) -> Result<Vec<u8>> {
        let place = self.place(key);
        if let Ok(content) = fs::read(&place) {
            return Ok(content);
        }
        let content = make()?;
        let unfinished = place.with_extension("unfinished");
        fs::write(&unfinished, &content)?;
        fs::rename(&unfinished, &place)?;
        Ok(content)
    }

    pub fn forget_unused(self) -> Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if self.used.contains(&entry.file_name()) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn place(&mut self, key: &Key) -> PathBuf {
        let name = key.name();
        self.used.insert(name.clone().into());
        self.folder.join(name)
    }
}

/// Everything that a result depends on.
#[derive(Clone)]
pub struct Key {
    kind: &'static str,
    hash: Sha256,
}

impl Key {
    pub fn of(kind: &'static str) -> Self {
        Self { kind, hash: Sha256::new() }
    }

    pub fn and(mut self, input: &[u8]) -> Self {
        // The length keeps neighbouring inputs apart.
        self.hash.update(input.len().to_le_bytes());
        self.hash.update(input);
        self
    }

    fn name(&self) -> String {
        format!("{}-{}", self.kind, hex::encode(self.hash.clone().finalize()))
    }
}
