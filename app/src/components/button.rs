//! Buttons, and links that look like them.

use leptos::prelude::*;

use super::icon::{Glyph, Icon};

/// How much a button asks for attention. A page has one primary action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ButtonKind {
    Primary,
    #[default]
    Secondary,
    Ghost,
    Danger,
}

/// 28 or 32 pixels high.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ButtonSize {
    Small,
    #[default]
    Medium,
}

/// A button. Handlers and further attributes (`on:click`, `attr:form`) go to the `<button>` itself.
#[component]
pub fn Button(
    #[prop(optional)] kind: ButtonKind,
    #[prop(optional)] size: ButtonSize,
    #[prop(optional)] icon: Option<Icon>,
    /// Submits its form.
    #[prop(optional)]
    submit: bool,
    /// While true the button is busy and cannot be pressed again; its width stays.
    #[prop(optional, into)]
    pending: Signal<bool>,
    #[prop(optional, into)] disabled: Signal<bool>,
    /// What it does, for buttons without words.
    #[prop(optional, into)]
    label: MaybeProp<String>,
    #[prop(optional, into)] name: MaybeProp<String>,
    #[prop(optional, into)] value: MaybeProp<String>,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let icon_only = children.is_none();
    view! {
        <button
            class="button"
            class:icon-only=icon_only
            data-kind=kind.as_str()
            data-size=size.as_str()
            type=if submit { "submit" } else { "button" }
            name=move || name.get()
            value=move || value.get()
            title=move || label.get()
            aria-label=move || label.get()
            aria-busy=move || pending.get().then_some("true")
            disabled=move || pending.get() || disabled.get()
        >
            {icon.map(|icon| view! { <Glyph icon=icon/> })}
            {children.map(|children| view! { <span class="button-text">{children()}</span> })}
        </button>
    }
    .into_any()
}

/// A link in the shape of a button.
#[component]
pub fn ButtonLink(
    #[prop(into)] href: Signal<String>,
    #[prop(optional)] kind: ButtonKind,
    #[prop(optional)] size: ButtonSize,
    #[prop(optional)] icon: Option<Icon>,
    #[prop(optional, into)] label: MaybeProp<String>,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let icon_only = children.is_none();
    view! {
        <a
            class="button"
            class:icon-only=icon_only
            data-kind=kind.as_str()
            data-size=size.as_str()
            href=move || href.get()
            title=move || label.get()
            aria-label=move || label.get()
        >
            {icon.map(|icon| view! { <Glyph icon=icon/> })}
            {children.map(|children| view! { <span class="button-text">{children()}</span> })}
        </a>
    }
    .into_any()
}

impl ButtonKind {
    /// The word that the style sheet knows it by.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
            Self::Ghost => "ghost",
            Self::Danger => "danger",
        }
    }
}

impl ButtonSize {
    /// The word that the style sheet knows it by.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
        }
    }
}
