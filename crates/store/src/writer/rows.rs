//! Statements over many rows. Their lengths are few, so that the database prepares each of them once.

use sea_orm::{ConnectionTrait, DatabaseTransaction, Value};

use crate::{db::Store, error::Result};

/// Rows of one statement: the largest that fits is taken, until none are left.
const LENGTHS: [usize; 4] = [64, 16, 4, 1];

/// Runs `before (…),(…) after` over all rows, each of which has `columns` values. Placeholders are numbered; `after`
/// may use `$1` to `$n` for the `fixed` values that come first.
pub(super) async fn execute(
    store: &Store,
    transaction: &DatabaseTransaction,
    (before, after): (&str, &str),
    fixed: &[Value],
    columns: usize,
    rows: Vec<Vec<Value>>,
) -> Result<u64> {
    let mut affected = 0;
    let mut rows = rows.into_iter();
    while rows.len() > 0 {
        let length = LENGTHS.into_iter().find(|length| *length <= rows.len()).unwrap_or(1);
        let sql = format!("{before}{}{after}", placeholders(fixed.len(), columns, length));
        let values = fixed.iter().cloned().chain(rows.by_ref().take(length).flatten());
        affected += transaction.execute_raw(store.statement(sql, values)).await?.rows_affected();
    }
    Ok(affected)
}

/// `($1,$2),($3,$4)`, counting on from `fixed`.
fn placeholders(fixed: usize, columns: usize, rows: usize) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(rows * columns * 5);
    let mut number = fixed;
    for row in 0..rows {
        out.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..columns {
            number += 1;
            let comma = if column == 0 { "" } else { "," };
            let _ = write!(out, "{comma}${number}");
        }
        out.push(')');
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn placeholders_count_on() {
        assert_eq!(super::placeholders(1, 2, 2), "($2,$3),($4,$5)");
    }
}
