//! SQLite's connections, and how those who want the one that writes take turns.
//!
//! A pool hands it from one to the next, and tries it whenever it comes back: that is a way to SQLite's thread and back, which takes
//! longer than a small commit. So whoever commits again and again keeps it (see [`Kept`]) until somebody else asks for it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use sea_orm::{DatabaseConnection, SqliteTransactionMode, TransactionOptions, TransactionTrait};
use sqlx::{SqliteConnection, Transaction, pool::PoolConnection};
use tokio::sync::Notify;

use crate::error::Result;

/// A pool of connections. Clones share it.
#[derive(Clone)]
pub(crate) struct Sqlite {
    pool: DatabaseConnection,
    turns: Arc<Turns>,
}

#[derive(Default)]
struct Turns {
    /// How many have asked and have not yet done what they wanted.
    asking: AtomicUsize,
    asked: Notify,
}

/// Somebody who wants a connection, until it is dropped.
pub(crate) struct Asking<'a>(&'a Sqlite);

/// A connection that is kept from one use to the next.
#[derive(Default)]
pub(crate) struct Kept(Option<PoolConnection<sqlx::Sqlite>>);

impl Sqlite {
    pub fn new(pool: DatabaseConnection) -> Self {
        Self { pool, turns: Arc::default() }
    }

    /// What stands for the pool as long as somebody wants a connection.
    pub fn ask(&self) -> Asking<'_> {
        self.turns.asking.fetch_add(1, Ordering::AcqRel);
        self.turns.asked.notify_one();
        Asking(self)
    }

    /// Begins a transaction that may write. It takes the write lock at once: one that reads first and then writes would fail
    /// under concurrency.
    pub async fn begin(&self) -> Result<sea_orm::DatabaseTransaction> {
        let sqlite_transaction_mode = Some(SqliteTransactionMode::Immediate);
        let options = TransactionOptions { sqlite_transaction_mode, ..TransactionOptions::default() };
        Ok(self.ask().pool().begin_with_options(options).await?)
    }

    /// The same for statements in the driver's own form.
    pub async fn begin_driver(&self) -> Result<Transaction<'static, sqlx::Sqlite>> {
        Ok(self.ask().pool().get_sqlite_connection_pool().begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Whether somebody wants a connection.
    pub fn is_asked(&self) -> bool {
        self.turns.asking.load(Ordering::Acquire) > 0
    }

    /// Returns once somebody wants a connection, or did since this was last waited for.
    pub async fn asked(&self) {
        self.turns.asked.notified().await;
    }
}

impl Asking<'_> {
    pub const fn pool(&self) -> &DatabaseConnection {
        &self.0.pool
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.turns.asking.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Kept {
    /// The connection that is kept, or one of the pool that is kept from now on.
    pub async fn connection(&mut self, sqlite: &Sqlite) -> Result<&mut SqliteConnection> {
        let connection = match self.0.take() {
            Some(connection) => connection,
            None => sqlite.pool.get_sqlite_connection_pool().acquire().await?,
        };
        Ok(self.0.insert(connection))
    }

    pub const fn is_some(&self) -> bool {
        self.0.is_some()
    }

    pub fn give_back(&mut self) {
        self.0 = None;
    }
}
