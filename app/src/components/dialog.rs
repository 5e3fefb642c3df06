//! Dialogs on `<details>`: without JavaScript the panel opens in place; with it the same panel is a modal `<dialog>`.

use leptos::{ev, html, prelude::*};

use super::{
    button::{Button, ButtonKind, ButtonSize},
    field::Field,
    icon::{Glyph, Icon},
    input::TextInput,
};
use crate::browser;

/// A button that opens a dialog. Escape, a click beside it and the cross close it; the focus returns.
#[component]
pub fn Dialog(
    /// Unique on the page.
    #[prop(into)]
    id: String,
    /// The button's words.
    #[prop(into)]
    trigger: Signal<String>,
    #[prop(into)] title: Signal<String>,
    #[prop(optional)] icon: Option<Icon>,
    #[prop(optional)] kind: ButtonKind,
    #[prop(optional)] size: ButtonSize,
    children: Children,
) -> impl IntoView {
    let details_id = format!("{id}-details");
    let title_id = format!("{id}-title");
    let labelled_by = title_id.clone();
    let panel = NodeRef::<html::Dialog>::new();
    let open = {
        let (id, details_id) = (id.clone(), details_id.clone());
        move |event: ev::MouseEvent| {
            event.prevent_default();
            browser::open_details(&details_id);
            browser::open_dialog(&id);
        }
    };
    let close = {
        let (id, details_id) = (id.clone(), details_id.clone());
        move || {
            browser::close_dialog(&id);
            browser::close_details(&details_id);
        }
    };
    let closed = {
        let details_id = details_id.clone();
        move |_| browser::close_details(&details_id)
    };
    let on_backdrop = {
        let close = close.clone();
        move |event: ev::MouseEvent| {
            // Only the backdrop itself is the dialog element; everything else is inside of it.
            if panel.get_untracked().is_some_and(|panel| event.target().as_ref() == Some(panel.as_ref())) {
                close();
            }
        }
    };
    view! {
        <details class="dialog-details" id=details_id>
            <summary class="button" data-kind=kind.as_str() data-size=size.as_str() on:click=open>
                {icon.map(|icon| view! { <Glyph icon=icon/> })}
                <span class="button-text">{move || trigger.get()}</span>
            </summary>
            <dialog node_ref=panel class="dialog" id=id aria-labelledby=labelled_by on:close=closed on:click=on_backdrop>
                <div class="dialog-panel">
                    <header class="dialog-head">
                        <h2 id=title_id>{move || title.get()}</h2>
                        <button class="button icon-only dialog-close" data-kind="ghost" data-size="small" type="button" aria-label="Close" on:click=move |_| close()>
                            <Glyph icon=Icon::X/>
                        </button>
                    </header>
                    {children()}
                </div>
            </dialog>
        </details>
    }
    .into_any()
}

/// Asks before something that cannot be undone. Stands inside the form that does it; the children say what will happen
/// and carry the hidden inputs.
#[component]
pub fn Confirm(
    #[prop(into)] id: String,
    #[prop(into)] trigger: Signal<String>,
    #[prop(into)] title: Signal<String>,
    /// The words of the button that does it: "Delete source".
    #[prop(into)]
    action: Signal<String>,
    /// A name that has to be typed first.
    #[prop(optional, into)]
    typed: MaybeProp<String>,
    #[prop(optional)] icon: Option<Icon>,
    #[prop(default = ButtonKind::Danger)] kind: ButtonKind,
    #[prop(optional)] size: ButtonSize,
    #[prop(optional, into)] pending: Signal<bool>,
    /// What the button sends, where the form can do several things.
    #[prop(optional, into)]
    name: MaybeProp<String>,
    #[prop(optional, into)] value: MaybeProp<String>,
    children: Children,
) -> impl IntoView {
    let field_id = format!("{id}-name");
    let typed = move || {
        let field_id = field_id.clone();
        typed.get().map(|name| {
            let label = format!("Type {name} to confirm");
            let pattern = exactly(&name);
            view! {
                <Field name="confirm_name" id=field_id label=label required=true>
                    <TextInput mono=true pattern=pattern/>
                </Field>
            }
        })
    };
    let body = view! {
        <div class="dialog-text">{children()}</div>
        {typed}
        <footer class="dialog-foot">
            <Button kind=ButtonKind::Danger submit=true name=name value=value pending=pending>{move || action.get()}</Button>
        </footer>
    };
    let icon = icon.unwrap_or(Icon::Trash2);
    view! {
        <Dialog id=id trigger=trigger title=title icon=icon kind=kind size=size>
            {body}
        </Dialog>
    }
    .into_any()
}

/// A `pattern` that only `text` itself matches: everything that could mean something is escaped.
fn exactly(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == ' ' || c == '_' || !c.is_ascii() {
                c.to_string()
            } else {
                format!("\\x{:02x}", u32::from(c))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::exactly;

    #[test]
    fn patterns_mean_their_letters() {
        assert_eq!(exactly("stripe-live (eu)"), r"stripe\x2dlive \x28eu\x29");
    }
}
