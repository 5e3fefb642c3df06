//! A way in numbered steps, and how far a long run has come.

use leptos::prelude::*;

use super::{
    figures::count,
    icon::{Glyph, Icon},
};

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    Done,
    Current,
    Next,
}

/// A list of [`Step`]s.
#[component]
pub fn Steps(children: Children) -> impl IntoView {
    view! { <ol class="steps">{children()}</ol> }.into_any()
}

/// One step. What is in it shows while it is the current one.
#[component]
pub fn Step(
    number: u8,
    #[prop(into)] title: Signal<String>,
    #[prop(into)] state: Signal<StepState>,
    children: Children,
) -> impl IntoView {
    view! {
        <li class="step" data-state=move || state.get().as_str() aria-current=move || (state.get() == StepState::Current).then_some("step")>
            <span class="step-mark" aria-hidden="true">
                {move || match state.get() {
                    StepState::Done => view! { <Glyph icon=Icon::Check size=14/> }.into_any(),
                    _ => number.into_any(),
                }}
            </span>
            <div class="step-body">
                <h2 class="step-title">
                    {move || title.get()}
                    {move || (state.get() == StepState::Done).then(|| view! { <span class="visually-hidden">" (done)"</span> })}
                </h2>
                <div class="step-content">{children()}</div>
            </div>
        </li>
    }
    .into_any()
}

/// How much of a known amount is done.
#[component]
pub fn Progress(
    #[prop(into)] done: Signal<u64>,
    #[prop(into)] total: Signal<u64>,
    /// What is counted: "events".
    #[prop(into)]
    label: Signal<String>,
) -> impl IntoView {
    let figures = move || format!("{} of {} {}", count(done.get()), count(total.get()), label.get());
    view! {
        <div class="progress">
            <progress value=move || done.get().to_string() max=move || total.get().max(1).to_string() aria-label=figures></progress>
            <span class="progress-text num">{figures}</span>
        </div>
    }
    .into_any()
}

impl StepState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Current => "current",
            Self::Next => "next",
        }
    }
}
