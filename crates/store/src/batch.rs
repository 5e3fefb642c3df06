//! A transaction that writes many rows with few statements.
//!
//! SQL is written once for both databases, with `{rows}` where the rows stand: on SQLite it becomes `VALUES (…),(…)`,
//! on PostgreSQL a select from arrays, one a column, so that a statement is the same however many rows there are and
//! takes one round trip. Either way the columns of the rows are called `column1`, `column2` and so on. A value that is
//! the same for all rows stands behind them as `{all}`.

use std::fmt::Write;

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, RuntimeErr, Statement, Value, prelude::Uuid,
    sea_query::ValueType,
};
use sqlx::{Arguments, Encode, Postgres, Type, postgres::PgArguments};

use crate::{
    db::Store,
    error::{Result, StoreError},
};

/// Rows of one statement on SQLite, which prepares one for each length up to this.
const SQLITE_ROWS: usize = 64;

/// A transaction that ends without effect unless it is committed.
pub(crate) enum Batch {
    Sqlite(DatabaseTransaction),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Store {
    pub(crate) async fn begin_batch(&self) -> Result<Batch> {
        match self.backend() {
            DbBackend::Postgres => {
                let pool = self.writer().get_postgres_connection_pool();
                Ok(Batch::Postgres(pool.begin().await.map_err(failed)?))
            }
            _ => Ok(Batch::Sqlite(self.begin().await?)),
        }
    }
}

impl Batch {
    pub(crate) const fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Runs a statement over all rows, each of which has the same types. Returns how many rows it changed.
    pub(crate) async fn run(&mut self, sql: &str, rows: Vec<Vec<Value>>, all: Option<Value>) -> Result<u64> {
        if rows.is_empty() {
            return Ok(0);
        }
        match self {
            Self::Sqlite(transaction) => {
                // Numbered placeholders would be looked up by their names, each among all.
                let sql = sql.replace("{all}", "?");
                let mut affected = 0;
                let mut rows = rows.into_iter().peekable();
                while let Some(columns) = rows.peek().map(Vec::len) {
                    let length = rows.len().min(SQLITE_ROWS);
                    let sql = sql.replace("{rows}", &values_list(columns, length));
                    let values = rows.by_ref().take(length).flatten().chain(all.clone());
                    let statement = Statement::from_sql_and_values(DbBackend::Sqlite, sql, values);
                    affected += transaction.execute_raw(statement).await?.rows_affected();
                }
                Ok(affected)
            }
            Self::Postgres(transaction) => {
                let mut arguments = PgArguments::default();
                let select = add_columns(&mut arguments, rows)?;
                let mut sql = sql.replace("{rows}", &select);
                if let Some(all) = all {
                    add_one(&mut arguments, all)?;
                    sql = sql.replace("{all}", &format!("${}", arguments.len()));
                }
                let query = sqlx::query_with(sqlx::AssertSqlSafe(sql), arguments);
                Ok(query.execute(&mut **transaction).await.map_err(failed)?.rows_affected())
            }
        }
    }

    /// Runs a statement once.
    pub(crate) async fn execute(&mut self, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<u64> {
        match self {
            Self::Sqlite(transaction) => {
                let statement = Statement::from_sql_and_values(DbBackend::Sqlite, sql, values);
                Ok(transaction.execute_raw(statement).await?.rows_affected())
            }
            Self::Postgres(transaction) => {
                let mut arguments = PgArguments::default();
                for value in values {
                    add_one(&mut arguments, value)?;
                }
                let query = sqlx::query_with(sqlx::AssertSqlSafe(sql.to_owned()), arguments);
                Ok(query.execute(&mut **transaction).await.map_err(failed)?.rows_affected())
            }
        }
    }

    pub(crate) async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(transaction) => Ok(transaction.commit().await?),
            Self::Postgres(transaction) => transaction.commit().await.map_err(failed),
        }
    }
}

fn failed(error: sqlx::Error) -> StoreError {
    DbErr::Exec(RuntimeErr::SqlxError(error.into())).into()
}

/// `VALUES (?,?),(?,?)`.
fn values_list(columns: usize, rows: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(","));
    format!("VALUES {}", vec![row; rows].join(","))
}

/// Adds an array for each column. Returns the select that makes rows of them again.
fn add_columns(arguments: &mut PgArguments, rows: Vec<Vec<Value>>) -> Result<String> {
    let mut columns: Vec<Vec<Value>> = Vec::new();
    let count = rows.len();
    for row in rows {
        columns.resize_with(row.len(), || Vec::with_capacity(count));
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(value);
        }
    }
    let (mut arrays, mut names) = (String::new(), String::new());
    for (index, column) in columns.into_iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let kind = add_array(arguments, column)?;
        let _ = write!(arrays, "{comma}${}::{kind}[]", index + 1);
        let _ = write!(names, "{comma}column{}", index + 1);
    }
    Ok(format!("SELECT * FROM unnest({arrays}) AS given({names})"))
}

/// Adds one column as an array. Returns the name of its type.
fn add_array(arguments: &mut PgArguments, column: Vec<Value>) -> Result<&'static str> {
    match column.first() {
        Some(Value::Uuid(_)) => add_array_of::<Uuid>(arguments, column).map(|()| "uuid"),
        Some(Value::BigInt(_)) => add_array_of::<i64>(arguments, column).map(|()| "bigint"),
        Some(Value::String(_)) => add_array_of::<String>(arguments, column).map(|()| "text"),
        Some(Value::Bytes(_)) => add_array_of::<Vec<u8>>(arguments, column).map(|()| "bytea"),
        Some(Value::Bool(_)) => add_array_of::<bool>(arguments, column).map(|()| "boolean"),
        other => Err(not_bound(&format!("{other:?} has no type here"))),
    }
}

fn add_array_of<T>(arguments: &mut PgArguments, column: Vec<Value>) -> Result<()>
where
    Option<T>: ValueType,
    Vec<Option<T>>: for<'q> Encode<'q, Postgres> + Type<Postgres>,
{
    let of = |value| <Option<T> as ValueType>::try_from(value).map_err(|error| not_bound(&error));
    let values = column.into_iter().map(of).collect::<Result<Vec<_>>>()?;
    arguments.add(values).map_err(|error| not_bound(&error))
}

fn add_one(arguments: &mut PgArguments, value: Value) -> Result<()> {
    match value {
        Value::Uuid(value) => arguments.add(value),
        Value::BigInt(value) => arguments.add(value),
        Value::String(value) => arguments.add(value),
        Value::Bytes(value) => arguments.add(value),
        Value::Bool(value) => arguments.add(value),
        other => return Err(not_bound(&format!("{other:?} has no type here"))),
    }
    .map_err(|error| not_bound(&error))
}

fn not_bound(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Database(format!("a value could not be bound: {error}"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn rows_are_written_out() {
        assert_eq!(super::values_list(2, 2), "VALUES (?,?),(?,?)");
    }
}
