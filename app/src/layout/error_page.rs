//! What is shown in place of a page that cannot be.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::components::{ButtonKind, ButtonLink, Glyph, Icon, Id};

/// There is nothing at this address.
#[component]
pub fn NotFound(
    /// Where to go instead.
    #[prop(into)]
    home: Signal<String>,
) -> impl IntoView {
    view! {
        <ErrorPage
            title="There is nothing here"
            text="The address is wrong, or what was here has been deleted or belongs to another project."
            icon=Icon::Unplug
        >
            <ButtonLink href=home kind=ButtonKind::Primary>"Go to the overview"</ButtonLink>
        </ErrorPage>
    }
    .into_any()
}

/// Something failed. The children say what to do about it.
#[component]
pub fn ErrorPage(
    #[prop(into)] title: Signal<String>,
    #[prop(into)] text: Signal<String>,
    #[prop(default = Icon::TriangleAlert)] icon: Icon,
    /// What the log has it under.
    #[prop(optional, into)]
    request_id: MaybeProp<String>,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <Title text=move || title.try_get().unwrap_or_default()/>
        <section class="error-page">
            <span class="empty-icon">
                <Glyph icon=icon size=20/>
            </span>
            <h1>{move || title.get()}</h1>
            <p>{move || text.get()}</p>
            {children.map(|children| view! { <div class="empty-actions">{children()}</div> })}
            {move || {
                request_id
                    .get()
                    .map(|id| view! { <p class="muted">"The log has it under " <Id value=id/></p> })
            }}
        </section>
    }
    .into_any()
}
