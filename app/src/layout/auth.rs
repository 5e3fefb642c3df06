//! The frame of the pages for people who are not signed in.

use leptos::prelude::*;
use leptos_meta::Title;

use super::logo::Wordmark;

/// A card in the middle, under the product's mark.
#[component]
pub fn AuthLayout(
    #[prop(into)] title: Signal<String>,
    #[prop(optional, into)] text: MaybeProp<String>,
    /// Below the card: the way to the other page.
    #[prop(optional, into)]
    foot: Option<ViewFnOnce>,
    children: Children,
) -> impl IntoView {
    view! {
        <Title text=move || title.try_get().unwrap_or_default()/>
        <div class="auth">
            <header class="auth-head">
                <Wordmark/>
                <p class="auth-promise">"Every webhook is kept, delivered, and can be looked at."</p>
            </header>
            <main class="auth-card" id="content">
                <h1>{move || title.get()}</h1>
                {move || text.get().map(|text| view! { <p class="auth-text">{text}</p> })}
                {children()}
            </main>
            {foot.map(|foot| view! { <footer class="auth-foot">{foot.run()}</footer> })}
        </div>
    }
    .into_any()
}
