//! Controls to choose with.

use leptos::{html, prelude::*};

use super::{
    field::FieldContext,
    icon::{Glyph, Icon},
    input::{initial, keep_in_step, write_back},
};

/// An option of a [`Select`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub value: String,
    pub label: String,
}

/// A card of [`RadioCards`].
#[derive(Clone, Debug)]
pub struct RadioCard {
    value: String,
    title: String,
    text: Option<String>,
    icon: Option<Icon>,
}

/// One of a list. Stands in a [`Field`](super::Field).
#[component]
pub fn Select(
    #[prop(into)] options: Signal<Vec<Choice>>,
    #[prop(optional, into)] value: MaybeProp<String>,
    #[prop(optional)] bind: Option<RwSignal<String>>,
) -> impl IntoView {
    let field = FieldContext::here();
    let element = NodeRef::<html::Select>::new();
    keep_in_step(
        bind,
        move || element.get().map(|select| select.value()),
        move |text| {
            if let Some(select) = element.get_untracked() {
                select.set_value(text);
            }
        },
    );
    let chosen = initial(value, bind);
    let options = move || {
        let chosen = chosen.clone();
        options
            .get()
            .into_iter()
            .map(|option| {
                let selected = chosen.as_ref() == Some(&option.value);
                view! {
                    <option value=option.value selected=selected>
                        {option.label}
                    </option>
                }
            })
            .collect_view()
    };
    view! {
        <div class="input-box select">
            <select
                node_ref=element
                class="input"
                id=field.id_attribute()
                name=field.name_attribute()
                required=field.required
                aria-invalid=field.invalid()
                aria-describedby=field.described_by()
                on:change:target=move |event| write_back(bind, event.target().value())
            >
                {options}
            </select>
            <Glyph icon=Icon::ChevronDown/>
        </div>
    }
    .into_any()
}

/// A few views of one thing, of which one is shown. It sends nothing with a form.
#[component]
pub fn Segmented(#[prop(into)] label: Signal<String>, options: Vec<Choice>, bind: RwSignal<String>) -> impl IntoView {
    let options: Vec<_> = options
        .into_iter()
        .map(|option| {
            let value = StoredValue::new(option.value);
            let pressed = move || if bind.with(|bind| value.with_value(|value| value == bind)) { "true" } else { "false" };
            view! {
                <button class="segment" type="button" aria-pressed=pressed on:click=move |_| bind.set(value.get_value())>
                    {option.label}
                </button>
            }
        })
        .collect();
    view! {
        <div class="segmented" role="group" aria-label=move || label.get()>
            {options}
        </div>
    }
    .into_any()
}

/// Yes or no, with its label beside it. A field of its own.
#[component]
pub fn Checkbox(
    #[prop(into)] name: String,
    #[prop(into)] label: Signal<String>,
    #[prop(optional, into)] help: MaybeProp<String>,
    #[prop(optional, into)] checked: Signal<bool>,
    /// What is sent when it is checked.
    #[prop(default = "true".to_owned(), into)]
    value: String,
    #[prop(optional)] bind: Option<RwSignal<bool>>,
) -> impl IntoView {
    let start = bind.map_or_else(|| checked.get_untracked(), |bind| bind.get_untracked());
    view! {
        <label class="checkbox">
            <input
                type="checkbox"
                name=name
                value=value
                checked=start
                on:change:target=move |event| {
                    if let Some(bind) = bind {
                        bind.set(event.target().checked());
                    }
                }
            />
            <span class="checkbox-text">
                <span class="checkbox-label">{move || label.get()}</span>
                {move || help.get().map(|help| view! { <span class="field-help">{help}</span> })}
            </span>
        </label>
    }
    .into_any()
}

/// One of a few, each explained on a card: templates, kinds of destinations.
#[component]
pub fn RadioCards(
    #[prop(into)] name: String,
    #[prop(into)] label: Signal<String>,
    options: Vec<RadioCard>,
    #[prop(optional, into)] value: MaybeProp<String>,
    #[prop(optional)] bind: Option<RwSignal<String>>,
    /// Smaller cards, more of them in a row.
    #[prop(optional)]
    compact: bool,
) -> impl IntoView {
    let chosen = initial(value, bind);
    let card = move |card: RadioCard| {
        let checked = chosen.as_ref() == Some(&card.value);
        view! {
            <label class="radio-card">
                <input
                    type="radio"
                    name=name.clone()
                    value=card.value
                    checked=checked
                    on:change:target=move |event| write_back(bind, event.target().value())
                />
                {card.icon.map(|icon| view! { <Glyph icon=icon size=20/> })}
                <span class="radio-card-title">{card.title}</span>
                {card.text.map(|text| view! { <span class="radio-card-text">{text}</span> })}
            </label>
        }
    };
    let cards = options.into_iter().map(card).collect_view();
    view! {
        <fieldset class="radio-cards" class:compact=compact>
            <legend class="field-label">{move || label.get()}</legend>
            <div class="radio-cards-grid">{cards}</div>
        </fieldset>
    }
    .into_any()
}

impl Choice {
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into() }
    }
}

impl RadioCard {
    pub fn new(value: impl Into<String>, title: impl Into<String>) -> Self {
        Self { value: value.into(), title: title.into(), text: None, icon: None }
    }

    /// A line that explains it.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    #[must_use]
    pub const fn icon(mut self, icon: Icon) -> Self {
        self.icon = Some(icon);
        self
    }
}
