//! HTTP headers or query parameters, in the order they came.

use leptos::prelude::*;

use super::copy::CopyButton;

/// Names and values as they were on the wire.
#[component]
pub fn HeaderList(
    #[prop(into)] headers: Signal<Vec<(String, String)>>,
    /// What to say when there are none.
    #[prop(default = "None were sent.".into(), into)]
    empty: Signal<String>,
) -> impl IntoView {
    move || {
        let headers = headers.get();
        if headers.is_empty() {
            return view! { <p class="header-list-empty muted">{empty.get()}</p> }.into_any();
        }
        let rows: Vec<_> = headers
            .into_iter()
            .map(|(name, value)| {
                let label = format!("Copy {name}");
                view! {
                    <div class="header-row">
                        <dt>{name}</dt>
                        <dd>
                            <span>{value.clone()}</span>
                            <CopyButton text=value label=label/>
                        </dd>
                    </div>
                }
            })
            .collect();
        view! { <dl class="header-list">{rows}</dl> }.into_any()
    }
}
