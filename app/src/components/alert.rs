//! A banner that says something about the page.

use leptos::prelude::*;

use super::{
    icon::{Glyph, Icon},
    status::Tone,
};

/// What a banner is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AlertTone {
    #[default]
    Info,
    Success,
    Warning,
    Danger,
}

/// A banner: what happened, why, and what to do.
#[component]
pub fn Alert(
    #[prop(optional)] tone: AlertTone,
    #[prop(optional, into)] title: MaybeProp<String>,
    #[prop(optional, into)] actions: Option<ViewFnOnce>,
    children: Children,
) -> impl IntoView {
    view! {
        <div class="alert" data-tone=tone.tone().as_str() role=(tone == AlertTone::Danger).then_some("alert")>
            <Glyph icon=tone.icon()/>
            <div class="alert-body">
                {move || title.get().map(|title| view! { <p class="alert-title">{title}</p> })}
                <div class="alert-text">{children()}</div>
            </div>
            {actions.map(|actions| view! { <div class="alert-actions">{actions.run()}</div> })}
        </div>
    }
    .into_any()
}

impl AlertTone {
    const fn tone(self) -> Tone {
        match self {
            Self::Info => Tone::Received,
            Self::Success => Tone::Delivered,
            Self::Warning => Tone::Waiting,
            Self::Danger => Tone::Failed,
        }
    }

    const fn icon(self) -> Icon {
        match self {
            Self::Info => Icon::Info,
            Self::Success => Icon::CircleCheck,
            Self::Warning => Icon::TriangleAlert,
            Self::Danger => Icon::CircleAlert,
        }
    }
}
