//! PostgreSQL: a pool of connections to whichever of the named servers takes writes.
//!
//! [`servers`] knows the servers and finds the one that is not a standby; [`checkout`] is a connection in use, which is
//! closed rather than used again when its statement was cut short; [`transaction`] is several statements as one.
//!
//! Statements are sent in one of two ways. Directly, a connection prepares each once, and running it is one round trip.
//! Behind a pooler in transaction mode ([`Pooler::Transaction`]) a connection has the same server from BEGIN to COMMIT
//! only, and what it prepared may be gone, or be another's, after that: there every statement stands in a transaction and
//! has no name.

pub(crate) mod checkout;
mod servers;
mod spares;
pub(crate) mod transaction;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sea_orm::{ConnectionTrait, DatabaseConnection, SqlxPostgresConnector, TransactionTrait};
use sea_orm_migration::MigratorTrait;
use sqlx::{
    PgPool, Row,
    pool::PoolConnection,
    postgres::{PgArguments, PgConnectOptions, PgPoolOptions},
};
use tokio::task::AbortHandle;

pub use self::checkout::STATEMENT_LIMIT;
pub(crate) use self::servers::Servers;
use self::{
    checkout::{Checkout, Outcome, Prepared},
    servers::Situation,
    spares::{ACQUIRE_TIMEOUT, Spare, Spares},
    transaction::PostgresTransaction,
};
use crate::error::{Result, StoreError};

/// What stands between this process and PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pooler {
    /// Nothing, or what keeps a server for a connection as long as it lasts, such as `PgBouncer` in session mode.
    #[default]
    None,
    /// What gives a connection a server for one transaction at a time.
    Transaction,
}

/// A connection that was idle for longer is asked whether it still works before it is used.
const TRUSTED_IDLE: Duration = Duration::from_secs(5);
/// How long it may take to say so.
const CHECK_LIMIT: Duration = Duration::from_secs(1);
/// How long connections may take to close when the process ends.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// The advisory lock that is held while the schema is changed.
const MIGRATION_LOCK: i64 = 0x68_6f_6f_6b;

/// The pool. Clones share it.
#[derive(Clone)]
pub(crate) struct Postgres {
    inner: Arc<Inner>,
}

struct Inner {
    /// Makes connections, and knows how many there are.
    pool: PgPool,
    spares: Arc<Spares>,
    pooler: Pooler,
    servers: Arc<Servers>,
    following: Option<AbortHandle>,
}

impl Postgres {
    pub async fn connect(url: &str, max_connections: u32, pooler: Pooler) -> Result<Self> {
        let servers = Arc::new(Servers::parse(url)?);
        let options = servers.find_first().await?;
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .after_connect({
                let servers = Arc::clone(&servers);
                move |connection, _| {
                    let servers = Arc::clone(&servers);
                    Box::pin(async move {
                        if servers::takes_writes(connection).await? {
                            return Ok(());
                        }
                        servers.suspect();
                        Err(sqlx::Error::Configuration("the server is a standby, or set to be read only".into()))
                    })
                }
            })
            .connect_with(options)
            .await?;
        let following = servers.has_choice().then(|| tokio::spawn(servers::follow(Arc::clone(&servers), pool.clone())));
        let following = following.map(|task| task.abort_handle());
        let spares = Spares::new(max_connections);
        // The first one as well: the pool itself keeps none.
        let born = Instant::now();
        spares.put(Spare::new(pool.acquire().await?, born));
        let postgres = Self { inner: Arc::new(Inner { pool, spares, pooler, servers, following }) };
        if pooler == Pooler::None && postgres.shares_connections().await? {
            return Err(StoreError::Setup(
                "the database is reached by way of a pooler in transaction mode, where prepared statements get mixed up: \
                 set HOOKSTREAM_DATABASE_POOLER=transaction, or let the pooler use session mode"
                    .into(),
            ));
        }
        Ok(postgres)
    }

    /// Whether two connections of ours have one server, or one of them has two, so that there is a pooler in between. While
    /// others are busy there it may go unnoticed.
    async fn shares_connections(&self) -> sqlx::Result<bool> {
        let (mut a, mut b) = (self.check_out().await?, self.check_out().await?);
        let mark = format!("{:016x}", random());
        let seen = "SELECT coalesce(current_setting('hookstream.mark', true), '')";
        let is_marked = |outcome: Outcome| match outcome.rows.first() {
            Some(row) => row.try_get::<String, _>(0).map(|found| found == mark),
            None => Ok(false),
        };
        a.run(format!("SET hookstream.mark = '{mark}'"), None, Prepared::Never).await?;
        // From here on the other one keeps the server that it was given.
        let b_is_marked = is_marked(b.run(format!("BEGIN; {seen}"), None, Prepared::Never).await?)?;
        let a_is_marked = is_marked(a.run(seen.to_owned(), None, Prepared::Never).await?)?;
        b.run("ROLLBACK".to_owned(), None, Prepared::Never).await?;
        a.run("SET hookstream.mark = ''".to_owned(), None, Prepared::Never).await?;
        a.give_back();
        b.give_back();
        Ok(b_is_marked || !a_is_marked)
    }

