//! What a transform changed: two texts, line by line.

use leptos::prelude::*;
use serde_json::Value;

/// Longer texts are compared as a whole: the comparison takes the product of the lengths.
const MAX_LINES: usize = 800;

/// A line of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line<'a> {
    Same(&'a str),
    Gone(&'a str),
    New(&'a str),
}

/// A row of the comparison: what stood there, and what stands there now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row<'a> {
    old: Option<&'a str>,
    new: Option<&'a str>,
}

/// Unchanged lines that are shown around a change; of more, the ones between are folded.
const AROUND: usize = 3;
/// Fewer are not worth a fold.
const FOLDED: usize = 4;

/// Two JSON texts, pretty-printed and compared: beside one another where there is room, below one another where there is
/// not. Removed lines have a minus, added ones a plus.
#[component]
pub fn DiffView(#[prop(into)] before: Signal<String>, #[prop(into)] after: Signal<String>) -> impl IntoView {
    let runs = move || {
        let (before, after) = (pretty(&before.get()), pretty(&after.get()));
        let rows = in_rows(compare(&before, &after));
        let mut drawn = Vec::new();
        for (range, is_folded) in folds(&rows) {
            let count = range.len();
            let runs = rows[range].chunk_by(|a, b| a.is_same() == b.is_same()).map(run).collect_view();
            if is_folded {
                let count = format!("{count} unchanged lines");
                drawn.push(view! { <details class="diff-fold"><summary>{count}</summary>{runs}</details> }.into_any());
            } else {
                drawn.push(runs.into_any());
            }
        }
        drawn
    };
    view! { <div class="diff" tabindex="0">{runs}</div> }.into_any()
}

/// Rows that are the same, or that are not: what stood there in one block, what stands there in another.
fn run(rows: &[Row<'_>]) -> AnyView {
    let is_same = rows.first().is_none_or(Row::is_same);
    let old =
        rows.iter().filter_map(|row| row.old).map(|text| line(if is_same { Mark::Same } else { Mark::Gone }, text));
    let new =
        rows.iter().filter_map(|row| row.new).map(|text| line(if is_same { Mark::Same } else { Mark::New }, text));
    view! {
        <div class="diff-run">
            <div class="diff-side" data-mark=(!is_same).then_some("gone")>{old.collect_view()}</div>
            // Beside one another both sides show what is the same; screen readers hear it once.
            <div class="diff-side" data-mark=if is_same { "again" } else { "new" } aria-hidden=is_same.then_some("true")>{new.collect_view()}</div>
        </div>
    }
    .into_any()
}

#[derive(Clone, Copy)]
enum Mark {
    Same,
    Gone,
    New,
}

fn line(mark: Mark, text: &str) -> AnyView {
    let (class, mark, word) = match mark {
        Mark::Same => ("diff-line", " ", ""),
        Mark::Gone => ("diff-line gone", "-", "removed: "),
        Mark::New => ("diff-line new", "+", "added: "),
    };
    view! {
        <div class=class>
            <span class="diff-mark" aria-hidden="true">{mark}</span>
            <span class="visually-hidden">{word}</span>
            <span class="diff-text">{text.to_owned()}</span>
        </div>
    }
    .into_any()
}

impl Row<'_> {
    fn is_same(&self) -> bool {
        self.old == self.new
    }
}

/// Puts what went beside what came.
fn in_rows(lines: Vec<Line<'_>>) -> Vec<Row<'_>> {
    let mut rows = Vec::with_capacity(lines.len());
    // The first row of the change that is being read, and how many lines it has brought so far.
    let mut change = None;
    for line in lines {
        match line {
            Line::Same(text) => {
                change = None;
                rows.push(Row { old: Some(text), new: Some(text) });
            }
            Line::Gone(text) => {
                change.get_or_insert((rows.len(), 0));
                rows.push(Row { old: Some(text), new: None });
            }
            Line::New(text) => {
                let (start, brought) = change.get_or_insert((rows.len(), 0));
                match rows.get_mut(*start + *brought) {
                    Some(row) => row.new = Some(text),
                    None => rows.push(Row { old: None, new: Some(text) }),
                }
                *brought += 1;
            }
        }
    }
    rows
}

/// The rows in runs, with whether one is folded.
fn folds(rows: &[Row<'_>]) -> Vec<(std::ops::Range<usize>, bool)> {
    let is_near = |at: usize| {
        let (from, to) = (at.saturating_sub(AROUND), rows.len().min(at + AROUND + 1));
        rows[from..to].iter().any(|row| !row.is_same())
    };
    // Texts that are the same are shown whole.
    let none_changed = rows.iter().all(Row::is_same);
    let mut runs: Vec<(std::ops::Range<usize>, bool)> = Vec::new();
    for at in 0..rows.len() {
        let folded = !none_changed && !is_near(at);
        match runs.last_mut() {
            Some((range, was)) if *was == folded => range.end = at + 1,
            _ => runs.push((at..at + 1, folded)),
        }
    }
    for (range, folded) in &mut runs {
        *folded = *folded && range.len() >= FOLDED;
    }
    runs
}

fn pretty(text: &str) -> String {
    let value = serde_json::from_str::<Value>(text).ok();
    value.and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or_else(|| text.to_owned())
}

/// The shortest way from one text to the other (longest common subsequence of lines).
fn compare<'a>(before: &'a str, after: &'a str) -> Vec<Line<'a>> {
    let (old, new): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    if old.len() > MAX_LINES || new.len() > MAX_LINES {
        return old.into_iter().map(Line::Gone).chain(new.into_iter().map(Line::New)).collect();
    }
    // common[i][j]: how many lines old[i..] and new[j..] share, in order.
    let width = new.len() + 1;
    let mut common = vec![0_u16; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i * width + j] = if old[i] == new[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::with_capacity(old.len().max(new.len()));
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push(Line::Same(old[i]));
            (i, j) = (i + 1, j + 1);
        } else if i < old.len() && (j == new.len() || common[(i + 1) * width + j] >= common[i * width + j + 1]) {
            lines.push(Line::Gone(old[i]));
            i += 1;
        } else {
            lines.push(Line::New(new[j]));
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_changed() {
        assert_eq!(
            compare("a\nb\nc", "a\nx\nc\nd"),
            [Line::Same("a"), Line::Gone("b"), Line::New("x"), Line::Same("c"), Line::New("d")]
        );
    }

    #[test]
    fn what_went_stands_beside_what_came() {
        let rows = in_rows(compare("a\nb\nc\nd", "a\nx\nd\ne"));
        let pairs: Vec<_> = rows.iter().map(|row| (row.old, row.new)).collect();
        assert_eq!(
            pairs,
            [
                (Some("a"), Some("a")),
                (Some("b"), Some("x")),
                (Some("c"), None),
                (Some("d"), Some("d")),
                (None, Some("e"))
            ]
        );
    }

    #[test]
    fn long_runs_of_the_same_are_folded() {
        let before: Vec<_> = (0..20).map(|line| line.to_string()).collect();
        let mut after = before.clone();
        after[0] = "x".to_owned();
        let (before, after) = (before.join("\n"), after.join("\n"));
        let rows = in_rows(compare(&before, &after));
        assert_eq!(folds(&rows), [(0..4, false), (4..20, true)]);
        let rows = in_rows(compare(&before, &before));
        assert_eq!(folds(&rows), [(0..20, false)]);
    }
}
