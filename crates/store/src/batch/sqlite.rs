//! Rows in chunks of a few sizes, so that SQLite prepares few statements and keeps them. Statements with the same number of
//! rows go to its thread together.
//!
//! Placeholders have no numbers: SQLite would look each of them up by its name, among all of them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sea_orm::{QueryResult, Value, prelude::Uuid};
use sqlx::{Arguments, AssertSqlSafe, SqliteConnection, sqlite::SqliteArguments};

use super::{Between, RowStatement, Rows, not_bound};
use crate::{
    error::Result,
    sqlite::{Kept, Sqlite},
};

/// How many rows are written at once: as often as it fits each size, the largest first.
const SIZES: [usize; 9] = [64, 48, 32, 24, 16, 8, 4, 2, 1];

/// Bytes of a text up to which it is compared with the one above.
const SHARED_TEXT: usize = 64;

/// How many of `rows` are written at once: each further piece is another way to SQLite's thread and back.
pub(crate) fn at_once(rows: usize) -> usize {
    let largest = SIZES[0];
    if rows > largest { rows - rows % largest } else { SIZES.into_iter().find(|size| *size <= rows).unwrap_or(rows) }
}

/// Statements with their values, as SQLite's thread takes them.
pub(crate) type Chunks = Vec<(String, SqliteArguments)>;

/// Runs statements one after the other as one transaction.
pub(super) async fn run(sqlite: &Sqlite, statements: Chunks) -> Result<()> {
    let mut transaction = sqlite.begin_driver().await?;
    execute(&mut transaction, statements).await?;
    Ok(transaction.commit().await?)
}

/// The same with as few ways to SQLite's thread and back as can be. Must not be dropped before it has ended: nobody else
/// would end the transaction.
pub(super) async fn run_to_end(sqlite: &Sqlite, mut statements: Chunks, kept: &mut Kept) -> Result<()> {
    let Some((first, _)) = statements.first_mut() else { return Ok(()) };
    first.insert_str(0, "BEGIN IMMEDIATE;");
    if let Some((last, _)) = statements.last_mut() {
        last.push_str(";COMMIT");
    }
    let connection = kept.connection(sqlite).await?;
    let result = execute(connection, statements).await;
    if result.is_err() {
        // It fails where SQLite has ended the transaction by itself.
        let _ = sqlx::query("ROLLBACK").execute(connection).await;
        // The pool looks at it before anybody else gets it.
        kept.give_back();
    }
    result
}

/// Runs statements that share their values as one transaction, all of them in one go. Returns how many rows the last one
/// changed, and how long the connection was taken up.
pub(crate) async fn run_counting(sqlite: &Sqlite, sql: &str, values: [Uuid; 3]) -> Result<(u64, Duration)> {
    let mut arguments = SqliteArguments::default();
    values.into_iter().try_for_each(|value| arguments.add(value)).map_err(not_bound)?;
    let mut transaction = sqlite.begin_driver().await?;
    let begun = Instant::now();
    let sql = AssertSqlSafe(format!("{sql};SELECT changes()"));
    let changes: Vec<i64> = sqlx::query_scalar_with(sql, arguments).fetch_all(&mut *transaction).await?;
    transaction.commit().await?;
    Ok((changes.into_iter().map(i64::unsigned_abs).sum(), begun.elapsed()))
}

pub(super) async fn run_between<F>(sqlite: &Sqlite, between: Between<F>, statements: Chunks) -> Result<()>
where
    F: FnOnce(Vec<Vec<QueryResult>>) -> Result<Vec<RowStatement>>,
{
    let mut transaction = sqlite.begin_driver().await?;
    execute(&mut transaction, in_chunks(between.before)?).await?;
    let mut read = Vec::new();
    for statement in between.reads {
        let mut found = Vec::new();
        for (sql, arguments) in in_chunks(vec![statement])? {
            let rows = sqlx::query_with(AssertSqlSafe(sql), arguments).fetch_all(&mut *transaction).await;
            found.extend(rows?.into_iter().map(QueryResult::from));
        }
        read.push(found);
    }
    execute(&mut transaction, statements).await?;
    execute(&mut transaction, in_chunks((between.follow_up)(read)?)?).await?;
    Ok(transaction.commit().await?)
}

async fn execute(connection: &mut SqliteConnection, statements: Chunks) -> Result<()> {
    for (sql, arguments) in statements {
        sqlx::query_with(AssertSqlSafe(sql), arguments).execute(&mut *connection).await?;
    }
    Ok(())
}

