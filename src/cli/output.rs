//! How answers are printed: tables for people, JSON for programs; colours on a terminal alone.

use std::io::IsTerminal;

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    #[default]
    Table,
    Json,
}

/// The form in which a command answers.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Output {
    /// The form in which the answer is printed
    #[arg(long = "output", value_enum, default_value_t)]
    pub format: Format,
}

impl Output {
    pub const fn table() -> Self {
        Self { format: Format::Table }
    }

    pub fn is_json(self) -> bool {
        self.format == Format::Json
    }
}

/// Prints a value as JSON.
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Prints rows under their names, cut to the width of the terminal. The last column takes what is left.
pub fn table(columns: &[&str], rows: &[Vec<String>]) {
    let paint = Paint::of_stdout();
    let lines = laid_out(columns, rows, width());
    for (index, line) in lines.iter().enumerate() {
        println!("{}", if index == 0 { paint.dim(line) } else { line.clone() });
    }
}

/// Prints names with their values.
pub fn facts(facts: &[(&str, String)]) {
    let longest = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let paint = Paint::of_stdout();
    for (name, value) in facts {
        println!("{}  {}", paint.dim(&format!("{name:<longest$}")), one_line(value));
    }
}

/// The columns of the terminal; `None` when there is none, and nothing is cut.
fn width() -> Option<usize> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    crossterm::terminal::size().ok().map(|(columns, _)| usize::from(columns)).filter(|columns| *columns > 0)
}

const GAP: usize = 2;
/// A column is not cut to fewer characters.
const LEAST: usize = 8;

fn laid_out(columns: &[&str], rows: &[Vec<String>], width: Option<usize>) -> Vec<String> {
    let head = columns.iter().map(|name| name.to_uppercase()).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| one_line(cell)).collect()).collect();
    let all = || std::iter::once(&head).chain(&rows);
    let mut widths: Vec<usize> = (0..columns.len())
        .map(|column| all().map(|row| row.get(column).map_or(0, |cell| cell.chars().count())).max().unwrap_or(0))
        .collect();
    if let Some(width) = width {
        // The widest column gives way, again and again.
        loop {
            let taken = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
            let Some(widest) = widths.iter_mut().max() else { break };
            if taken <= width || *widest <= LEAST {
                break;
            }
            *widest = LEAST.max(widest.saturating_sub(taken - width).max(*widest * 2 / 3));
        }
    }
    all()
        .map(|row| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{:<1$}", cut(cell, *width), *width));
            cells.collect::<Vec<_>>().join(&" ".repeat(GAP)).trim_end().to_owned()
        })
        .collect()
}

/// The text in no more than so many characters.
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// Texts come from anybody: what a terminal would obey is not printed.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '·' } else { c }).collect()
}

/// Colours, where they are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    is_on: bool,
}

impl Paint {
    pub fn of_stdout() -> Self {
        Self::on(std::io::stdout().is_terminal())
    }

    fn on(is_terminal: bool) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { is_on: is_terminal && !is_dumb && !set("NO_COLOR") }
    }

    pub fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    pub fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    pub fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    pub fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.is_on { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_fits_the_terminal() {
        let rows = vec![
            vec!["src_1".to_owned(), "A name that goes on for a long while, and then some".to_owned(), "on".to_owned()],
            vec!["src_2".to_owned(), "Two\nlines\u{1b}[2J".to_owned(), "off".to_owned()],
        ];
        let whole = laid_out(&["id", "name", "status"], &rows, None);
        assert_eq!(whole[0].split_whitespace().collect::<Vec<_>>(), ["ID", "NAME", "STATUS"]);
        assert!(whole[1].contains("and then some") && whole[2].contains("Two·lines·[2J"));
        for line in laid_out(&["id", "name", "status"], &rows, Some(40)) {
            assert!(line.chars().count() <= 40, "{line}");
        }
        let narrow = laid_out(&["id", "name", "status"], &rows, Some(40));
        assert!(narrow[1].contains('…') && narrow[1].ends_with("on"), "{narrow:?}");
        // There is an end to giving way.
        assert_eq!(laid_out(&["id"], &[vec!["x".repeat(50)]], Some(3))[1].chars().count(), 8);
    }
}
