//! What was measured: one JSON document for programs, one Markdown table for `docs/performance.md`.

use std::{fs, path::Path, thread};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

/// A column of a table: its title, where its value stands in a row (a JSON pointer), and how many digits are worth telling.
pub struct Column(pub &'static str, pub &'static str, pub usize);

pub fn print_table(columns: &[Column], rows: &[Value]) {
    println!("\n{}", machine_line());
    println!("\n{}", table(columns, rows));
}

fn table(columns: &[Column], rows: &[Value]) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(columns.iter().map(|column| column.0.to_owned()).collect());
    text.extend(["|", "---|".repeat(columns.len()).as_str(), "\n"]);
    for row in rows {
        text += &line(columns.iter().map(|column| cell(row.pointer(column.1), column.2)).collect());
    }
    text
}

fn cell(value: Option<&Value>, digits: usize) -> String {
    match value {
        None | Some(Value::Null) => "–".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(list)) => list.iter().map(|value| cell(Some(value), digits)).collect::<Vec<_>>().join(", "),
        Some(other) => other.as_f64().map_or_else(|| other.to_string(), |number| grouped(number, digits)),
    }
}

/// `55,802` or `0.326`.
fn grouped(number: f64, digits: usize) -> String {
    let text = format!("{number:.digits$}");
    let (whole, rest) = text.find('.').map_or((text.as_str(), ""), |point| text.split_at(point));
    let mut grouped = String::new();
    for (index, digit) in whole.char_indices() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

pub fn write_json(file: &Path, scenario: &str, options: &Value, rows: &[Value]) -> Result<()> {
    let document = json!({ "scenario": scenario, "machine": machine(), "options": options, "rows": rows });
    fs::write(file, serde_json::to_string_pretty(&document)? + "\n")
        .with_context(|| format!("{} cannot be written", file.display()))
}

/// What was measured on.
fn machine() -> Value {
    let of = |file: &str, label: &str| {
        let text = fs::read_to_string(file).ok()?;
        let line = text.lines().find(|line| line.starts_with(label))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let memory = of("/proc/meminfo", "MemTotal").and_then(|text| text.trim_end_matches(" kB").parse::<u64>().ok());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").ok();
    json!({
        "cores": thread::available_parallelism().map_or(0, std::num::NonZero::get),
        "processor": of("/proc/cpuinfo", "model name"),
        "memory_gib": memory.map(|kib| kib / (1 << 20)),
        "kernel": kernel.as_deref().map(str::trim),
    })
}

fn machine_line() -> String {
    let machine = machine();
    let text = |field: &str| cell(machine.get(field), 0);
    format!(
        "{} cores of {}, {} GiB, Linux {}; shared by the load, the server and the database.",
        text("cores"),
        text("processor"),
        text("memory_gib"),
        text("kernel")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_markdown() {
        let columns =
            [Column("database", "/database", 0), Column("/s", "/load/per_second", 0), Column("MiB", "/memory_mib", 0)];
        let rows = [
            json!({"database": "sqlite", "load": {"per_second": 55802.4}, "memory_mib": [49, 1097]}),
            json!({"database": "postgres"}),
        ];
        assert_eq!(
            table(&columns, &rows),
            "| database | /s | MiB |\n|---|---|---|\n| sqlite | 55,802 | 49, 1,097 |\n| postgres | – | – |\n"
        );
    }

    #[test]
    fn numbers_keep_the_digits_asked_for() {
        assert_eq!(grouped(0.3256, 3), "0.326");
        assert_eq!(grouped(1_234_567.0, 0), "1,234,567");
        assert_eq!(grouped(-123_456.7, 1), "-123,456.7");
        assert_eq!(grouped(999.0, 0), "999");
    }
}
