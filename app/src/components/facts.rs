//! Names and their values.

use leptos::prelude::*;

/// A list of [`Fact`]s.
#[component]
pub fn Facts(
    /// Beside one another, label above value, for the head of an inspector.
    #[prop(optional)]
    columns: bool,
    children: Children,
) -> impl IntoView {
    view! {
        <dl class="facts" class:columns=columns>
            {children()}
        </dl>
    }
    .into_any()
}

/// One name and its value.
#[component]
pub fn Fact(#[prop(into)] label: Signal<String>, children: Children) -> impl IntoView {
    view! {
        <div class="fact">
            <dt>{move || label.get()}</dt>
            <dd>{children()}</dd>
        </div>
    }
    .into_any()
}
