//! A process's own clock, by way of Debian's libfaketime: only the time of day steps, what counts durations goes on.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The clock of one node.
pub struct Clock {
    library: PathBuf,
    file: PathBuf,
}

/// Where the library is, or why there is none.
pub fn library() -> Result<PathBuf, &'static str> {
    const NAME: &str = "faketime/libfaketimeMT.so.1";
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let candidates = folders.chain([PathBuf::from("/usr/lib"), PathBuf::from("/usr/local/lib")]);
    candidates
        .map(|folder| folder.join(NAME))
        .find(|file| file.exists())
        .ok_or("clocks do not step: libfaketime is not installed (Debian's package libfaketime)")
}

impl Clock {
    /// A true clock, kept in `folder`.
    pub fn new(library: &Path, folder: &Path, node: usize) -> Self {
        let clock = Self { library: library.to_owned(), file: folder.join(format!("clock-{node}")) };
        clock.step(0);
        clock
    }

    /// From now on, the time of day is so many seconds off; the process looks once a second.
    pub fn step(&self, seconds: i64) {
        // In one step, since it may be read at any moment.
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{seconds:+}\n")).expect("the file is written");
        fs::rename(&new, &self.file).expect("the file is replaced");
    }

    /// What a process is started with to go by this clock.
    pub fn settings(&self) -> [(&'static str, String); 5] {
        let text = |path: &Path| path.to_str().expect("a path of letters").to_owned();
        [
            ("LD_PRELOAD", text(&self.library)),
            ("FAKETIME_TIMESTAMP_FILE", text(&self.file)),
            ("FAKETIME_CACHE_DURATION", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("NO_FAKE_STAT", "1".to_owned()),
        ]
    }

    /// Removes what the library leaves behind of a process that was killed.
    pub fn forget(process: u32) {
        for file in [format!("/dev/shm/faketime_shm_{process}"), format!("/dev/shm/sem.faketime_sem_{process}")] {
            // A process that ended in order has removed it.
            let _ = fs::remove_file(file);
        }
    }
}
