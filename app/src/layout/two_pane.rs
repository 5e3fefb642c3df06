//! A list and what is open of it.

use leptos::prelude::*;

use crate::components::{RelativeTime, Status, StatusBadge, Timestamp};

/// The list stays at the left on wide screens; on narrower ones what is open stands alone.
#[component]
pub fn TwoPane(#[prop(into)] list: ViewFnOnce, #[prop(into)] detail: ViewFnOnce) -> impl IntoView {
    view! {
        <div class="two-pane">
            <nav class="pane-list" aria-label="Neighbours">
                {list.run()}
            </nav>
            <div class="pane-detail">{detail.run()}</div>
        </div>
    }
    .into_any()
}

/// One of the list at the left.
#[component]
pub fn PaneItem(
    #[prop(into)] href: Signal<String>,
    #[prop(into)] title: Signal<String>,
    /// Below the title: where it came from.
    #[prop(into)]
    note: Signal<String>,
    #[prop(into)] at: Signal<Timestamp>,
    #[prop(into)] status: Signal<Status>,
    /// The one that is open.
    #[prop(optional, into)]
    selected: Signal<bool>,
) -> impl IntoView {
    view! {
        <a class="pane-item" href=move || href.get() aria-current=move || selected.get().then_some("true")>
            <StatusBadge status=status plain=true shape_only=true/>
            <span class="pane-item-title">{move || title.get()}</span>
            <span class="pane-item-time"><RelativeTime at=at quiet=true/></span>
            <span class="pane-item-note">{move || note.get()}</span>
        </a>
    }
    .into_any()
}
