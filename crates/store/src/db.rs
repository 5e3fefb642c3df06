//! Connections to the database. On SQLite one connection writes and a pool reads; on PostgreSQL one pool does both.

use std::{path::PathBuf, sync::Arc, time::Duration};

use migrations::Migrator;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait, Value,
};
use sea_orm_migration::MigratorTrait;
use sqlx::{
    Connection,
    sqlite::{SqliteJournalMode, SqliteSynchronous},
};

use crate::{
    error::{Result, StoreError},
    signals::Signals,
    wal::Wal,
};

/// Where the database is and how it is used.
#[derive(Debug, Clone)]
pub struct Options {
    /// `sqlite:<path>` or `postgres://…`.
    pub url: String,
    /// How many connections a process may hold (PostgreSQL), or how many may read at once (SQLite).
    pub max_connections: u32,
}

/// How long a statement may wait for a connection, and how long it may wait for a lock.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The advisory lock that is held while the schema is changed.
const MIGRATION_LOCK: i64 = 0x68_6f_6f_6b;
/// How large the file of SQLite's write-ahead log stays when it begins anew.
const LOG_BYTES: &str = "67108864";

/// The database. Clones share its connections.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    writer: DatabaseConnection,
    reader: DatabaseConnection,
    /// Of SQLite.
    wal: Option<Wal>,
    signals: Signals,
    /// Keeps a second process from opening the same SQLite file. Released when the process ends.
    _lock: Option<std::fs::File>,
}

impl Store {
    /// Opens the database; an SQLite file is made where there is none.
    pub async fn connect(options: &Options) -> Result<Self> {
        if let Some(path) = options.url.strip_prefix("sqlite:") {
            Self::open_sqlite(path.trim_start_matches("//"), options.max_connections).await
        } else if options.url.starts_with("postgres://") || options.url.starts_with("postgresql://") {
            Self::open_postgres(options).await
        } else {
            Err(StoreError::Setup("the database URL must begin with sqlite: or postgres://".into()))
        }
    }

    async fn open_sqlite(path: &str, readers: u32) -> Result<Self> {
        let path = PathBuf::from(path);
        let lock = lock_file(&path)?;
        let url = format!("sqlite://{}?mode=rwc", path.display());
        let mut write = ConnectOptions::new(url.clone());
        write.max_connections(1).min_connections(1).acquire_timeout(ACQUIRE_TIMEOUT).sqlx_logging(false);
        write.idle_timeout(None).max_lifetime(None).test_before_acquire(false);
        write.map_sqlx_sqlite_opts(|options| {
            options
                .journal_mode(SqliteJournalMode::Wal)
                // By itself it can lose the last commits to a power cut: see `wal`, which brings them to the disk.
                .synchronous(SqliteSynchronous::Normal)
                .busy_timeout(BUSY_TIMEOUT)
                .foreign_keys(true)
                .pragma("wal_autocheckpoint", "0")
                .pragma("journal_size_limit", LOG_BYTES)
                .pragma("cache_size", "-32000")
                .pragma("temp_store", "memory")
                .statement_cache_capacity(128)
        });
        // When a statement fails, SQLite may have ended the transaction by itself, and sqlx's count of nested ones is then
        // wrong: what it takes for a commit would be the end of a savepoint, and not on disk. Such a connection is closed.
        write.map_sqlx_sqlite_pool_opts(|pool| {
            pool.after_release(|connection, _| {
                Box::pin(async move {
                    if connection.is_in_transaction() {
                        connection.ping().await?;
                    }
                    Ok(!connection.is_in_transaction())
                })
            })
        });
        let writer = Database::connect(write).await?;
        let mut read = ConnectOptions::new(url);
        read.max_connections(readers.max(1)).acquire_timeout(ACQUIRE_TIMEOUT).sqlx_logging(false);
        read.test_before_acquire(false);
        read.map_sqlx_sqlite_opts(|options| {
            options.busy_timeout(BUSY_TIMEOUT).pragma("query_only", "true").pragma("cache_size", "-8000")
        });
        let reader = Database::connect(read).await?;
        let mut fold = ConnectOptions::new(format!("sqlite://{}", path.display()));
        fold.max_connections(1).acquire_timeout(ACQUIRE_TIMEOUT).sqlx_logging(false);
        fold.map_sqlx_sqlite_opts(|options| options.synchronous(SqliteSynchronous::Normal).busy_timeout(BUSY_TIMEOUT));
        let wal = Wal::new(&path, Database::connect(fold).await?);
        let inner = Inner { writer, reader, wal: Some(wal), signals: Signals::local(), _lock: Some(lock) };
        Ok(Self { inner: Arc::new(inner) })
    }

