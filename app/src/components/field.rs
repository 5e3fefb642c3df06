//! A field of a form: label above, help below, its error beside it.

use leptos::{context::Provider, prelude::*};

use super::{
    form::FormContext,
    icon::{Glyph, Icon},
};

/// What a control takes from the field around it.
#[derive(Clone, Debug)]
pub struct FieldContext {
    pub id: String,
    pub name: String,
    pub required: bool,
    /// The field's error, when it has one.
    pub error: Signal<Option<String>>,
    has_help: bool,
}

/// A labelled control. The control inside takes its id, name, description and validity from here.
#[component]
pub fn Field(
    /// The name in the request, which is also where errors look for their field.
    #[prop(into)]
    name: String,
    #[prop(into)] label: Signal<String>,
    #[prop(optional, into)] help: MaybeProp<String>,
    /// An error of its own; without it the one that the form's problem has for this name.
    #[prop(optional, into)]
    error: MaybeProp<String>,
    #[prop(optional)] required: bool,
    /// Says "optional" beside the label, in forms where most fields are required.
    #[prop(optional)]
    optional_mark: bool,
    #[prop(optional, into)] id: Option<String>,
    children: Children,
) -> impl IntoView {
    let id = id.unwrap_or_else(|| control_id(&name));
    let form = use_context::<FormContext>();
    if let Some(form) = form {
        form.register(&name, label);
    }
    let error = {
        let name = name.clone();
        Signal::derive(move || {
            let of_form = || form.and_then(|form| form.problem.with(|problem| problem.at(&name)));
            error.get().or_else(of_form)
        })
    };
    let context = FieldContext { id: id.clone(), name, required, error, has_help: help.get_untracked().is_some() };
    let (help_id, error_id) = (context.help_id(), context.error_id());
    view! {
        <div class="field" data-invalid=move || error.with(Option::is_some).then_some("true")>
            <label class="field-label" for=id>
                {move || label.get()}
                {required.then(|| view! { <span class="field-required" aria-hidden="true">"*"</span> })}
                {optional_mark.then(|| view! { <span class="field-optional">"optional"</span> })}
            </label>
            <Provider value=context>{children()}</Provider>
            {move || {
                let error_id = error_id.clone();
                error
                    .get()
                    .map(|error| {
                        view! {
                            <p class="field-error" id=error_id>
                                <Glyph icon=Icon::CircleAlert size=14/>
                                <span>{sentence(&error)}</span>
                            </p>
                        }
                    })
            }}
            {move || {
                let help_id = help_id.clone();
                help.get().map(|help| view! { <p class="field-help" id=help_id>{help}</p> })
            }}
        </div>
    }
    .into_any()
}

/// Two or three fields beside one another, below one another on phones.
#[component]
pub fn FieldRow(children: Children) -> impl IntoView {
    view! { <div class="field-row">{children()}</div> }.into_any()
}

impl FieldContext {
    /// The surrounding field, or a nameless one where there is none: then the control is given its attributes itself.
    #[must_use]
    pub fn here() -> Self {
        use_context().unwrap_or_else(|| Self {
            id: String::new(),
            name: String::new(),
            required: false,
            error: Signal::from(None),
            has_help: false,
        })
    }

    /// The id attribute, unless the control stands alone.
    #[must_use]
    pub fn id_attribute(&self) -> Option<String> {
        (!self.id.is_empty()).then(|| self.id.clone())
    }

    /// The name attribute, unless the control stands alone.
    #[must_use]
    pub fn name_attribute(&self) -> Option<String> {
        (!self.name.is_empty()).then(|| self.name.clone())
    }

    /// The ids of the error and the help, whichever are there.
    #[must_use]
    pub fn described_by(&self) -> Signal<Option<String>> {
        let (error, error_id) = (self.error, self.error_id());
        let help_id = self.has_help.then(|| self.help_id());
        Signal::derive(move || {
            let error_id = error.with(Option::is_some).then(|| error_id.clone());
            let ids: Vec<String> = error_id.into_iter().chain(help_id.clone()).collect();
            (!ids.is_empty()).then(|| ids.join(" "))
        })
    }

    /// `true` while the field has an error.
    #[must_use]
    pub fn invalid(&self) -> Signal<Option<&'static str>> {
        let error = self.error;
        Signal::derive(move || error.with(Option::is_some).then_some("true"))
    }

    fn help_id(&self) -> String {
        format!("{}-help", self.id)
    }

    fn error_id(&self) -> String {
        format!("{}-error", self.id)
    }
}

/// The id of the control for the field `name`.
#[must_use]
pub fn control_id(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    format!("field-{plain}")
}

/// An error as a sentence of its own: errors come as `must be 1 to 50`.
fn sentence(error: &str) -> String {
    let mut letters = error.chars();
    let Some(first) = letters.next() else { return String::new() };
    let stop = if error.ends_with(['.', '?', ':']) { "" } else { "." };
    format!("{}{}{stop}", first.to_uppercase(), letters.as_str())
}
