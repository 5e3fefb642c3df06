//! The product's mark.

use leptos::prelude::*;

/// The mark: an h whose last stroke is a hook.
#[component]
pub fn Mark(#[prop(default = 24)] size: u32) -> impl IntoView {
    view! {
        <svg class="mark" width=size height=size viewBox="0 0 24 24" aria-hidden="true">
            <rect class="mark-ground" width="24" height="24" rx="6"></rect>
            <path
                class="mark-line"
                d="M6 5v13M6 13a3.9 3.9 0 0 1 7.8 0v2.7a2.1 2.1 0 0 0 4.2 0v-1.2"
                fill="none"
                stroke-width="2"
                stroke-linecap="round"
            ></path>
        </svg>
    }
    .into_any()
}

/// The mark with the name.
#[component]
pub fn Wordmark() -> impl IntoView {
    view! {
        <span class="wordmark">
            <Mark/>
            "hookstream"
        </span>
    }
    .into_any()
}
