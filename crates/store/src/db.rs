//! Connections to the database. On SQLite one connection writes and a pool reads; on PostgreSQL one pool does both.

use std::{path::PathBuf, sync::Arc, time::Duration};

use log::LevelFilter;
use migrations::Migrator;
use sea_orm::{ConnectOptions as PoolOptions, ConnectionTrait, Database, DbBackend, Statement, Value};
use sea_orm_migration::MigratorTrait;
use sqlx::{
    ConnectOptions, Connection,
    sqlite::{SqliteJournalMode, SqliteSynchronous},
};

use crate::{
    connection::{Connection as Pool, Transaction},
    error::{Result, StoreError},
    postgres::{Pooler, Postgres, Servers},
    signals::{Hearing, Signals},
    sqlite::Sqlite,
    wal::Wal,
};

/// Where the database is and how it is used.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `sqlite:<path>` or `postgres://…`, where several servers may be named: `postgres://user:password@a:5432,b:5432/db`.
    pub url: String,
    /// How many connections a process may hold (PostgreSQL), or how many may read at once (SQLite).
    pub max_connections: u32,
    /// What stands before PostgreSQL.
    pub pooler: Pooler,
    /// PostgreSQL itself, where `url` leads to a pooler that cannot carry notifications.
    pub listen_url: Option<String>,
}

/// How long a statement may wait for a connection, and how long it may wait for a lock.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How large the file of SQLite's write-ahead log stays when it begins anew.
const LOG_BYTES: &str = "67108864";

/// Each statement stands in the log, with its time, where `sqlx::query` is logged at `trace`.
pub(crate) fn logged<O: ConnectOptions>(options: O) -> O {
    // None counts as slow: those would have a level of their own.
    options.log_statements(LevelFilter::Trace).log_slow_statements(LevelFilter::Off, Duration::MAX)
}

/// The database. Clones share its connections.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    writer: Pool,
    reader: Pool,
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

    /// The same only to look: also an SQLite file that another process has. Nothing can be written.
    pub async fn look(options: &Options) -> Result<Self> {
        let Some(path) = options.url.strip_prefix("sqlite:") else { return Self::connect(options).await };
        let mut read = PoolOptions::new(format!("sqlite://{}?mode=ro", path.trim_start_matches("//")));
        read.max_connections(1).acquire_timeout(ACQUIRE_TIMEOUT).sqlx_logging(false);
        read.map_sqlx_sqlite_opts(|options| options.busy_timeout(BUSY_TIMEOUT));
        let reader = Pool::Sqlite(Sqlite::new(Database::connect(read).await?));
        let signals = Signals::local();
        Ok(Self { inner: Arc::new(Inner { writer: reader.clone(), reader, wal: None, signals, _lock: None }) })
    }

    async fn open_sqlite(path: &str, readers: u32) -> Result<Self> {
        let path = PathBuf::from(path);
        let lock = lock_file(&path)?;
        let url = format!("sqlite://{}?mode=rwc", path.display());
        let mut write = PoolOptions::new(url.clone());
        write.max_connections(1).min_connections(1).acquire_timeout(ACQUIRE_TIMEOUT).sqlx_logging(false);
        write.idle_timeout(None).max_lifetime(None).test_before_acquire(false);
        write.map_sqlx_sqlite_opts(|options| {
            logged(options)
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
        let mut read = PoolOptions::new(url);
        read.max_connections(readers.max(1)).acquire_timeout(ACQUIRE_TIMEOUT).sqlx_logging(false);
        read.test_before_acquire(false);
        read.map_sqlx_sqlite_opts(|options| {
            let options = logged(options).busy_timeout(BUSY_TIMEOUT);
            options.pragma("query_only", "true").pragma("cache_size", "-8000")
        });
        let reader = Database::connect(read).await?;
        let mut fold = PoolOptions::new(format!("sqlite://{}", path.display()));
        fold.max_connections(1).acquire_timeout(ACQUIRE_TIMEOUT).sqlx_logging(false);
        fold.map_sqlx_sqlite_opts(|options| options.synchronous(SqliteSynchronous::Normal).busy_timeout(BUSY_TIMEOUT));
        let wal = Wal::new(&path, Pool::Sqlite(Sqlite::new(Database::connect(fold).await?)));
        let (writer, reader) = (Pool::Sqlite(Sqlite::new(writer)), Pool::Sqlite(Sqlite::new(reader)));
        let inner = Inner { writer, reader, wal: Some(wal), signals: Signals::local(), _lock: Some(lock) };
        Ok(Self { inner: Arc::new(inner) })
    }

    async fn open_postgres(options: &Options) -> Result<Self> {
        let postgres = Postgres::connect(&options.url, options.max_connections.max(4), options.pooler).await?;
        let hearing = match (&options.listen_url, options.pooler) {
            (Some(url), _) => Hearing::From(Servers::parse(url)?),
            (None, Pooler::None) => Hearing::FromWhereItTells,
            (None, Pooler::Transaction) => Hearing::ByLooking,
        };
        let signals = Signals::shared(postgres.clone(), hearing);
        let pool = Pool::Postgres(postgres);
        Ok(Self { inner: Arc::new(Inner { writer: pool.clone(), reader: pool, wal: None, signals, _lock: None }) })
    }

    /// Brings the schema to the version of this program.
    pub async fn migrate(&self) -> Result<()> {
        match self.writer() {
            Pool::Sqlite(sqlite) => Ok(Migrator::up(sqlite.ask().pool(), None).await?),
            Pool::Postgres(postgres) => postgres.migrate::<Migrator>().await,
        }
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
            if let Err(error) = connection.close().await {
                tracing::warn!(%error, "closing the database failed");
            }
        }
    }

    /// Whether answers of the database may have been lost since this was last asked: what it then holds for this process
    /// may not be known here.
    #[must_use]
    pub fn take_doubt(&self) -> bool {
        match self.writer() {
            Pool::Sqlite(_) => false,
            Pool::Postgres(postgres) => postgres.take_doubt(),
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

    pub(crate) fn writer(&self) -> &Pool {
        &self.inner.writer
    }

    pub(crate) fn wal(&self) -> Option<&Wal> {
        self.inner.wal.as_ref()
    }

    pub(crate) fn reader(&self) -> &Pool {
        &self.inner.reader
    }

    /// Begins a transaction that may write.
    pub(crate) async fn begin(&self) -> Result<Transaction> {
        self.writer().begin().await
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
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::InUse(format!(
            "{} is in use by another hookstream process; an SQLite file has one at a time (several need PostgreSQL)",
            database.display()
        ))),
        Err(std::fs::TryLockError::Error(error)) => Err(setup(error)),
    }
}
