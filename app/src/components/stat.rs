//! A figure and what it counts.

use leptos::prelude::*;

use super::status::Tone;

/// Figures in a row.
#[component]
pub fn Stats(children: Children) -> impl IntoView {
    view! { <div class="stats">{children()}</div> }.into_any()
}

/// One figure. With `href` the whole tile is a link.
#[component]
pub fn Stat(
    #[prop(into)] label: Signal<String>,
    #[prop(into)] value: Signal<String>,
    #[prop(optional, into)] unit: MaybeProp<String>,
    /// Below it: the change, the period.
    #[prop(optional, into)]
    note: MaybeProp<String>,
    /// The note's colour.
    #[prop(optional, into)]
    tone: Signal<Tone>,
    #[prop(optional, into)] href: MaybeProp<String>,
) -> impl IntoView {
    let name = move || match href.get() {
        Some(href) => view! { <a class="stat-link" href=href>{label.get()}</a> }.into_any(),
        None => label.get().into_any(),
    };
    view! {
        <div class="stat">
            <p class="stat-label">{name}</p>
            <p class="stat-value">
                {move || value.get()} {move || unit.get().map(|unit| view! { <span class="stat-unit">{unit}</span> })}
            </p>
            {move || {
                note.get().map(|note| view! { <p class="stat-note" data-tone=tone.get().as_str()>{note}</p> })
            }}
        </div>
    }
    .into_any()
}
