//! A framed part of a page.

use leptos::prelude::*;

/// A card, with a head when it has a title or actions.
#[component]
pub fn Card(
    #[prop(optional, into)] title: MaybeProp<String>,
    #[prop(optional, into)] text: MaybeProp<String>,
    #[prop(optional, into)] actions: Option<ViewFnOnce>,
    /// Without padding, for tables and code.
    #[prop(optional)]
    flush: bool,
    children: Children,
) -> impl IntoView {
    let has_head = title.get_untracked().is_some() || actions.is_some();
    view! {
        <section class="card" class:flush=flush>
            {has_head
                .then(|| {
                    view! {
                        <header class="card-head">
                            <div>
                                {move || title.get().map(|title| view! { <h2 class="card-title">{title}</h2> })}
                                {move || text.get().map(|text| view! { <p class="card-text">{text}</p> })}
                            </div>
                            {actions.map(|actions| view! { <div class="row">{actions.run()}</div> })}
                        </header>
                    }
                })}
            <div class="card-body">{children()}</div>
        </section>
    }
    .into_any()
}
