//! Writing many rows with few statements, as one transaction.
//!
//! A [`RowStatement`] has `{rows}` where its rows stand. On SQLite they become `VALUES`. On PostgreSQL they are selected from arrays, one a column, so that a statement is the same
//! however many rows there are, and all statements are parts of one, which takes one round trip and is a transaction by
//! itself. Either way their columns are called `column1`, `column2` and so on. A value that is the same for all rows stands
//! behind them as `{all}`.
//!
//! On SQLite a statement sees what the ones before it did; on PostgreSQL only what they return, under their names.

mod postgres;
pub(crate) mod sqlite;

use std::borrow::Cow;

use sea_orm::{QueryResult, Value};

use crate::{
    connection::Connection,
    db::Store,
    error::{Result, StoreError},
    sqlite::Kept,
};

/// A statement and its rows, which have all the same types, and whose first column is never null.
pub(crate) struct RowStatement {
    pub name: &'static str,
    pub sql: Cow<'static, str>,
    /// Without any the statement is left out, unless it is `Rows::OfAnother`.
    pub rows: Rows,
    pub all: Option<Value>,
}

pub(crate) enum Rows {
    Given(Vec<Vec<Value>>),
    /// The statement is run for each of them, with a `?` for each value and, behind them, for `all`. On SQLite alone, where
    /// it is quicker than one statement that goes through all of them.
    EachAlone(Vec<Vec<Value>>),
    /// Those that another statement returns. On PostgreSQL alone.
    OfAnother,
}

impl RowStatement {
    pub fn new(name: &'static str, sql: impl Into<Cow<'static, str>>, rows: Vec<Vec<Value>>) -> Self {
        Self { name, sql: sql.into(), rows: Rows::Given(rows), all: None }
    }

    pub fn with_all(self, value: impl Into<Value>) -> Self {
        Self { all: Some(value.into()), ..self }
    }
}

/// What stands around the statements of a transaction.
pub(crate) struct Between<F> {
    pub before: Vec<RowStatement>,
    /// Each reads what has to be known, and locks it.
    pub reads: Vec<RowStatement>,
    /// What follows from what each of them read, and sees what all statements before it did.
    pub follow_up: F,
}

/// Statements that only have to be run.
pub(crate) enum Prepared {
    Postgres(Vec<RowStatement>),
    Sqlite(sqlite::Chunks),
}

impl Store {
    /// Does what can be done of statements before their transaction begins.
    pub(crate) fn prepare(&self, statements: Vec<RowStatement>) -> Result<Prepared> {
        Ok(match self.writer() {
            Connection::Postgres(_) => Prepared::Postgres(statements),
            Connection::Sqlite(_) => Prepared::Sqlite(sqlite::in_chunks(statements)?),
        })
    }

    /// Runs statements as one transaction, with others before and after them.
    pub(crate) async fn run_between<F>(&self, between: Between<F>, statements: Prepared) -> Result<()>
    where
        F: FnOnce(Vec<Vec<QueryResult>>) -> Result<Vec<RowStatement>> + Send,
    {
        match (self.writer(), statements) {
            (Connection::Postgres(database), Prepared::Postgres(statements)) => {
                postgres::run_between(database, between, statements).await
            }
            (Connection::Sqlite(sqlite), Prepared::Sqlite(chunks)) => {
                sqlite::run_between(sqlite, between, chunks).await
            }
            _ => Err(not_bound("they were prepared for another database")),
        }
    }

    /// Runs statements as one transaction.
    pub(crate) async fn run_together(&self, statements: Vec<RowStatement>) -> Result<()> {
        match (self.writer(), self.prepare(statements)?) {
            (Connection::Sqlite(sqlite), Prepared::Sqlite(chunks)) => sqlite::run(sqlite, chunks).await,
            (_, prepared) => self.run_to_end(prepared, &mut Kept::default()).await,
        }
    }

    /// The same, as quickly as can be, on SQLite by the connection that is kept. Must not be dropped before it has ended.
    pub(crate) async fn run_to_end(&self, statements: Prepared, kept: &mut Kept) -> Result<()> {
        match (self.writer(), statements) {
            (Connection::Postgres(database), Prepared::Postgres(statements)) => {
                postgres::run(database, statements).await
            }
            (Connection::Sqlite(sqlite), Prepared::Sqlite(chunks)) => sqlite::run_to_end(sqlite, chunks, kept).await,
            _ => Err(not_bound("they were prepared for another database")),
        }
    }
}

pub(crate) fn not_bound(error: impl std::fmt::Display) -> StoreError {
    StoreError::Database(format!("a value could not be bound: {error}"))
}
