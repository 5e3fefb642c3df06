//! A connection that is in use.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::TryStreamExt;
use sea_orm::{DbErr, ExecResult, QueryResult, RuntimeErr};
use sqlx::{
    AssertSqlSafe, Either, Executor, PgConnection, Postgres,
    pool::PoolConnection,
    postgres::{PgArguments, PgQueryResult, PgRow},
};

use tokio::sync::OwnedSemaphorePermit;

use super::{
    servers::Servers,
    spares::{Spare, Spares},
};

/// How long a statement may take on PostgreSQL. Beyond it nobody waits any more, and the connection may be one to a machine
/// that is gone.
pub const STATEMENT_LIMIT: Duration = Duration::from_secs(15);

/// How a statement is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prepared {
    /// Prepared once for its connection, and kept.
    Kept,
    /// Without a name, to be forgotten at once.
    Never,
}

/// What a statement did.
#[derive(Default)]
pub(crate) struct Outcome {
    pub rows: Vec<PgRow>,
    affected: PgQueryResult,
}

/// A connection of the pool. It is closed unless it is given back, and also then when it is not certain what state it is in.
pub(super) struct Checkout {
    connection: Option<PoolConnection<Postgres>>,
    servers: Arc<Servers>,
    spares: Arc<Spares>,
    /// It was made after this moment.
    born: Instant,
    /// Since when its server is in use.
    since: Instant,
    state: State,
    _place: OwnedSemaphorePermit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ready,
    /// A statement is running, or nobody waited for its end.
    Running,
    /// The server, or the way to it, is not what it should be.
    Broken,
}

impl Checkout {
    pub fn new(
        connection: PoolConnection<Postgres>,
        born: Instant,
        place: OwnedSemaphorePermit,
        spares: Arc<Spares>,
        servers: Arc<Servers>,
        since: Instant,
    ) -> Self {
        Self { connection: Some(connection), servers, spares, born, since, state: State::Ready, _place: place }
    }

    /// Whether it can take another statement.
    pub fn is_ready(&self) -> bool {
        self.state == State::Ready
    }

    /// Runs a statement to its end, unless that takes too long or another server is in use by then.
    pub async fn run(
        &mut self,
        sql: String,
        arguments: Option<PgArguments>,
        prepared: Prepared,
    ) -> sqlx::Result<Outcome> {
        let Some(connection) = self.connection.as_mut().filter(|_| self.state == State::Ready) else {
            return Err(sqlx::Error::WorkerCrashed);
        };
        self.state = State::Running;
        let outcome = tokio::select! {
            outcome = tokio::time::timeout(STATEMENT_LIMIT, run(connection, sql, arguments, prepared)) => {
                outcome.unwrap_or_else(|_| Err(gone(std::io::ErrorKind::TimedOut, "the statement took too long")))
            }
            () = self.servers.moves_from(self.since) => {
                Err(gone(std::io::ErrorKind::ConnectionAborted, "another server is in use now"))
            }
        };
        self.state = match &outcome {
            Ok(_) => State::Ready,
            Err(error) if is_of_the_statement(error) => State::Ready,
            Err(_) => State::Broken,
        };
        outcome
    }

    /// For another to use, if it can be.
    pub fn give_back(mut self) {
        if self.state == State::Ready
            && let Some(connection) = self.connection.take()
        {
            self.spares.put(Spare::new(connection, self.born));
        }
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        // The pool would wait for the end of what is running, which on a connection to nowhere is never.
        drop(connection.detach());
        if self.state != State::Ready {
            self.servers.suspect();
        }
    }
}

impl Outcome {
    pub fn executed(self) -> ExecResult {
        self.affected.into()
    }

    pub fn first(self) -> Option<QueryResult> {
        self.rows.into_iter().next().map(QueryResult::from)
    }

    pub fn all(self) -> Vec<QueryResult> {
        self.rows.into_iter().map(QueryResult::from).collect()
    }
}

async fn run(
    connection: &mut PgConnection,
    sql: String,
    arguments: Option<PgArguments>,
    prepared: Prepared,
) -> sqlx::Result<Outcome> {
    let sql = AssertSqlSafe(sql);
    let mut stream = match arguments {
        Some(arguments) => {
            let query = sqlx::query_with(sql, arguments).persistent(prepared == Prepared::Kept);
            connection.fetch_many(query)
        }
        None => connection.fetch_many(sqlx::raw_sql(sql)),
    };
    let mut outcome = Outcome::default();
    while let Some(step) = stream.try_next().await? {
        match step {
            Either::Left(affected) => outcome.affected.extend([affected]),
            Either::Right(row) => outcome.rows.push(row),
        }
    }
    Ok(outcome)
}

/// Whether it says something of the statement alone, and nothing of the server or the way to it.
fn is_of_the_statement(error: &sqlx::Error) -> bool {
    match error {
        // The connection, a server that ends or starts, one that does not take writes.
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| !["08", "57P", "25006"].iter().any(|class| code.starts_with(class)))
        }
        sqlx::Error::RowNotFound
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::Encode(_)
        | sqlx::Error::Decode(_) => true,
        _ => false,
    }
}

pub(super) fn gone(kind: std::io::ErrorKind, what: &str) -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(kind, what))
}

pub(crate) fn exec_error(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}
