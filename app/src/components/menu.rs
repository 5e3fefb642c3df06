//! A drop-down on `<details>`: it opens without JavaScript, and closes on Escape and on clicks elsewhere with it.

use leptos::prelude::*;

use super::{
    button::{ButtonKind, ButtonSize},
    icon::{Glyph, Icon},
};

/// A button that opens a list of choices.
#[component]
pub fn Menu(
    #[prop(into)] label: Signal<String>,
    #[prop(optional)] icon: Option<Icon>,
    #[prop(optional)] kind: ButtonKind,
    #[prop(optional)] size: ButtonSize,
    /// The label is for screen readers alone.
    #[prop(optional)]
    icon_only: bool,
    /// Opens towards the left.
    #[prop(optional)]
    align_end: bool,
    children: Children,
) -> impl IntoView {
    view! {
        <details class="menu" class:align-end=align_end>
            <summary
                class="button"
                class:icon-only=icon_only
                data-kind=kind.as_str()
                data-size=size.as_str()
                aria-label=move || icon_only.then(|| label.get())
                title=move || icon_only.then(|| label.get())
            >
                {icon.map(|icon| view! { <Glyph icon=icon/> })}
                {(!icon_only)
                    .then(|| {
                        view! {
                            <span class="button-text">{move || label.get()}</span>
                            <Glyph icon=Icon::ChevronDown size=14/>
                        }
                    })}
            </summary>
            <div class="menu-list">{children()}</div>
        </details>
    }
    .into_any()
}

/// A choice that leads somewhere.
#[component]
pub fn MenuLink(
    #[prop(into)] href: Signal<String>,
    #[prop(optional)] icon: Option<Icon>,
    /// The choice in force.
    #[prop(optional, into)]
    active: Signal<bool>,
    children: Children,
) -> impl IntoView {
    view! {
        <a class="menu-item" href=move || href.get() aria-current=move || active.get().then_some("true")>
            {icon.map(|icon| view! { <Glyph icon=icon/> })}
            <span class="menu-item-text">{children()}</span>
            <span class="menu-check"><Glyph icon=Icon::Check/></span>
        </a>
    }
    .into_any()
}

/// A choice that does something; in a form, `submit`.
#[component]
pub fn MenuButton(
    #[prop(optional)] icon: Option<Icon>,
    #[prop(optional)] submit: bool,
    #[prop(optional)] danger: bool,
    #[prop(optional, into)] name: MaybeProp<String>,
    #[prop(optional, into)] value: MaybeProp<String>,
    children: Children,
) -> impl IntoView {
    view! {
        <button
            class="menu-item"
            class:danger=danger
            type=if submit { "submit" } else { "button" }
            name=move || name.get()
            value=move || value.get()
        >
            {icon.map(|icon| view! { <Glyph icon=icon/> })}
            <span class="menu-item-text">{children()}</span>
        </button>
    }
    .into_any()
}

/// A heading among the choices.
#[component]
pub fn MenuLabel(children: Children) -> impl IntoView {
    view! { <p class="menu-label">{children()}</p> }.into_any()
}

/// A line between choices.
#[component]
pub fn MenuSeparator() -> impl IntoView {
    view! { <hr class="menu-separator"/> }.into_any()
}
