//! What the server's log says of its statements to SQLite, and what SQLite says of how it goes about them.

use anyhow::Result;
use serde_json::Value;

use super::Explained;
use crate::bench::server::Installation;

/// What the server is to log.
pub const LOGGED: &str = "warn,sqlx::query=trace";

/// What begins a statement that has a plan.
const VERBS: &[&str] = &["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];

/// Each line has what was carried out in one go, which may be several statements.
pub fn read(log: &str) -> Vec<Explained> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_line = |line: Value| {
        let milliseconds = line["elapsed_secs"].as_f64()? * 1000.0;
        // The summary is all of it where there is not more.
        let statement = [&line["db.statement"], &line["summary"]].into_iter().filter_map(Value::as_str);
        let statement = statement.map(str::trim).find(|text| !text.is_empty())?;
        Some(Explained { milliseconds, statement: shape(statement), plan: String::new() })
    };
    lines.filter_map(of_line).filter(|explained| !explained.statement.is_empty()).collect()
}

/// The same for any number of rows: each statement once, with one row of values.
fn shape(statements: &str) -> String {
    let mut shapes: Vec<String> = Vec::new();
    for statement in statements.split(';').map(str::trim) {
        let shape = with_short_lists(&with_one_row(statement));
        let is_one = VERBS.iter().any(|verb| shape.starts_with(verb));
        if is_one && shapes.last() != Some(&shape) {
            shapes.push(shape);
        }
    }
    shapes.join(";\n")
}

fn with_one_row(statement: &str) -> String {
    let mut left = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some(start) = left.find("VALUES (?").map(|at| at + "VALUES ".len()) else { return left };
    let Some(length) = left[start..].find(')').map(|at| at + 1) else { return left };
    let another = format!(",{}", &left[start..start + length]);
    while left[start + length..].starts_with(&another) {
        left.replace_range(start + length..start + length + another.len(), "");
    }
    left
}

/// The same for any number of values in a list: two of them.
fn with_short_lists(statement: &str) -> String {
    const LIST: &str = " IN (";
    let mut short = String::new();
    let mut rest = statement;
    while let Some((before, list)) = rest.split_once(LIST) {
        let end = list.find(')').unwrap_or(list.len());
        let values: Vec<&str> = list[..end].split(',').map(str::trim).collect();
        let is_list = values.len() > 2 && values.iter().all(|value| value.starts_with(['$', '?']));
        let shown = if is_list { values[..2].join(", ") } else { list[..end].to_owned() };
        short.extend([before, LIST, &shown]);
        rest = &list[end..];
    }
    short + rest
}

/// What SQLite says of each statement.
pub fn plan(installation: &Installation, statements: &str) -> Result<String> {
    let mut plans = Vec::new();
    for statement in statements.split(";\n") {
        let plan = installation.sql(&format!("EXPLAIN QUERY PLAN {statement};"))?;
        // Values that are inserted have no plan.
        plans.push(if plan.is_empty() { "(no plan is needed)".to_owned() } else { plan });
    }
    Ok(plans.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_have_one_shape_for_any_number_of_rows() {
        let log = "{\"summary\":\"BEGIN IMMEDIATE;INSERT INTO a …\",\"db.statement\":\"\\n\\nBEGIN IMMEDIATE;INSERT INTO a (x, y) \
            VALUES (?,?),(?,?),(?,?);UPDATE b SET c = ?;UPDATE b SET c = ?;COMMIT\\n\",\"elapsed_secs\":0.0015}\n\
            not of a statement\n\
            {\"summary\":\"SELECT a …\",\"db.statement\":\"SELECT a FROM b WHERE c IN ($1,$2,$3) AND d IN (SELECT ?)\",\"elapsed_secs\":0.1}\n\
            {\"summary\":\"SELECT 1\",\"db.statement\":\"\",\"elapsed_secs\":0.00025}\n\
            {\"summary\":\"COMMIT\",\"db.statement\":\"\",\"elapsed_secs\":0.25}\n";
        let found = read(log);
        let seen: Vec<_> = found.iter().map(|one| (one.statement.as_str(), one.milliseconds)).collect();
        assert_eq!(seen.len(), 3);
        assert_eq!(seen[0].0, "INSERT INTO a (x, y) VALUES (?,?);\nUPDATE b SET c = ?");
        assert!((seen[0].1 - 1.5).abs() < 1e-9 && (seen[2].1 - 0.25).abs() < 1e-9, "{seen:?}");
        assert_eq!(seen[1].0, "SELECT a FROM b WHERE c IN ($1, $2) AND d IN (SELECT ?)");
        assert_eq!(seen[2].0, "SELECT 1");
    }
}
