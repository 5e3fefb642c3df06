//! Controls to type into. Each stands in a [`Field`](super::Field) and takes its id, name and validity from it.
//!
//! Without `bind` a control keeps its own state, as HTML has it, so that what was typed before the page came alive
//! stays. With `bind` the signal first takes what the control holds, and then the two stay in step.

use leptos::{html, prelude::*};

use super::{
    field::FieldContext,
    icon::{Glyph, Icon},
};

/// One line of text.
#[component]
pub fn TextInput(
    #[prop(optional, into)] value: MaybeProp<String>,
    /// `text`, `email`, `url`, `search`, …
    #[prop(default = "text")]
    kind: &'static str,
    #[prop(optional, into)] placeholder: MaybeProp<String>,
    #[prop(default = "off")] autocomplete: &'static str,
    #[prop(optional)] mono: bool,
    #[prop(optional)] autofocus: bool,
    /// Fixed text before the value: `https://`.
    #[prop(optional, into)]
    prefix: MaybeProp<String>,
    #[prop(optional, into)] suffix: MaybeProp<String>,
    /// What the whole value has to match, as HTML has it.
    #[prop(optional, into)]
    pattern: MaybeProp<String>,
    #[prop(optional)] bind: Option<RwSignal<String>>,
) -> impl IntoView {
    let field = FieldContext::here();
    let element = NodeRef::<html::Input>::new();
    keep_in_step(
        bind,
        move || element.get().map(|input| input.value()),
        move |text| {
            if let Some(input) = element.get_untracked() {
                input.set_value(text);
            }
        },
    );
    view! {
        <div class="input-box">
            {move || prefix.get().map(|prefix| view! { <span class="input-affix">{prefix}</span> })}
            <input
                node_ref=element
                class="input"
                class:mono=mono
                type=kind
                id=field.id_attribute()
                name=field.name_attribute()
                required=field.required
                aria-invalid=field.invalid()
                aria-describedby=field.described_by()
                value=initial(value, bind)
                placeholder=move || placeholder.get()
                pattern=move || pattern.get()
                autocomplete=autocomplete
                autofocus=autofocus
                spellcheck=mono.then_some("false")
                autocapitalize=mono.then_some("off")
                on:input:target=move |event| write_back(bind, event.target().value())
            />
            {move || suffix.get().map(|suffix| view! { <span class="input-affix">{suffix}</span> })}
        </div>
    }
    .into_any()
}

/// A password, with a switch to see it.
#[component]
pub fn PasswordInput(
    /// `current-password` or `new-password`.
    #[prop(default = "current-password")]
    autocomplete: &'static str,
    #[prop(optional)] minlength: Option<u32>,
) -> impl IntoView {
    let field = FieldContext::here();
    let shown = RwSignal::new(false);
    view! {
        <div class="input-box">
            <input
                class="input"
                type=move || if shown.get() { "text" } else { "password" }
                id=field.id_attribute()
                name=field.name_attribute()
                required=field.required
                aria-invalid=field.invalid()
                aria-describedby=field.described_by()
                autocomplete=autocomplete
                minlength=minlength
                spellcheck="false"
                autocapitalize="off"
            />
            <button
                class="input-toggle"
                type="button"
                aria-pressed=move || if shown.get() { "true" } else { "false" }
                aria-label="Show the password"
                title="Show the password"
                on:click=move |_| shown.update(|shown| *shown = !*shown)
            >
                {move || if shown.get() { view! { <Glyph icon=Icon::EyeOff/> } } else { view! { <Glyph icon=Icon::Eye/> } }}
            </button>
        </div>
    }
    .into_any()
}

/// A whole number.
#[component]
pub fn NumberInput(
    #[prop(optional, into)] value: MaybeProp<i64>,
    #[prop(optional)] min: Option<i64>,
    #[prop(optional)] max: Option<i64>,
    #[prop(optional)] step: Option<i64>,
    /// Stands after the number: `ms`, `per second`.
    #[prop(optional, into)]
    unit: MaybeProp<String>,
    #[prop(optional)] bind: Option<RwSignal<String>>,
) -> impl IntoView {
    let field = FieldContext::here();
    let element = NodeRef::<html::Input>::new();
    keep_in_step(
        bind,
        move || element.get().map(|input| input.value()),
        move |text| {
            if let Some(input) = element.get_untracked() {
                input.set_value(text);
            }
        },
    );
    let start =
        bind.map_or_else(|| value.get_untracked().map(|value| value.to_string()), |bind| Some(bind.get_untracked()));
    view! {
        <div class="input-box">
            <input
                node_ref=element
                class="input num"
                type="number"
                inputmode="numeric"
                id=field.id_attribute()
                name=field.name_attribute()
                required=field.required
                aria-invalid=field.invalid()
                aria-describedby=field.described_by()
                value=start
                min=min
                max=max
                step=step
                on:input:target=move |event| write_back(bind, event.target().value())
            />
            {move || unit.get().map(|unit| view! { <span class="input-affix">{unit}</span> })}
        </div>
    }
    .into_any()
}

/// Several lines of text or code.
#[component]
pub fn TextArea(
    #[prop(optional, into)] value: MaybeProp<String>,
    #[prop(default = 4)] rows: u32,
    #[prop(optional)] mono: bool,
    #[prop(optional, into)] placeholder: MaybeProp<String>,
    #[prop(optional)] bind: Option<RwSignal<String>>,
) -> impl IntoView {
    let field = FieldContext::here();
    let element = NodeRef::<html::Textarea>::new();
    keep_in_step(
        bind,
        move || element.get().map(|area| area.value()),
        move |text| {
            if let Some(area) = element.get_untracked() {
                area.set_value(text);
            }
        },
    );
    view! {
        <textarea
            node_ref=element
            class="input"
            class:mono=mono
            id=field.id_attribute()
            name=field.name_attribute()
            required=field.required
            aria-invalid=field.invalid()
            aria-describedby=field.described_by()
            rows=rows
            placeholder=move || placeholder.get()
            spellcheck=mono.then_some("false")
            autocapitalize=mono.then_some("off")
            on:input:target=move |event| write_back(bind, event.target().value())
        >
            {initial(value, bind)}
        </textarea>
    }
    .into_any()
}

/// What the control shows at first.
pub(super) fn initial(value: MaybeProp<String>, bind: Option<RwSignal<String>>) -> Option<String> {
    bind.map_or_else(|| value.get_untracked(), |bind| Some(bind.get_untracked()))
}

pub(super) fn write_back(bind: Option<RwSignal<String>>, text: String) {
    if let Some(bind) = bind {
        bind.set(text);
    }
}

/// Keeps a control and its signal in step, beginning with what the control holds: the visitor may have typed before
/// the page came alive. This is the one place where an effect writes a signal, since the control is the source here.
pub(super) fn keep_in_step(
    bind: Option<RwSignal<String>>,
    read: impl Fn() -> Option<String> + 'static,
    write: impl Fn(&str) + 'static,
) {
    let Some(bind) = bind else { return };
    Effect::new(move |begun: Option<bool>| {
        let Some(held) = read() else { return begun.unwrap_or(false) };
        if begun == Some(true) {
            bind.with(|text| {
                if *text != held {
                    write(text);
                }
            });
        } else {
            bind.track();
            if bind.with_untracked(|text| *text != held) {
                bind.set(held);
            }
        }
        true
    });
}
