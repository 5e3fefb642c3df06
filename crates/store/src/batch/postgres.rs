//! Rows as arrays, one a column.

use std::fmt::Write;

use sea_orm::{Value, prelude::Uuid, sea_query::ValueType};
use sqlx::{Arguments, AssertSqlSafe, Encode, Postgres, Type, postgres::PgArguments};

use super::{RowStatement, failed, not_bound};
use crate::{db::Store, error::Result};

/// In one statement, which is a transaction by itself.
pub(super) async fn run_together(store: &Store, inserts: Vec<RowStatement>) -> Result<()> {
    let (sql, arguments) = in_one_statement(inserts)?;
    let pool = store.writer().get_postgres_connection_pool();
    sqlx::query_with(AssertSqlSafe(sql), arguments).execute(pool).await.map_err(failed)?;
    Ok(())
}

pub(super) async fn run_in_order(store: &Store, statements: Vec<RowStatement>) -> Result<()> {
    let mut transaction = store.writer().get_postgres_connection_pool().begin().await.map_err(failed)?;
    for statement in statements {
        if statement.rows.is_empty() {
            continue;
        }
        let mut arguments = PgArguments::default();
        let sql = add(&mut arguments, statement)?;
        sqlx::query_with(AssertSqlSafe(sql), arguments).execute(&mut *transaction).await.map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)
}

/// `WITH insert0 AS (INSERT …), insert1 AS (INSERT …) INSERT …`
fn in_one_statement(inserts: Vec<RowStatement>) -> Result<(String, PgArguments)> {
    let mut arguments = PgArguments::default();
    let with_rows = inserts.into_iter().filter(|insert| !insert.rows.is_empty());
    let mut inserts = with_rows.map(|insert| add(&mut arguments, insert)).collect::<Result<Vec<_>>>()?;
    let last = inserts.pop().unwrap_or_default();
    let before: Vec<String> =
        inserts.iter().enumerate().map(|(index, insert)| format!("insert{index} AS ({insert})")).collect();
    let with = if before.is_empty() { String::new() } else { format!("WITH {} ", before.join(", ")) };
    Ok((with + &last, arguments))
}

/// Adds the values of a statement. Returns its text.
fn add(arguments: &mut PgArguments, statement: RowStatement) -> Result<String> {
    let select = add_rows(arguments, statement.rows)?;
    let sql = statement.sql.replace("{rows}", &select).replace("{by_event}", "");
    let Some(all) = statement.all else { return Ok(sql) };
    match all {
        Value::BigInt(value) => arguments.add(value).map_err(not_bound)?,
        other => return Err(not_bound(format!("{other:?} has no type here"))),
    }
    Ok(sql.replace("{all}", &format!("${}", arguments.len())))
}

/// Adds an array for each column. Returns the select that makes rows of them again.
fn add_rows(arguments: &mut PgArguments, rows: Vec<Vec<Value>>) -> Result<String> {
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
        let kind = add_column(arguments, column)?;
        let _ = write!(arrays, "{comma}${}::{kind}[]", arguments.len());
        let _ = write!(names, "{comma}column{}", index + 1);
    }
    Ok(format!("SELECT * FROM unnest({arrays}) AS given({names})"))
}

/// Adds one column as an array. Returns the name of its type.
fn add_column(arguments: &mut PgArguments, column: Vec<Value>) -> Result<&'static str> {
    match column.first() {
        Some(Value::Uuid(_)) => add_array::<Uuid>(arguments, column).map(|()| "uuid"),
        Some(Value::BigInt(_)) => add_array::<i64>(arguments, column).map(|()| "bigint"),
        Some(Value::String(_)) => add_array::<String>(arguments, column).map(|()| "text"),
        Some(Value::Bytes(_)) => add_array::<Vec<u8>>(arguments, column).map(|()| "bytea"),
        Some(Value::Bool(_)) => add_array::<bool>(arguments, column).map(|()| "boolean"),
        other => Err(not_bound(format!("{other:?} has no type here"))),
    }
}

fn add_array<T>(arguments: &mut PgArguments, column: Vec<Value>) -> Result<()>
where
    Option<T>: ValueType,
    Vec<Option<T>>: for<'q> Encode<'q, Postgres> + Type<Postgres>,
{
    let of = |value| <Option<T> as ValueType>::try_from(value).map_err(not_bound);
    let values = column.into_iter().map(of).collect::<Result<Vec<_>>>()?;
    arguments.add(values).map_err(not_bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inserts_become_one_statement() {
        let insert = |sql, rows: usize| RowStatement::new(sql, vec![vec![1_i64.into(), "x".into()]; rows]);
        let (sql, arguments) =
            in_one_statement(vec![insert("A {rows}", 2), insert("B {rows}", 0), insert("C {rows}", 1)]).expect("SQL");
        assert_eq!(
            sql,
            "WITH insert0 AS (A SELECT * FROM unnest($1::bigint[],$2::text[]) AS given(column1,column2)) \
             C SELECT * FROM unnest($3::bigint[],$4::text[]) AS given(column1,column2)"
        );
        assert_eq!(arguments.len(), 4);
    }
}
