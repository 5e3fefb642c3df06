//! Why an event goes over a connection, or does not, in words.

use domain::filter::{Op, Why};
use leptos::prelude::*;
use serde_json::Value;

/// The rule that decided.
pub fn because(why: &Why) -> AnyView {
    let found = if why.is_missing {
        view! { "nothing stands there" }.into_any()
    } else {
        view! { "found " <code>{why.found.to_string()}</code> }.into_any()
    };
    let wanted = match (why.op, &why.wanted) {
        (Op::Exists | Op::IsEmpty, Value::Bool(true)) => None,
        (_, wanted) => Some(view! { " " <code>{wanted.to_string()}</code> }),
    };
    view! {
        <span class="because">
            <code>{why.field.clone()}</code>
            " "
            {why.op.words()}
            {wanted}
            <span class="because-found">{found}</span>
        </span>
    }
    .into_any()
}

/// What a schema does not allow: JSON pointers, and what is wrong there.
pub fn pointers(errors: impl Iterator<Item = (String, String)>) -> AnyView {
    let items: Vec<_> = errors
        .map(|(pointer, message)| {
            let place = if pointer.is_empty() { "(the whole body)".to_owned() } else { pointer };
            view! { <li><code>{place}</code> " " {message}</li> }
        })
        .collect();
    view! { <ul class="pointers">{items}</ul> }.into_any()
}
