//! How much of a way lies behind something.

use leptos::prelude::*;

use super::figures::percent;

/// A bar that fills from 0 to 1, with its share beside it.
#[component]
pub fn ProgressBar(
    #[prop(into)] share: Signal<f64>,
    /// What goes on, for screen readers.
    #[prop(into)]
    label: Signal<String>,
    /// What the share is of: "1,204 of 5,000 events".
    #[prop(optional, into)]
    words: MaybeProp<String>,
) -> impl IntoView {
    view! {
        <span class="progress">
            <span class="progress-line">
                <progress max="1" value=move || format!("{:.4}", share.get()) aria-label=move || label.get()></progress>
                <span class="progress-share num">{move || percent(share.get())}</span>
            </span>
            {move || words.get().map(|words| view! { <span class="progress-words muted">{words}</span> })}
        </span>
    }
    .into_any()
}
