//! Copying: a button, an id that copies itself, a field to copy from.

use leptos::prelude::*;

use super::{
    button::{ButtonKind, ButtonSize},
    icon::{Glyph, Icon},
    toast::use_toasts,
};
use crate::browser;

/// Copies `text` and says so.
#[component]
pub fn CopyButton(
    #[prop(into)] text: Signal<String>,
    /// What is copied, for screen readers and the tooltip: "Copy the URL".
    #[prop(default = "Copy".into(), into)]
    label: Signal<String>,
    /// What the toast says.
    #[prop(default = "Copied".into(), into)]
    said: Signal<String>,
    /// Shows the label beside the icon.
    #[prop(optional)]
    word: bool,
    #[prop(default = ButtonKind::Ghost)] kind: ButtonKind,
) -> impl IntoView {
    let copy = copier(said);
    view! {
        <button
            class="button copy"
            class:icon-only=!word
            data-kind=kind.as_str()
            data-size=ButtonSize::Small.as_str()
            type="button"
            title=move || label.get()
            aria-label=move || label.get()
            on:click=move |_| copy(text.get_untracked())
        >
            <Glyph icon=Icon::Copy/>
            {word.then(|| view! { <span class="button-text">{move || label.get()}</span> })}
        </button>
    }
    .into_any()
}

/// An id, shortened in the middle, whole on focus; a click copies it.
#[component]
pub fn Id(#[prop(into)] value: Signal<String>) -> impl IntoView {
    let copy = copier(Signal::derive(move || format!("Copied {}", shortened(&value.get()))));
    view! {
        <button
            class="id"
            type="button"
            title=move || format!("Copy {}", value.get())
            aria-label=move || format!("Copy {}", value.get())
            on:click=move |_| copy(value.get_untracked())
        >
            <span class="id-short">{move || shortened(&value.get())}</span>
            <span class="id-whole">{move || value.get()}</span>
            <Glyph icon=Icon::Copy size=12/>
        </button>
    }
    .into_any()
}

/// A value to take away, in a field that only reads: an ingest URL, a key that is shown once.
#[component]
pub fn CopyField(
    #[prop(into)] label: Signal<String>,
    #[prop(into)] value: Signal<String>,
    #[prop(optional, into)] help: MaybeProp<String>,
) -> impl IntoView {
    let copy = copier(Signal::derive(move || format!("{} copied", label.get())));
    view! {
        <div class="copy-field">
            <label class="copy-field-label">
                <span>{move || label.get()}</span>
                <input class="input mono" type="text" readonly=true value=move || value.get() spellcheck="false"/>
            </label>
            <button
                class="button"
                data-kind=ButtonKind::Secondary.as_str()
                type="button"
                on:click=move |_| copy(value.get_untracked())
            >
                <Glyph icon=Icon::Copy/>
                <span class="button-text">"Copy"</span>
            </button>
            {move || help.get().map(|help| view! { <p class="field-help">{help}</p> })}
        </div>
    }
    .into_any()
}

/// The first and last characters of an id, which are what people compare: the prefix says the kind, the end is random.
#[must_use]
pub fn shortened(id: &str) -> String {
    const HEAD: usize = 10;
    const TAIL: usize = 6;
    if !id.is_ascii() || id.len() <= HEAD + TAIL + 1 {
        return id.to_owned();
    }
    format!("{}…{}", &id[..HEAD], &id[id.len() - TAIL..])
}

fn copier(said: Signal<String>) -> impl Fn(String) + Copy + Send + Sync + 'static {
    let toasts = use_toasts();
    move |text| {
        let said = said.get_untracked();
        browser::copy(text, move |copied| {
            if copied {
                toasts.say(said);
            } else {
                toasts.warn("The browser did not allow copying. Select the text and copy it by hand.");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_lose_their_middle() {
        assert_eq!(shortened("evt_0192f3a4b5c6d7e8f90a1b2c3d4e5f60"), "evt_0192f3…4e5f60");
        assert_eq!(shortened("short"), "short");
    }
}
