//! Code to read and to copy.

use leptos::prelude::*;

use super::copy::CopyButton;

/// How a block is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    Plain,
    Json,
    Jsonata,
    Shell,
}

/// Longer texts are shown uncoloured: the colours cost an element a word.
const COLOURED_BYTES: usize = 64 * 1024;

/// A block of code with a button that copies it.
#[component]
pub fn CodeBlock(
    #[prop(into)] code: Signal<String>,
    #[prop(optional, into)] title: MaybeProp<String>,
    #[prop(optional)] language: Language,
    /// Breaks long lines instead of scrolling.
    #[prop(optional)]
    wrap: bool,
    /// At most so high that the page stays in sight; the rest scrolls.
    #[prop(optional)]
    bounded: bool,
) -> impl IntoView {
    view! {
        <figure class="code-block" class:wrap=wrap class:bounded=bounded class:titled=move || title.with(Option::is_some)>
            {move || title.get().map(|title| view! { <figcaption class="code-title">{title}</figcaption> })}
            <CopyButton text=code label="Copy the code"/>
            <pre tabindex="0">
                <code>{move || coloured(&code.get(), language)}</code>
            </pre>
        </figure>
    }
    .into_any()
}

fn coloured(code: &str, language: Language) -> AnyView {
    pieces(code, language)
        .into_iter()
        .map(|(class, text)| match class {
            "" => text.to_owned().into_any(),
            class => view! { <span class=class>{text.to_owned()}</span> }.into_any(),
        })
        .collect_view()
        .into_any()
}

/// A class of the style sheet, and the text that has it.
pub(super) type Piece<'a> = (&'static str, &'a str);

/// The text in pieces of one colour each.
pub(super) fn pieces(code: &str, language: Language) -> Vec<Piece<'_>> {
    if code.len() > COLOURED_BYTES {
        return vec![("", code)];
    }
    match language {
        Language::Plain => vec![("", code)],
        Language::Shell => shell(code),
        Language::Json => json(code),
        Language::Jsonata => jsonata(code),
    }
}

/// Commands: the program, its flags, quoted text.
fn shell(code: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = code;
    let mut at_start = true;
    while let Some(first) = rest.chars().next() {
        let (class, length) = match first {
            '\'' | '"' => ("tok-string", quoted(rest, first, first == '"')),
            c if c.is_whitespace() => ("", first.len_utf8()),
            '\\' => ("tok-punct", first.len_utf8()),
            '#' => ("tok-comment", rest.find('\n').unwrap_or(rest.len())),
            _ => {
                let length = rest.find(|c: char| c.is_whitespace() || c == '\'' || c == '"').unwrap_or(rest.len());
                let class = if at_start {
                    "tok-key"
                } else if first == '-' {
                    "tok-flag"
                } else {
                    ""
                };
                (class, length)
            }
        };
        let (piece, after) = rest.split_at(length);
        at_start = match first {
            '\n' => !matches!(pieces.last(), Some((_, "\\"))),
            c if c.is_whitespace() => at_start,
            _ => matches!(piece, "|" | "&&" | ";"),
        };
        pieces.push((class, piece));
        rest = after;
    }
    pieces
}

/// JSON: keys, strings, numbers, words.
fn json(code: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let (class, length) = match first {
            '"' => {
                let length = quoted(rest, '"', true);
                let is_key = rest[length..].trim_start().starts_with(':');
                (if is_key { "tok-key" } else { "tok-string" }, length)
            }
            '0'..='9' | '-' => (
                "tok-number",
                rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(rest.len()),
            ),
            c if c.is_alphabetic() => ("tok-word", rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len())),
            c if c.is_whitespace() => ("", rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len())),
            c => ("tok-punct", c.len_utf8()),
        };
        let (piece, after) = rest.split_at(length);
        pieces.push((class, piece));
        rest = after;
    }
    pieces
}

/// JSONata: texts, numbers, variables and functions, words of the language, comments.
fn jsonata(code: &str) -> Vec<Piece<'_>> {
    const WORDS: [&str; 7] = ["and", "or", "in", "true", "false", "null", "function"];
    let of_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let mut pieces = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let until = |stop: &dyn Fn(char) -> bool| rest.find(stop).unwrap_or(rest.len());
        let (class, length) = match first {
            '"' | '\'' => ("tok-string", quoted(rest, first, true)),
            '`' => ("tok-key", quoted(rest, '`', false)),
            '/' if rest.starts_with("/*") => ("tok-comment", rest.find("*/").map_or(rest.len(), |end| end + 2)),
            '0'..='9' => ("tok-number", until(&|c| !matches!(c, '0'..='9' | '.' | 'e' | 'E'))),
            '$' => ("tok-flag", until(&|c| !of_name(c))),
            c if of_name(c) => {
                let length = until(&|c| !of_name(c));
                (if WORDS.contains(&&rest[..length]) { "tok-word" } else { "tok-key" }, length)
            }
            c if c.is_whitespace() => ("", until(&|c| !c.is_whitespace())),
            c => ("tok-punct", c.len_utf8()),
        };
        let (piece, after) = rest.split_at(length);
        pieces.push((class, piece));
        rest = after;
    }
    pieces
}

/// The length of the quoted text that `text` begins with, or all of it when the quote is never closed.
fn quoted(text: &str, quote: char, escapes: bool) -> usize {
    let mut literal = false;
    for (at, c) in text.char_indices().skip(1) {
        if literal {
            literal = false;
        } else if escapes && c == '\\' {
            literal = true;
        } else if c == quote {
            return at + c.len_utf8();
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(pieces: &[Piece<'_>]) -> String {
        pieces.iter().map(|(_, text)| *text).collect()
    }

    #[test]
    fn colouring_loses_nothing() {
        let command = "curl -X POST 'http://localhost' \\\n  -d \"{\\\"a\\\": 1}\" | jq '.é";
        assert_eq!(whole(&shell(command)), command);
        let body = r#"{"é": "a\"b", "n": -1.5e3, "t": [true, null}"#;
        assert_eq!(whole(&json(body)), body);
        let expression = "/* é */ $sum(items.`a b`.n ~> $f) & 'it\\'s' & x[0].1.5e3 {\"open";
        assert_eq!(whole(&jsonata(expression)), expression);
    }

    #[test]
    fn keys_and_strings_differ() {
        let pieces = json(r#"{"a": "b"}"#);
        assert!(pieces.contains(&("tok-key", "\"a\"")));
        assert!(pieces.contains(&("tok-string", "\"b\"")));
        let pieces = jsonata("$sum(items) in [`a b`, true]");
        for piece in
            [("tok-flag", "$sum"), ("tok-key", "items"), ("tok-word", "in"), ("tok-key", "`a b`"), ("tok-word", "true")]
        {
            assert!(pieces.contains(&piece), "{piece:?}");
        }
    }
}
