//! Rows as `VALUES`, in a few sizes, so that SQLite prepares few statements and keeps them. What a size has too many
//! is filled with nulls, which the statement leaves out.
//!
//! Placeholders have no numbers: SQLite would look each of them up by its name, among all of them.

use sea_orm::Value;
use sqlx::{Arguments, AssertSqlSafe, sqlite::SqliteArguments};

use super::{RowStatement, Rows, failed, not_bound};
use crate::{db::Store, error::Result};

/// How many rows a statement may have; more become several statements.
const SIZES: [usize; 5] = [1, 4, 16, 32, 64];

/// Runs statements one after the other as one transaction, all of them in one go.
pub(super) async fn run(store: &Store, statements: Vec<RowStatement>) -> Result<()> {
    let (sql, arguments) = in_one_go(statements)?;
    let mut connection = store.writer().get_sqlite_connection_pool().acquire().await.map_err(failed)?;
    match sqlx::query_with(AssertSqlSafe(sql), arguments).execute(&mut *connection).await {
        Ok(_) => Ok(()),
        Err(error) => {
            // Whether its transaction is still open depends on what went wrong; with the connection it certainly ends.
            if let Err(error) = connection.close().await {
                tracing::debug!(%error, "a connection could not be closed in order");
            }
            Err(failed(error))
        }
    }
}

fn in_one_go(statements: Vec<RowStatement>) -> Result<(String, SqliteArguments)> {
    let mut arguments = SqliteArguments::default();
    let mut all = vec!["BEGIN IMMEDIATE".to_owned()];
    for statement in statements {
        let Rows::Given(rows) = statement.rows else {
            return Err(not_bound(format!("the statement {} has no rows of its own", statement.name)));
        };
        let mut rows = rows.into_iter().peekable();
        while let Some(columns) = rows.peek().map(Vec::len) {
            let count = rows.len().min(SIZES[SIZES.len() - 1]);
            let size = SIZES.into_iter().find(|size| *size >= count).unwrap_or(count);
            rows.by_ref().take(count).flatten().try_for_each(|value| add(&mut arguments, value))?;
            for _ in 0..(size - count) * columns {
                arguments.add(None::<i64>).map_err(not_bound)?;
            }
            if let Some(value) = &statement.all {
                add(&mut arguments, value.clone())?;
            }
            all.push(statement.sql.replace("{rows}", &values(columns, size)).replace("{all}", "?"));
        }
    }
    all.push("COMMIT".to_owned());
    Ok((all.join(";"), arguments))
}

fn values(columns: usize, rows: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(","));
    format!("SELECT * FROM (VALUES {}) WHERE column1 IS NOT NULL", vec![row; rows].join(","))
}

fn add(arguments: &mut SqliteArguments, value: Value) -> Result<()> {
    match value {
        Value::Uuid(value) => arguments.add(value),
        Value::BigInt(value) => arguments.add(value),
        Value::String(value) => arguments.add(value),
        Value::Bytes(value) => arguments.add(value),
        Value::Bool(value) => arguments.add(value),
        other => return Err(not_bound(format!("{other:?} has no type here"))),
    }
    .map_err(not_bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_in_few_sizes() {
        let rows = |count| vec![vec![1_i64.into(), "x".into()]; count];
        let statement = RowStatement::new("a", "A ({rows}) {all}", rows(2)).with_all(7_i64);
        let (sql, arguments) = in_one_go(vec![statement]).expect("SQL");
        assert_eq!(
            sql,
            "BEGIN IMMEDIATE;A (SELECT * FROM (VALUES (?,?),(?,?),(?,?),(?,?)) WHERE column1 IS NOT NULL) ?;COMMIT"
        );
        assert_eq!(arguments.len(), 9);
        let (sql, arguments) = in_one_go(vec![RowStatement::new("a", "A {rows}", rows(65))]).expect("SQL");
        assert_eq!((sql.matches("(?,?)").count(), sql.matches(';').count()), (65, 3));
        assert_eq!(arguments.len(), 130);
    }
}