    async fn open_postgres(options: &Options) -> Result<Self> {
        let mut connect = ConnectOptions::new(options.url.clone());
        connect
            .max_connections(options.max_connections.max(4))
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .sqlx_logging(false)
            .set_application_name("hookstream")
            .test_before_acquire_if_idle_for(Duration::from_secs(5));
        let pool = Database::connect(connect).await?;
        let signals = Signals::shared(pool.get_postgres_connection_pool().clone());
        Ok(Self { inner: Arc::new(Inner { writer: pool.clone(), reader: pool, wal: None, signals, _lock: None }) })
    }

    /// Brings the schema to the version of this program.
    pub async fn migrate(&self) -> Result<()> {
        if !self.is_shared() {
            return Ok(Migrator::up(self.writer(), None).await?);
        }
        // Processes that start at once take their turns; the lock goes with the transaction, whatever happens.
        let turn = self.begin().await?;
        turn.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).await?;
        Migrator::up(self.writer(), None).await?;
        turn.commit().await?;
        Ok(())
    }

    /// How many steps of the schema are not yet taken.
    pub async fn pending_migrations(&self) -> Result<usize> {
        Ok(Migrator::get_pending_migrations(self.writer()).await?.len())
    }

    /// Whether the database answers a query.
    pub async fn ping(&self) -> Result<()> {
        self.reader().query_one_raw(Statement::from_string(self.backend(), "SELECT 1")).await?;
        Ok(())
    }

    pub async fn close(&self) {
        let folder = self.wal().map(Wal::folder);
        for connection in [&self.inner.reader, &self.inner.writer].into_iter().chain(folder) {
            if let Err(error) = connection.clone().close().await {
                tracing::warn!(%error, "closing the database failed");
            }
        }
    }

    /// What changed, told to this process and, on PostgreSQL, to all others.
    pub fn signals(&self) -> &Signals {
        &self.inner.signals
    }

    /// Whether other processes may use the same database.
    pub fn is_shared(&self) -> bool {
        self.backend() == DbBackend::Postgres
    }

    pub(crate) fn backend(&self) -> DbBackend {
        self.inner.writer.get_database_backend()
    }

    pub(crate) fn writer(&self) -> &DatabaseConnection {
        &self.inner.writer
    }

    pub(crate) fn wal(&self) -> Option<&Wal> {
        self.inner.wal.as_ref()
    }

    pub(crate) fn reader(&self) -> &DatabaseConnection {
        &self.inner.reader
    }

    /// Begins a transaction that may write. On SQLite it takes the write lock at once: one that reads first and
    /// then writes would fail under concurrency.
    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction> {
        let sqlite_transaction_mode = Some(SqliteTransactionMode::Immediate);
        let options = TransactionOptions { sqlite_transaction_mode, ..TransactionOptions::default() };
        Ok(self.writer().begin_with_options(options).await?)
    }

    pub(crate) fn statement(&self, sql: impl Into<String>, values: impl IntoIterator<Item = Value>) -> Statement {
        Statement::from_sql_and_values(self.backend(), sql, values)
    }
}

fn lock_file(database: &std::path::Path) -> Result<std::fs::File> {
    let path = database.with_extension("lock");
    let setup = |error: std::io::Error| StoreError::Setup(format!("{} cannot be opened: {error}", path.display()));
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(setup)?;
    }
    let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(setup)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::Setup(format!(
            "{} is in use by another hookstream process; an SQLite file has one at a time (several need PostgreSQL)",
            database.display()
        ))),
        Err(std::fs::TryLockError::Error(error)) => Err(setup(error)),
    }
}
