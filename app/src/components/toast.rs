//! Short messages that come and go, read out by screen readers.

use std::time::Duration;

use leptos::prelude::*;

use super::icon::{Glyph, Icon};
use crate::browser;

/// How long a message stays.
const STAYS: Duration = Duration::from_secs(4);
/// Older messages make way for newer ones.
const AT_ONCE: usize = 3;

/// Where messages go. `Copy`: take it in the component, use it in handlers.
#[derive(Clone, Copy, Debug)]
pub struct Toasts {
    shown: RwSignal<Vec<Toast>>,
    next: StoredValue<u64>,
}

#[derive(Clone, Debug)]
struct Toast {
    id: u64,
    text: String,
    warning: bool,
}

/// Makes room for messages. Called once, by the app, which also shows a [`Toaster`].
pub fn provide_toasts() {
    provide_context(Toasts { shown: RwSignal::default(), next: StoredValue::new(0) });
}

/// The place for messages that the app has made; outside of it they go nowhere.
#[must_use]
pub fn use_toasts() -> Toasts {
    use_context().unwrap_or_else(|| Toasts { shown: RwSignal::default(), next: StoredValue::new(0) })
}

/// Shows the messages, in the corner. Once a page.
#[component]
pub fn Toaster() -> impl IntoView {
    let toasts = use_toasts();
    view! {
        <div class="toaster" role="status" aria-live="polite" aria-atomic="false">
            <For each=move || toasts.shown.get() key=|toast| toast.id let:toast>
                <p class="toast" data-warning=toast.warning.then_some("true")>
                    <Glyph icon=if toast.warning { Icon::CircleAlert } else { Icon::CircleCheck }/>
                    <span>{toast.text}</span>
                </p>
            </For>
        </div>
    }
    .into_any()
}

impl Toasts {
    /// Says that something is done.
    pub fn say(self, text: impl Into<String>) {
        self.show(text.into(), false);
    }

    /// Says that something went wrong that needs no more than a sentence.
    pub fn warn(self, text: impl Into<String>) {
        self.show(text.into(), true);
    }

    fn show(self, text: String, warning: bool) {
        let id = self.next.try_update_value(|next| {
            *next += 1;
            *next
        });
        let Some(id) = id else { return };
        self.shown.update(|shown| {
            if shown.len() == AT_ONCE {
                shown.remove(0);
            }
            shown.push(Toast { id, text, warning });
        });
        browser::after(STAYS, move || {
            self.shown.try_update(|shown| shown.retain(|toast| toast.id != id));
        });
    }
}
