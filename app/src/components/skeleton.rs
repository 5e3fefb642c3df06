//! The shape of what is still loading, so that nothing jumps when it comes.

use leptos::prelude::*;

/// Lines of text to come.
#[component]
pub fn Skeleton(#[prop(default = 3)] lines: usize) -> impl IntoView {
    view! {
        <div class="skeleton" role="status">
            <span class="visually-hidden">"Loading"</span>
            {(0..lines).map(|_| view! { <Bone/> }).collect_view()}
        </div>
    }
    .into_any()
}

/// A table to come.
#[component]
pub fn SkeletonTable(#[prop(default = 8)] rows: usize) -> impl IntoView {
    view! {
        <div class="skeleton-table" role="status">
            <span class="visually-hidden">"Loading"</span>
            {(0..rows).map(|_| view! { <div class="skeleton-row"><Bone/><Bone/><Bone/></div> }).collect_view()}
        </div>
    }
    .into_any()
}

/// One grey bar.
#[component]
pub fn Bone() -> impl IntoView {
    view! { <span class="bone" aria-hidden="true"></span> }.into_any()
}