pub(super) fn in_chunks(statements: Vec<RowStatement>) -> Result<Chunks> {
    let mut chunks: Chunks = Vec::new();
    let mut statements = statements.into_iter().map(OwnRows::of).collect::<Result<Vec<_>>>()?;
    statements.retain(|statement| statement.rows.len() > 0);
    for together in statements.chunk_by_mut(|one, other| one.rows.len() == other.rows.len()) {
        for size in SIZES {
            while together.iter().any(|statement| statement.rows.len() >= size) {
                // A single row goes along with what stands before it.
                let (mut before, mut arguments) = chunks.pop_if(|_| size == 1).unwrap_or_default();
                let sql = together.iter_mut().map(|statement| statement.take(size, &mut arguments));
                let sql = sql.collect::<Result<Vec<_>>>()?.join(";");
                if !before.is_empty() {
                    before.push(';');
                }
                chunks.push((before + &sql, arguments));
            }
        }
    }
    Ok(chunks)
}

struct OwnRows {
    statement: RowStatement,
    rows: std::vec::IntoIter<Vec<Value>>,
    is_each_alone: bool,
}

impl OwnRows {
    fn of(mut statement: RowStatement) -> Result<Self> {
        let (rows, is_each_alone) = match std::mem::replace(&mut statement.rows, Rows::OfAnother) {
            Rows::Given(rows) => (rows, false),
            Rows::EachAlone(rows) => (rows, true),
            Rows::OfAnother => {
                return Err(not_bound(format!("the statement {} has no rows of its own", statement.name)));
            }
        };
        Ok(Self { statement, rows: rows.into_iter(), is_each_alone })
    }

    /// Adds the values of so many rows. Returns what writes them.
    fn take(&mut self, size: usize, arguments: &mut SqliteArguments) -> Result<String> {
        let all = self.statement.all.clone();
        let columns = self.rows.as_slice().first().map_or(0, Vec::len);
        arguments.reserve(size * columns, 0);
        let mut above = vec![None; columns];
        for row in self.rows.by_ref().take(size) {
            row.into_iter().zip(&mut above).try_for_each(|(value, above)| add_below(arguments, value, above))?;
            if self.is_each_alone {
                all.iter().cloned().try_for_each(|value| add(arguments, value))?;
            }
        }
        if self.is_each_alone {
            return Ok(vec![self.statement.sql.as_ref(); size].join(";"));
        }
        all.into_iter().try_for_each(|value| add(arguments, value))?;
        let row = format!("({})", vec!["?"; columns].join(","));
        let values = format!("VALUES {}", vec![row; size].join(","));
        let sql = self.statement.sql.replace("{rows}", &values).replace("{all}", "?");
        // By itself SQLite keeps what a statement has changed so far, to undo that alone should a later row be refused. Here
        // the whole transaction is undone then.
        Ok(match sql.strip_prefix("INSERT INTO") {
            Some(rest) => format!("INSERT OR FAIL INTO{rest}"),
            None => sql,
        })
    }
}

/// Adds a value of a column. Short texts are shared with the row above, which often has the same.
fn add_below(arguments: &mut SqliteArguments, value: Value, above: &mut Option<Arc<str>>) -> Result<()> {
    let Value::String(Some(text)) = value else { return add(arguments, value) };
    if text.len() > SHARED_TEXT {
        return add(arguments, Value::String(Some(text)));
    }
    let shared = match above {
        Some(above) if **above == *text => Arc::clone(above),
        _ => Arc::clone(above.insert(text.into())),
    };
    arguments.add(shared).map_err(not_bound)
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
        let one = RowStatement::new("a", "A {rows}", rows(3));
        let other = RowStatement { rows: Rows::EachAlone(rows(3)), ..RowStatement::new("b", "B ? ? ?", vec![]) };
        let last = RowStatement::new("c", "C {rows}", rows(64));
        let none = RowStatement::new("d", "D {rows}", rows(0));
        let chunks = in_chunks(vec![one, other.with_all(7_i64), last, none]).expect("SQL");
        let shown: Vec<_> = chunks.iter().map(|(sql, arguments)| (sql.as_str(), arguments.len())).collect();
        assert_eq!(shown[0], ("A VALUES (?,?),(?,?);B ? ? ?;B ? ? ?;A VALUES (?,?);B ? ? ?", 15));
        assert_eq!((shown[1].0.matches("(?,?)").count(), shown[1].1, shown.len()), (64, 128, 2));
        assert_eq!([at_once(0), at_once(7), at_once(63), at_once(64), at_once(150)], [0, 4, 48, 64, 128]);
    }
}
