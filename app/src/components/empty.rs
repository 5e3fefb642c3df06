//! What a page shows before there is anything: what it is for, the next step, a command to paste.

use leptos::prelude::*;

use super::{
    code::{CodeBlock, Language},
    icon::{Glyph, Icon},
};

/// Nothing here yet. The children are the next step, as buttons.
#[component]
pub fn EmptyState(
    icon: Icon,
    #[prop(into)] title: Signal<String>,
    /// One sentence on what this is.
    #[prop(into)]
    text: Signal<String>,
    /// A command that works as it stands.
    #[prop(optional, into)]
    command: MaybeProp<String>,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <section class="empty">
            <span class="empty-icon"><Glyph icon=icon size=20/></span>
            <h2>{move || title.get()}</h2>
            <p>{move || text.get()}</p>
            {children.map(|children| view! { <div class="empty-actions">{children()}</div> })}
            {command_to_paste(command)}
        </section>
    }
    .into_any()
}

/// Something is awaited: says what, and how to make it come.
#[component]
pub fn Waiting(
    /// "Waiting for the first event"
    #[prop(into)]
    text: Signal<String>,
    #[prop(optional, into)] hint: MaybeProp<String>,
    #[prop(optional, into)] command: MaybeProp<String>,
) -> impl IntoView {
    view! {
        <section class="waiting">
            <p class="waiting-text" role="status">
                <span class="waiting-pulse" aria-hidden="true"></span>
                {move || text.get()}
            </p>
            {move || hint.get().map(|hint| view! { <p class="muted">{hint}</p> })}
            {command_to_paste(command)}
        </section>
    }
    .into_any()
}

fn command_to_paste(command: MaybeProp<String>) -> impl IntoView {
    move || {
        command.get().map(|command| {
            view! { <div class="empty-command"><CodeBlock code=command title="Terminal" language=Language::Shell/></div> }
        })
    }
}
