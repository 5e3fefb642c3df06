//! A gallery of kinds to choose from: each a link with a sentence below.

use leptos::prelude::*;

use super::icon::{Glyph, Icon};

/// One kind, in a list of the class `gallery`.
#[component]
pub fn GalleryCard(#[prop(into)] href: String, icon: Icon, title: &'static str, text: &'static str) -> impl IntoView {
    view! {
        <li class="gallery-card">
            <Glyph icon=icon size=20/>
            <h2>
                <a href=href>{title}</a>
            </h2>
            <p>{text}</p>
        </li>
    }
    .into_any()
}