    /// Runs one statement.
    pub async fn run(&self, sql: String, arguments: PgArguments) -> sqlx::Result<Outcome> {
        match self.inner.pooler {
            Pooler::None => {
                let mut checkout = self.check_out().await?;
                let outcome = checkout.run(sql, Some(arguments), Prepared::Kept).await;
                checkout.give_back();
                outcome
            }
            Pooler::Transaction => {
                let transaction = self.begin().await?;
                match transaction.run(sql, Some(arguments)).await {
                    Ok(outcome) => transaction.commit().await.map(|()| outcome),
                    Err(error) => {
                        transaction.rollback().await;
                        Err(error)
                    }
                }
            }
        }
    }

    /// Runs statements without values, in one round trip and as one transaction.
    pub async fn run_simple(&self, sql: &str) -> sqlx::Result<Outcome> {
        let mut checkout = self.check_out().await?;
        let outcome = checkout.run(sql.to_owned(), None, Prepared::Never).await;
        checkout.give_back();
        outcome
    }

    pub async fn begin(&self) -> sqlx::Result<PostgresTransaction> {
        let prepared = match self.inner.pooler {
            Pooler::None => Prepared::Kept,
            Pooler::Transaction => Prepared::Never,
        };
        PostgresTransaction::begin(self.check_out().await?, prepared).await
    }

    async fn check_out(&self) -> sqlx::Result<Checkout> {
        let Inner { pool, spares, servers, .. } = &*self.inner;
        let place = spares.place().await.inspect_err(|_| servers.suspect())?;
        let mut situation = servers.situation();
        loop {
            let Situation { since, takes_writes } = *situation.borrow_and_update();
            if let Some((connection, born)) = self.spare().await {
                return Ok(Checkout::new(connection, born, place, Arc::clone(spares), Arc::clone(servers), since));
            }
            let born = Instant::now();
            let acquired = if takes_writes {
                tokio::select! {
                    acquired = pool.acquire() => acquired,
                    // A connection to a server that is gone may take long to fail.
                    Ok(()) = situation.changed() => continue,
                }
            } else {
                Err(checkout::gone(std::io::ErrorKind::NotConnected, "no database server takes writes now"))
            };
            return match acquired {
                Ok(connection) => {
                    Ok(Checkout::new(connection, born, place, Arc::clone(spares), Arc::clone(servers), since))
                }
                Err(error) => {
                    servers.suspect();
                    Err(error)
                }
            };
        }
    }

    /// A connection that is there already and still good, and since when it is there.
    async fn spare(&self) -> Option<(PoolConnection<sqlx::Postgres>, Instant)> {
        let servers = &self.inner.servers;
        while let Some(mut spare) = self.inner.spares.take() {
            if servers.has_moved_since(Some(spare.born)) {
                continue;
            }
            let is_trusted =
                spare.idle_since.elapsed() < TRUSTED_IDLE && !servers.is_suspect_since(Some(spare.idle_since));
            if !is_trusted {
                let Some(connection) = spare.connection() else { continue };
                let takes_writes = tokio::time::timeout(CHECK_LIMIT, servers::takes_writes(connection)).await;
                if !matches!(takes_writes, Ok(Ok(true))) {
                    continue;
                }
            }
            let born = spare.born;
            if let Some(connection) = spare.into_connection() {
                return Some((connection, born));
            }
        }
        None
    }

    /// Brings the schema up to date. Processes that start at once take their turns.
    pub async fn migrate<M: MigratorTrait>(&self) -> Result<()> {
        // A connection of its own, whose statements take as long as they take.
        let options = self.connect_options().statement_cache_capacity(0);
        let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE_TIMEOUT);
        let pool: DatabaseConnection =
            SqlxPostgresConnector::from_sqlx_postgres_pool(pool.connect_with(options).await?);
        let migrated = migrate::<M>(&pool, self.inner.pooler).await;
        pool.close().await?;
        migrated
    }

    /// Of the server that is in use now.
    pub fn connect_options(&self) -> PgConnectOptions {
        PgConnectOptions::clone(&self.inner.pool.connect_options())
    }

    /// Since when the server in use is so.
    pub fn in_use_since(&self) -> Instant {
        self.inner.servers.situation().borrow().since
    }

    /// Ends when another server is in use than the one that was so since `since`.
    pub async fn moves_from(&self, since: Instant) {
        self.inner.servers.moves_from(since).await;
    }

    /// Whether answers may have been lost since this was last asked.
    pub fn take_doubt(&self) -> bool {
        self.inner.servers.take_doubt()
    }

    pub async fn close(&self) {
        self.inner.spares.close();
        if tokio::time::timeout(CLOSE_LIMIT, self.inner.pool.close()).await.is_err() {
            tracing::warn!("connections to the database are left to themselves: they did not close in time");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(following) = &self.following {
            following.abort();
        }
    }
}

/// The standard library seeds its hash maps from the system's randomness, which is all that is needed to tell processes apart.
pub(crate) fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

/// In one transaction, with which the lock goes, whatever happens.
async fn migrate<M: MigratorTrait>(pool: &DatabaseConnection, pooler: Pooler) -> Result<()> {
    // What others have left prepared on a pooler's connection may have the names that are used in here, and the
    // other way round.
    let forget = "DEALLOCATE ALL";
    let transaction = pool.begin().await?;
    if pooler == Pooler::Transaction {
        transaction.execute_unprepared(forget).await?;
    }
    transaction.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).await?;
    M::up(&transaction, None).await?;
    if pooler == Pooler::Transaction {
        transaction.execute_unprepared(forget).await?;
    }
    transaction.commit().await.map_err(StoreError::from)
}
