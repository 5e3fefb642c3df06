//! The head of a page: its one h1, with the main action at the right.

use leptos::prelude::*;
use leptos_meta::Title;

use super::icon::{Glyph, Icon};

/// A step of the way to this page.
#[derive(Clone, Debug)]
pub struct Crumb {
    label: String,
    href: String,
}

/// The page's title, which is also the document's.
#[component]
pub fn PageHeader(
    #[prop(into)] title: Signal<String>,
    #[prop(optional, into)] subtitle: MaybeProp<String>,
    #[prop(optional)] crumbs: Vec<Crumb>,
    /// Beside the title: a state, a tag.
    #[prop(optional, into)]
    badge: Option<ViewFnOnce>,
    #[prop(optional, into)] actions: Option<ViewFnOnce>,
) -> impl IntoView {
    let crumbs = (!crumbs.is_empty()).then(|| {
        let steps: Vec<_> = crumbs
            .into_iter()
            .map(|crumb| {
                view! {
                    <li>
                        <a href=crumb.href>{crumb.label}</a>
                        <Glyph icon=Icon::ChevronRight size=12/>
                    </li>
                }
            })
            .collect();
        view! { <nav class="crumbs" aria-label="Breadcrumb"><ol>{steps}</ol></nav> }
    });
    // While the page goes, the document asks for its title once more, and the signal may be gone already.
    let document_title = move || title.try_get().unwrap_or_default();
    view! {
        <Title text=document_title/>
        <header class="page-header">
            <div class="page-header-text">
                {crumbs}
                <div class="page-header-title">
                    <h1>{move || title.get()}</h1>
                    {badge.map(ViewFnOnce::run)}
                </div>
                {move || subtitle.get().map(|subtitle| view! { <p class="page-header-subtitle">{subtitle}</p> })}
            </div>
            {actions.map(|actions| view! { <div class="page-header-actions">{actions.run()}</div> })}
        </header>
    }
    .into_any()
}

impl Crumb {
    pub fn new(label: impl Into<String>, href: impl Into<String>) -> Self {
        Self { label: label.into(), href: href.into() }
    }
}
