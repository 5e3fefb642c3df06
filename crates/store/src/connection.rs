//! A connection of either database, as the rest of the store uses it.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use sea_query_sqlx::SqlxValues;
use sqlx::{IntoArguments, postgres::PgArguments};

use crate::{
    error::StoreError,
    postgres::{
        Postgres,
        checkout::{Outcome, exec_error},
        transaction::PostgresTransaction,
    },
    sqlite::Sqlite,
};

/// Connections of a pool. Clones share it.
#[derive(Clone)]
pub(crate) enum Connection {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// Several statements as one. Dropping it rolls it back.
pub(crate) enum Transaction {
    Sqlite(DatabaseTransaction),
    Postgres(PostgresTransaction),
}

impl Connection {
    /// Begins a transaction that may write.
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        match self {
            Self::Sqlite(sqlite) => Ok(Transaction::Sqlite(sqlite.begin().await?)),
            Self::Postgres(postgres) => Ok(Transaction::Postgres(postgres.begin().await?)),
        }
    }

    pub async fn close(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => Ok(sqlite.ask().pool().close_by_ref().await?),
            Self::Postgres(postgres) => {
                postgres.close().await;
                Ok(())
            }
        }
    }

    async fn run(postgres: &Postgres, statement: Statement) -> Result<Outcome, DbErr> {
        let (sql, arguments) = in_parts(statement);
        postgres.run(sql, arguments).await.map_err(exec_error)
    }
}

impl Transaction {
    pub async fn commit(self) -> Result<(), DbErr> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await,
            Self::Postgres(transaction) => transaction.commit().await.map_err(exec_error),
        }
    }

    pub async fn rollback(self) -> Result<(), DbErr> {
        match self {
            Self::Sqlite(transaction) => transaction.rollback().await,
            Self::Postgres(transaction) => {
                transaction.rollback().await;
                Ok(())
            }
        }
    }

    async fn run(transaction: &PostgresTransaction, statement: Statement) -> Result<Outcome, DbErr> {
        let (sql, arguments) = in_parts(statement);
        transaction.run(sql, Some(arguments)).await.map_err(exec_error)
    }
}

fn in_parts(statement: Statement) -> (String, PgArguments) {
    let values = statement.values.map(SqlxValues);
    let arguments = values.map(<SqlxValues as IntoArguments<sqlx::Postgres>>::into_arguments);
    (statement.sql, arguments.unwrap_or_default())
}

#[async_trait::async_trait]
impl ConnectionTrait for Connection {
    fn get_database_backend(&self) -> DbBackend {
        match self {
            Self::Sqlite(_) => DbBackend::Sqlite,
            Self::Postgres(_) => DbBackend::Postgres,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::Sqlite(sqlite) => sqlite.ask().pool().execute_raw(statement).await,
            Self::Postgres(postgres) => Self::run(postgres, statement).await.map(Outcome::executed),
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Self::Sqlite(sqlite) => sqlite.ask().pool().execute_unprepared(sql).await,
            Self::Postgres(postgres) => postgres.run_simple(sql).await.map(Outcome::executed).map_err(exec_error),
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            Self::Sqlite(sqlite) => sqlite.ask().pool().query_one_raw(statement).await,
            Self::Postgres(postgres) => Self::run(postgres, statement).await.map(Outcome::first),
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Sqlite(sqlite) => sqlite.ask().pool().query_all_raw(statement).await,
            Self::Postgres(postgres) => Self::run(postgres, statement).await.map(Outcome::all),
        }
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        match self {
            Self::Sqlite(transaction) => transaction.get_database_backend(),
            Self::Postgres(_) => DbBackend::Postgres,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::Sqlite(transaction) => transaction.execute_raw(statement).await,
            Self::Postgres(transaction) => Self::run(transaction, statement).await.map(Outcome::executed),
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Self::Sqlite(transaction) => transaction.execute_unprepared(sql).await,
            Self::Postgres(transaction) => {
                transaction.run(sql.to_owned(), None).await.map(Outcome::executed).map_err(exec_error)
            }
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            Self::Sqlite(transaction) => transaction.query_one_raw(statement).await,
            Self::Postgres(transaction) => Self::run(transaction, statement).await.map(Outcome::first),
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Sqlite(transaction) => transaction.query_all_raw(statement).await,
            Self::Postgres(transaction) => Self::run(transaction, statement).await.map(Outcome::all),
        }
    }
}
