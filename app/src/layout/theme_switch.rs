//! Light, dark, or as the system has it.

use leptos::prelude::*;

use crate::{
    browser,
    components::{Glyph, Icon},
    shell::Theme,
};

/// Three buttons of a form: without JavaScript it posts `theme` to `/theme`, which sets the cookie and comes back.
#[component]
pub fn ThemeSwitch() -> impl IntoView {
    let start = SharedValue::new(|| use_context::<Theme>().or_else(browser::theme).unwrap_or_default()).into_inner();
    let current = RwSignal::new(start);
    let choices = [
        (Theme::Light, Icon::Sun, "Light"),
        (Theme::Dark, Icon::Moon, "Dark"),
        (Theme::System, Icon::Monitor, "As the system"),
    ];
    let buttons = choices.map(|(theme, icon, label)| {
        view! {
            <button
                type="submit"
                name="theme"
                value=theme.as_str()
                title=label
                aria-label=label
                aria-pressed=move || if current.get() == theme { "true" } else { "false" }
                on:click=move |event| {
                    event.prevent_default();
                    browser::set_theme(theme);
                    current.set(theme);
                }
            >
                <Glyph icon=icon/>
            </button>
        }
    });
    view! {
        <form class="theme-switch" method="post" action="/theme" role="group" aria-label="Colours">
            {buttons.into_iter().collect_view()}
        </form>
    }
    .into_any()
}
