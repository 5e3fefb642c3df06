//! A folder that is gone when the test is.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

pub struct Folder(PathBuf);

/// Tells the folders and databases of one run apart.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// A name that nothing else of this run has, nor of another that runs at the same time.
pub fn unique_name() -> String {
    format!("hookstream_it_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

impl Folder {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(unique_name());
        // Of an earlier run that was killed, and whose process had the same number.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).expect("a folder can be made");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} could not be removed: {error}", self.0.display());
        }
    }
}
