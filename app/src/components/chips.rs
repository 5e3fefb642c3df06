//! Filters that live in the address: chips, chips that open a list, a search field.

use leptos::prelude::*;

use super::{
    icon::{Glyph, Icon},
    status::Tone,
};

/// A row of filters.
#[component]
pub fn Chips(#[prop(into)] label: Signal<String>, children: Children) -> impl IntoView {
    view! {
        <div class="chips" role="group" aria-label=move || label.get()>
            {children()}
        </div>
    }
    .into_any()
}

/// A filter that is on or off; a link to the list with it changed.
#[component]
pub fn Chip(
    #[prop(into)] href: Signal<String>,
    #[prop(optional, into)] active: Signal<bool>,
    /// A dot in the colour of the state that it filters by.
    #[prop(optional)]
    tone: Option<Tone>,
    #[prop(optional, into)] count: MaybeProp<String>,
    children: Children,
) -> impl IntoView {
    view! {
        <a class="chip" href=move || href.get() aria-current=move || active.get().then_some("true")>
            {tone.map(|tone| view! { <span class="chip-dot" data-tone=tone.as_str() aria-hidden="true"></span> })}
            {children()}
            {move || count.get().map(|count| view! { <span class="chip-count num">{count}</span> })}
        </a>
    }
    .into_any()
}

/// A filter with a list of values, as [`MenuLink`](super::MenuLink)s.
#[component]
pub fn ChipMenu(
    #[prop(into)] label: Signal<String>,
    /// The value in force.
    #[prop(optional, into)]
    value: MaybeProp<String>,
    /// Where the list is without this filter.
    #[prop(optional, into)]
    clear: MaybeProp<String>,
    children: Children,
) -> impl IntoView {
    let cleared = move || {
        let (_, href) = value.get().zip(clear.get())?;
        Some(view! {
            <a class="chip-clear" href=href aria-label=format!("Remove the filter {}", label.get())>
                <Glyph icon=Icon::X size=12/>
            </a>
        })
    };
    view! {
        <span class="chip-group" data-set=move || value.get().map(|_| "true")>
            <details class="menu">
                <summary class="chip">
                    {move || label.get()}
                    {move || value.get().map(|value| view! { <span class="chip-value">{value}</span> })}
                    <Glyph icon=Icon::ChevronDown size=12/>
                </summary>
                <div class="menu-list">{children()}</div>
            </details>
            {cleared}
        </span>
    }
    .into_any()
}

/// A search over the list, as a GET form. `/` goes to it. The children are hidden inputs that keep other filters.
#[component]
pub fn SearchBox(
    #[prop(default = "q".to_owned(), into)] name: String,
    #[prop(into)] label: Signal<String>,
    #[prop(optional, into)] value: MaybeProp<String>,
    #[prop(optional, into)] action: MaybeProp<String>,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <form class="search" role="search" method="get" action=move || action.get()>
            <Glyph icon=Icon::Search/>
            <input
                class="input"
                type="search"
                name=name
                value=move || value.get()
                placeholder=move || label.get()
                aria-label=move || label.get()
                autocomplete="off"
                spellcheck="false"
                data-search="true"
            />
            <kbd class="kbd" aria-hidden="true">"/"</kbd>
            {children.map(|children| children())}
        </form>
    }
    .into_any()
}

/// A key to press.
#[component]
pub fn Kbd(children: Children) -> impl IntoView {
    view! { <kbd class="kbd">{children()}</kbd> }.into_any()
}
