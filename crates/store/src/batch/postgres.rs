//! Rows as arrays, one a column.

use std::fmt::Write;

use sea_orm::{QueryResult, Value, prelude::Uuid, sea_query::ValueType};
use sqlx::{Arguments, Encode, Postgres, Type, postgres::PgArguments};

use super::{Between, RowStatement, Rows, not_bound};
use crate::{
    error::Result,
    postgres::{Postgres as Database, transaction::PostgresTransaction},
};

pub(super) async fn run(database: &Database, statements: Vec<RowStatement>) -> Result<()> {
    let (sql, arguments) = in_one_statement(statements)?;
    if sql.is_empty() {
        return Ok(());
    }
    database.run(sql, arguments).await?;
    Ok(())
}

pub(super) async fn run_between<F>(
    database: &Database,
    between: Between<F>,
    statements: Vec<RowStatement>,
) -> Result<()>
where
    F: FnOnce(Vec<Vec<QueryResult>>) -> Result<Vec<RowStatement>>,
{
    let transaction = database.begin().await?;
    execute(&transaction, between.before).await?;
    let mut read = Vec::new();
    for statement in between.reads {
        let (sql, arguments) = in_one_statement(vec![statement])?;
        read.push(if sql.is_empty() { Vec::new() } else { transaction.run(sql, Some(arguments)).await?.all() });
    }
    execute(&transaction, statements).await?;
    execute(&transaction, (between.follow_up)(read)?).await?;
    Ok(transaction.commit().await?)
}

async fn execute(transaction: &PostgresTransaction, statements: Vec<RowStatement>) -> Result<()> {
    let (sql, arguments) = in_one_statement(statements)?;
    if !sql.is_empty() {
        transaction.run(sql, Some(arguments)).await?;
    }
    Ok(())
}

/// `WITH events AS (INSERT …), bodies AS (INSERT …) INSERT …`
fn in_one_statement(statements: Vec<RowStatement>) -> Result<(String, PgArguments)> {
    let mut arguments = PgArguments::default();
    let mut parts = Vec::with_capacity(statements.len());
    for statement in statements {
        if !matches!(&statement.rows, Rows::Given(rows) if rows.is_empty()) {
            parts.push((statement.name, add(&mut arguments, statement)?));
        }
    }
    let Some((_, last)) = parts.pop() else { return Ok((String::new(), arguments)) };
    let before: Vec<String> = parts.iter().map(|(name, sql)| format!("{name} AS ({sql})")).collect();
    let with = if before.is_empty() { String::new() } else { format!("WITH {} ", before.join(", ")) };
    Ok((with + &last, arguments))
}

/// Adds the values of a statement. Returns its text.
fn add(arguments: &mut PgArguments, statement: RowStatement) -> Result<String> {
    let sql = match statement.rows {
        Rows::Given(rows) => statement.sql.replace("{rows}", &add_rows(arguments, rows)?),
        Rows::OfAnother => statement.sql.into_owned(),
        Rows::EachAlone(_) => return Err(not_bound(format!("{} takes its rows one by one", statement.name))),
    };
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
    fn statements_become_one() {
        let insert = |name, sql, rows: usize| RowStatement::new(name, sql, vec![vec![1_i64.into(), "x".into()]; rows]);
        let follow_up = RowStatement { rows: Rows::OfAnother, ..RowStatement::new("d", "D FROM c", vec![]) };
        let statements =
            vec![insert("a", "A {rows}", 2), insert("b", "B {rows}", 0), insert("c", "C {rows}", 1), follow_up];
        let (sql, arguments) = in_one_statement(statements).expect("SQL");
        assert_eq!(
            sql,
            "WITH a AS (A SELECT * FROM unnest($1::bigint[],$2::text[]) AS given(column1,column2)), \
             c AS (C SELECT * FROM unnest($3::bigint[],$4::text[]) AS given(column1,column2)) D FROM c"
        );
        assert_eq!(arguments.len(), 4);
    }
}
