//! A JSON document as a tree to read: coloured, folding, in the order of its keys.

use leptos::prelude::*;
use serde_json::Value;

use super::code::CodeBlock;

/// More values than this are left to the raw text: a page of them would be too heavy.
const MAX_VALUES: usize = 2_000;
/// Deeper levels start folded.
const OPEN_DEPTH: usize = 3;
/// Longer lists and objects start folded, the outermost excepted.
const OPEN_ENTRIES: usize = 40;

/// Pretty-printed JSON; a text that is no JSON is shown as it is.
#[component]
pub fn JsonView(#[prop(into)] source: Signal<String>) -> impl IntoView {
    move || {
        source.with(|source| match serde_json::from_str::<Value>(source) {
            Ok(value) => {
                let mut tree = Tree { left: MAX_VALUES };
                let root = tree.value(None, &value, 0, true);
                let cut = (tree.left == 0).then(|| {
                    view! { <p class="json-cut">"The first 2,000 values are shown. See Raw for all of it."</p> }
                });
                view! { <div class="json-view" tabindex="0">{root} {cut}</div> }.into_any()
            }
            Err(_) => view! { <CodeBlock code=source.clone() wrap=true bounded=true/> }.into_any(),
        })
    }
}

struct Tree {
    /// How many values may still be drawn.
    left: usize,
}

impl Tree {
    fn value(&mut self, key: Option<&str>, value: &Value, depth: usize, last: bool) -> AnyView {
        if self.left == 0 {
            return ().into_any();
        }
        self.left -= 1;
        let key = key.map(|key| {
            view! {
                <span class="tok-key">{Value::from(key).to_string()}</span>
                <span class="tok-punct">": "</span>
            }
        });
        let comma = (!last).then(|| view! { <span class="tok-punct">","</span> });
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                let end = fields.len() - 1;
                let entries: Vec<_> = fields
                    .iter()
                    .enumerate()
                    .map(|(at, (key, value))| self.value(Some(key), value, depth + 1, at == end))
                    .collect();
                fold(key, ("{", "}"), entries, depth, comma)
            }
            Value::Array(items) if !items.is_empty() => {
                let end = items.len() - 1;
                let entries: Vec<_> =
                    items.iter().enumerate().map(|(at, value)| self.value(None, value, depth + 1, at == end)).collect();
                fold(key, ("[", "]"), entries, depth, comma)
            }
            other => {
                let class = match other {
                    Value::String(_) => "tok-string",
                    Value::Number(_) => "tok-number",
                    Value::Bool(_) | Value::Null => "tok-word",
                    Value::Array(_) | Value::Object(_) => "tok-punct",
                };
                view! { <div class="json-line">{key}<span class=class>{other.to_string()}</span>{comma}</div> }
                    .into_any()
            }
        }
    }
}

fn fold(
    key: impl IntoView + 'static,
    (open, close): (&'static str, &'static str),
    entries: Vec<AnyView>,
    depth: usize,
    comma: Option<impl IntoView + 'static>,
) -> AnyView {
    let unfolded = depth == 0 || (depth < OPEN_DEPTH && entries.len() <= OPEN_ENTRIES);
    let size = if entries.len() == 1 { "1 entry".to_owned() } else { format!("{} entries", entries.len()) };
    view! {
        <details class="json-fold" open=unfolded>
            <summary>
                {key}<span class="tok-punct">{open}</span>
                <span class="json-folded">{size}</span>
                <span class="json-folded tok-punct">{close}</span>
            </summary>
            <div class="json-entries">{entries}</div>
            <div class="json-line"><span class="tok-punct">{close}</span>{comma}</div>
        </details>
    }
    .into_any()
}
