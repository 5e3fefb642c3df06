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

/// Two JSON texts, pretty-printed and compared. Removed lines have a minus, added ones a plus.
#[component]
pub fn DiffView(#[prop(into)] before: Signal<String>, #[prop(into)] after: Signal<String>) -> impl IntoView {
    let lines = move || {
        let (before, after) = (pretty(&before.get()), pretty(&after.get()));
        compare(&before, &after)
            .into_iter()
            .map(|line| {
                let (class, mark, word, text) = match line {
                    Line::Same(text) => ("diff-line", " ", "", text),
                    Line::Gone(text) => ("diff-line gone", "-", "removed: ", text),
                    Line::New(text) => ("diff-line new", "+", "added: ", text),
                };
                view! {
                    <div class=class>
                        <span class="diff-mark" aria-hidden="true">{mark}</span>
                        <span class="visually-hidden">{word}</span>
                        <span>{text.to_owned()}</span>
                    </div>
                }
            })
            .collect_view()
    };
    view! {
        <div class="diff" tabindex="0">
            {lines}
        </div>
    }
    .into_any()
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
}
