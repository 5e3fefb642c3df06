//! An editor for code: a plain text area that lies over the same text in colour, with numbers at its lines.
//!
//! Nothing of it stands in the way of the text area: selection, undo, the tab key and screen readers are the browser's.
//! Without JavaScript only the text area is there.

use leptos::{html, prelude::*};

use super::{
    code::{Language, Piece, pieces},
    field::FieldContext,
    input::{initial, keep_in_step, write_back},
};

/// Code to edit. Stands in a [`Field`](super::Field).
#[component]
pub fn CodeArea(
    bind: RwSignal<String>,
    #[prop(optional)] language: Language,
    /// Lines that it shows at least; it grows with its text.
    #[prop(default = 4)]
    rows: u32,
    #[prop(optional, into)] placeholder: MaybeProp<String>,
    /// Where the text is wrong: characters from its start.
    #[prop(optional, into)]
    wrong_at: Signal<Option<usize>>,
) -> impl IntoView {
    let field = FieldContext::here();
    let element = NodeRef::<html::Textarea>::new();
    keep_in_step(
        Some(bind),
        move || element.get().map(|area| area.value()),
        move |text| {
            if let Some(area) = element.get_untracked() {
                area.set_value(text);
            }
        },
    );
    let sheet = NodeRef::<html::Div>::new();
    // The text area shows its own letters until the coloured ones follow what is typed.
    Effect::new(move |_| {
        if let Some(sheet) = sheet.get() {
            let _ = sheet.class_list().add_1("coloured");
        }
    });
    let lines = Memo::new(move |_| bind.with(|text| text.split('\n').count()));
    let wrong_line = Memo::new(move |_| {
        let at = wrong_at.get()?;
        Some(bind.with(|text| text.chars().take(at).filter(|c| *c == '\n').count()))
    });
    let numbers = move || {
        (0..lines.get())
            .map(|line| {
                let wrong = move || (wrong_line.get() == Some(line)).then_some("true");
                view! { <span data-wrong=wrong>{(line + 1).to_string()}</span> }
            })
            .collect_view()
    };
    let text = move || bind.with(|text| coloured(text, language, wrong_at.get()));
    view! {
        <div class="code-area">
            <div class="code-area-numbers" aria-hidden="true">{numbers}</div>
            <div class="code-area-sheet" node_ref=sheet>
                <pre class="code-area-text" aria-hidden="true"><code>{text}" "</code></pre>
                <textarea
                    node_ref=element
                    id=field.id_attribute()
                    name=field.name_attribute()
                    required=field.required
                    aria-invalid=field.invalid()
                    aria-describedby=field.described_by()
                    rows=rows
                    placeholder=move || placeholder.get()
                    spellcheck="false"
                    autocapitalize="off"
                    autocomplete="off"
                    wrap="off"
                    on:input:target=move |event| write_back(Some(bind), event.target().value())
                >
                    {initial(MaybeProp::default(), Some(bind))}
                </textarea>
            </div>
        </div>
    }
    .into_any()
}

/// The line in which a text is wrong, with a caret under the place.
#[component]
pub fn CaretLine(#[prop(into)] text: Signal<String>, #[prop(into)] at: Signal<usize>) -> impl IntoView {
    move || {
        let Excerpt { number, line, column } = text.with(|text| excerpt(text, at.get()));
        let margin = " ".repeat(number.to_string().len());
        let pointer = format!("{}^", " ".repeat(column));
        view! {
            <pre class="caret-line">
                <span class="caret-number">{number.to_string()}</span>
                <span>{line}</span>
                <span class="caret-number" aria-hidden="true">{margin}</span>
                <span class="caret-mark" aria-hidden="true">{pointer}</span>
            </pre>
        }
        .into_any()
    }
}

/// A part of a line around a place in it.
#[derive(Debug, PartialEq, Eq)]
struct Excerpt {
    /// Counted from 1.
    number: usize,
    line: String,
    /// Where in `line` the place is, in characters.
    column: usize,
}

/// What is shown of a long line, before the place and after it.
const BEFORE: usize = 26;
const AFTER: usize = 14;

fn excerpt(text: &str, at: usize) -> Excerpt {
    let before: Vec<char> = text.chars().take(at).collect();
    let number = before.iter().filter(|c| **c == '\n').count() + 1;
    let column = before.iter().rev().take_while(|c| **c != '\n').count();
    let line: Vec<char> = text.split('\n').nth(number - 1).unwrap_or_default().chars().collect();
    let start = column.saturating_sub(BEFORE);
    let end = line.len().min(column + AFTER);
    let mut shown: String = line[start.min(end)..end].iter().collect();
    let mut column = column - start;
    if start > 0 {
        shown.insert(0, '…');
        column += 1;
    }
    if end < line.len() {
        shown.push('…');
    }
    // A tab is wider than the caret line thinks.
    Excerpt { number, line: shown.replace('\t', " "), column }
}

fn coloured(text: &str, language: Language, wrong_at: Option<usize>) -> AnyView {
    let pieces = pieces(text, language);
    let Some(at) = wrong_at else { return pieces.into_iter().map(span).collect_view().into_any() };
    let mut drawn = Vec::with_capacity(pieces.len() + 3);
    let mut left = Some(at);
    for (class, text) in pieces {
        let length = text.chars().count();
        match left {
            Some(at) if at < length => {
                let mut places = text.char_indices().map(|(place, _)| place).skip(at);
                let start = places.next().unwrap_or(text.len());
                let end = places.next().unwrap_or(text.len());
                drawn.push(span((class, &text[..start])));
                match &text[start..end] {
                    // The end of a line has no width of its own.
                    "\n" => drawn.extend([mark(" "), span((class, "\n"))]),
                    letter => drawn.push(mark(letter)),
                }
                drawn.push(span((class, &text[end..])));
                left = None;
            }
            Some(at) => {
                drawn.push(span((class, text)));
                left = Some(at - length);
            }
            None => drawn.push(span((class, text))),
        }
    }
    if left.is_some() {
        drawn.push(mark(" "));
    }
    drawn.into_any()
}

fn span((class, text): Piece<'_>) -> AnyView {
    match class {
        "" => text.to_owned().into_any(),
        class => view! { <span class=class>{text.to_owned()}</span> }.into_any(),
    }
}

fn mark(text: &str) -> AnyView {
    view! { <mark class="code-wrong">{text.to_owned()}</mark> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_the_line_of_the_place() {
        let text = "{\n  \"a\": $sum(\n}";
        assert_eq!(excerpt(text, 14), Excerpt { number: 2, line: "  \"a\": $sum(".into(), column: 12 });
        assert_eq!(excerpt(text, 99), Excerpt { number: 3, line: "}".into(), column: 1 });
        assert_eq!(excerpt("", 0), Excerpt { number: 1, line: String::new(), column: 0 });
    }

    #[test]
    fn of_a_long_line_the_part_around_the_place_is_shown() {
        let text = format!("{}!{}", "é".repeat(100), "b".repeat(100));
        let excerpt = excerpt(&text, 100);
        assert_eq!(excerpt.line.chars().nth(excerpt.column), Some('!'));
        assert!(excerpt.line.starts_with('…') && excerpt.line.ends_with('…'));
        assert!(excerpt.line.chars().count() < 45);
    }
}
