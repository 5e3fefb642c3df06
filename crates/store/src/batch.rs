//! Writing many rows with few statements, as one transaction.
//!
//! A [`RowStatement`] is written once for both databases, with `{rows}` where its rows stand. On SQLite they become
//! `VALUES`, and all statements of a transaction go to its thread together. On PostgreSQL they are selected from arrays,
//! one a column, so that a statement is the same however many rows there are and takes one round trip. Either way
//! their columns are called `column1`, `column2` and so on. A value that is the same for all rows stands behind them as
//! `{all}`, and `{by_event}` behind the name of the deliveries makes SQLite find them by their event.

mod postgres;
mod sqlite;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, RuntimeErr, Statement, Value};

use crate::{
    db::Store,
    error::{Result, StoreError},
};

/// A statement and its rows, which have all the same types, and whose first column is never null.
pub(crate) struct RowStatement {
    pub sql: &'static str,
    pub rows: Vec<Vec<Value>>,
    pub all: Option<Value>,
}

impl RowStatement {
    pub fn new(sql: &'static str, rows: Vec<Vec<Value>>) -> Self {
        Self { sql, rows, all: None }
    }
}

impl Store {
    /// Runs inserts, none of which looks at what another one does, as one transaction.
    pub(crate) async fn insert_together(&self, inserts: Vec<RowStatement>) -> Result<()> {
        match self.backend() {
            DbBackend::Postgres => postgres::run_together(self, inserts).await,
            _ => sqlite::run(self, inserts).await,
        }
    }

    /// Runs statements one after the other as one transaction.
    pub(crate) async fn run_in_order(&self, statements: Vec<RowStatement>) -> Result<()> {
        match self.backend() {
            DbBackend::Postgres => postgres::run_in_order(self, statements).await,
            _ => sqlite::run(self, statements).await,
        }
    }

    /// Runs one statement over one row as a part of a transaction.
    pub(crate) async fn run_row(
        &self,
        transaction: &DatabaseTransaction,
        sql: &str,
        row: impl IntoIterator<Item = Value>,
    ) -> Result<()> {
        let row: Vec<Value> = row.into_iter().collect();
        let places: Vec<String> = (1..=row.len()).map(|number| format!("${number}")).collect();
        let sql = sql.replace("{rows}", &format!("VALUES ({})", places.join(",")));
        let sql = sql.replace("{by_event}", if self.is_shared() { "" } else { sqlite::BY_EVENT });
        transaction.execute_raw(Statement::from_sql_and_values(self.backend(), sql, row)).await?;
        Ok(())
    }
}

fn failed(error: sqlx::Error) -> StoreError {
    DbErr::Exec(RuntimeErr::SqlxError(error.into())).into()
}

fn not_bound(error: impl std::fmt::Display) -> StoreError {
    StoreError::Database(format!("a value could not be bound: {error}"))
}
