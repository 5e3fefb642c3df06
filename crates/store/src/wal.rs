//! SQLite's write-ahead log: how commits get to the disk, and how the log stays short.
//!
//! A commit only appends to the log (`synchronous = NORMAL`), so that the next one need not wait for the disk.
//! [`Store::sync`] brings everything that was committed before it to the disk, for many commits at once; nothing is
//! acknowledged before that. The log is folded into the database by a connection of its own, beside the writer, so that
//! little is left to do when the writer has to stand still for it. PostgreSQL does all this by itself.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use sea_orm::{ConnectionTrait, Statement};
use tokio::sync::{Mutex, Notify};

use crate::{
    connection::{Connection, Transaction},
    db::Store,
    error::{Result, StoreError},
    row::get,
    sqlite::Kept,
};

/// The log is folded in whenever about so much was written, and from time to time anyway. A little at a time: what goes to the
/// log waits for what the disk was given before, so that a great deal would make every sender wait.
const FOLD_BYTES: u64 = 1 << 20;
const FOLD_EVERY: Duration = Duration::from_secs(10);
/// Pages (4 KiB each) from which on the writer has to fold the rest itself, between two commits: only then is everything
/// folded at one moment, and the log begins anew.
const LONG_LOG: i64 = 4_096;

pub(crate) struct Wal {
    database: PathBuf,
    path: PathBuf,
    /// A connection that does nothing else.
    folder: Connection,
    written: AtomicU64,
    much_written: Notify,
    is_long: AtomicBool,
    /// The disk refused to take the log. What is in it may be lost although later syncs succeed, so that it has to be
    /// folded in before anything is acknowledged again.
    is_doubtful: AtomicBool,
    /// How often the disk was asked for.
    asked: AtomicU64,
    /// Held by whoever asks the disk: the latest that it was asked for and that is done.
    done: Mutex<u64>,
}

impl Wal {
    pub fn new(database: &Path, folder: Connection) -> Self {
        let mut path = database.as_os_str().to_owned();
        path.push("-wal");
        Self {
            database: database.to_owned(),
            path: path.into(),
            folder,
            written: AtomicU64::new(0),
            much_written: Notify::new(),
            is_long: AtomicBool::new(false),
            is_doubtful: AtomicBool::new(false),
            asked: AtomicU64::new(0),
            done: Mutex::new(0),
        }
    }

    pub fn folder(&self) -> &Connection {
        &self.folder
    }

    fn doubt(&self, error: &io::Error) -> StoreError {
        self.is_doubtful.store(true, Ordering::Release);
        StoreError::Unavailable(format!("the write-ahead log could not be brought to the disk: {error}"))
    }
}

impl Store {
    /// Commits, and returns when it is on disk.
    pub(crate) async fn commit(&self, transaction: Transaction) -> Result<()> {
        transaction.commit().await?;
        self.sync().await
    }

    /// Returns when everything that was committed before is on disk. Whoever asks while the disk is busy shares the next turn
    /// with all others who do.
    pub(crate) async fn sync(&self) -> Result<()> {
        let Some(wal) = self.wal() else { return Ok(()) };
        let number = wal.asked.fetch_add(1, Ordering::AcqRel) + 1;
        // A task of its own, that ends also when nobody waits for it any more: were the disk to tell it of a failure, no
        // other would hear of that.
        let store = self.clone();
        let synced = tokio::spawn(async move { store.sync_in_turn(number).await }).await;
        synced.map_err(|error| StoreError::Unavailable(format!("the disk could not be waited for: {error}")))?
    }

    async fn sync_in_turn(&self, number: u64) -> Result<()> {
        let Some(wal) = self.wal() else { return Ok(()) };
        let mut done = wal.done.lock().await;
        if *done >= number {
            return Ok(());
        }
        // Whoever has asked by now has committed by now.
        let asked = wal.asked.load(Ordering::Acquire);
        if wal.is_doubtful.load(Ordering::Acquire) {
            self.fold(self.writer(), "TRUNCATE").await?;
            wal.is_doubtful.store(false, Ordering::Release);
        } else {
            sync_file(&wal.path).await.map_err(|error| wal.doubt(&error))?;
        }
        *done = asked;
        Ok(())
    }

    /// Tells that about so many bytes were committed.
    pub(crate) fn note_written(&self, bytes: usize) {
        let Some(wal) = self.wal() else { return };
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        if wal.written.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) >= FOLD_BYTES {
            wal.much_written.notify_one();
        }
    }

    /// Keeps the log short, until it is dropped.
    pub async fn keep_log_short(self) {
        let Some(wal) = self.wal() else { return };
        loop {
            tokio::select! {
                () = wal.much_written.notified() => {}
                () = tokio::time::sleep(FOLD_EVERY) => {}
            }
            wal.written.store(0, Ordering::Relaxed);
            match self.fold_beside_writer(wal).await {
                Ok(pages) => wal.is_long.store(pages > LONG_LOG, Ordering::Relaxed),
                Err(error) => tracing::warn!(%error, "the write-ahead log could not be folded in; trying again"),
            }
        }
    }

    /// Returns how many pages the log has.
    async fn fold_beside_writer(&self, wal: &Wal) -> Result<i64> {
        let pages = self.fold(wal.folder(), "PASSIVE").await?;
        if pages <= LONG_LOG {
            return Ok(pages);
        }
        // SQLite does this itself, but only where nothing is left to fold. With so long a log that is the writer's part, who must
        // stand still for it.
        sync_file(&wal.database).await.map_err(|error| wal.doubt(&error))?;
        self.fold(wal.folder(), "PASSIVE").await
    }

    /// To be called by the writer between commits.
    pub(crate) async fn fold_long_log(&self, kept: &mut Kept) {
        let Some(wal) = self.wal() else { return };
        if !wal.is_long.swap(false, Ordering::Relaxed) {
            return;
        }
        kept.give_back();
        if let Err(error) = self.fold(self.writer(), "PASSIVE").await {
            tracing::warn!(%error, "the write-ahead log could not be folded in; trying again");
        }
    }

    /// Returns how many pages the log has.
    async fn fold(&self, by: &Connection, mode: &str) -> Result<i64> {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        let row = by.query_one_raw(Statement::from_string(self.backend(), sql)).await.inspect_err(|_| {
            // It may have been the disk, which tells of a failure only once.
            if let Some(wal) = self.wal() {
                wal.is_doubtful.store(true, Ordering::Release);
            }
        })?;
        let Some(row) = row else { return Ok(0) };
        if mode == "TRUNCATE" && get::<i64>(&row, "busy")? != 0 {
            return Err(StoreError::Unavailable("the write-ahead log is in use and could not be folded in".into()));
        }
        get(&row, "log")
    }
}

/// Brings what was written to a file to the disk. A file that is not there has nothing.
async fn sync_file(path: &Path) -> io::Result<()> {
    let path = path.to_owned();
    let synced = tokio::task::spawn_blocking(move || match File::open(path) {
        Ok(file) => file.sync_data(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    });
    synced.await.unwrap_or_else(|error| Err(io::Error::other(error)))
}
