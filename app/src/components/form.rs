//! What stands around the fields of a form: the summary of errors, sections, the buttons at the foot.

use domain::field::FieldErrors;
use leptos::{context::Provider, prelude::*};
use serde::{Deserialize, Serialize};

use super::{
    field::control_id,
    icon::{Glyph, Icon},
};
use crate::browser;

/// Why a form was refused. The default is that it was not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The whole of it in a sentence.
    pub message: String,
    pub fields: FieldErrors,
}

/// What a form and its fields tell one another.
#[derive(Clone, Copy, Debug)]
pub(super) struct FormContext {
    pub problem: Signal<Problem>,
    /// The labels by the names of their fields: the summary calls the fields as people see them.
    labels: StoredValue<Vec<(String, Signal<String>)>>,
}

const SUMMARY_ID: &str = "form-problem";

/// The inside of a form. Its problem is summed up on top, with links to the fields, and takes the focus when it comes;
/// each [`Field`](super::Field) shows its own part.
#[component]
pub fn FormBody(#[prop(optional, into)] problem: Signal<Problem>, children: Children) -> impl IntoView {
    Effect::new(move |_| {
        if !problem.with(Problem::is_none) {
            browser::focus(SUMMARY_ID);
        }
    });
    let form = FormContext { problem, labels: StoredValue::default() };
    view! {
        <div class="form">
            {move || (!problem.with(Problem::is_none)).then(|| summary(&problem.get(), form))}
            <Provider value=form>{children()}</Provider>
        </div>
    }
    .into_any()
}

/// A part of a long form: what it is about at the left, its fields at the right.
#[component]
pub fn FormSection(
    #[prop(into)] title: Signal<String>,
    #[prop(optional, into)] text: MaybeProp<String>,
    children: Children,
) -> impl IntoView {
    view! {
        <section class="form-section">
            <header class="form-section-head">
                <h2>{move || title.get()}</h2>
                {move || text.get().map(|text| view! { <p>{text}</p> })}
            </header>
            <div class="form-section-fields">{children()}</div>
        </section>
    }
    .into_any()
}

/// The buttons of a form.
#[component]
pub fn FormActions(children: Children) -> impl IntoView {
    view! { <div class="form-actions">{children()}</div> }.into_any()
}

fn summary(problem: &Problem, form: FormContext) -> impl IntoView + use<> {
    let fields: Vec<_> = problem
        .fields
        .iter()
        .map(|error| {
            view! {
                <li>
                    <a href=format!("#{}", control_id(&error.path)) rel="external">
                        {form.label(&error.path)}
                    </a>
                    " "
                    {error.message.clone()}
                </li>
            }
        })
        .collect();
    let message =
        if problem.message.is_empty() { "Some fields need a change.".to_owned() } else { problem.message.clone() };
    view! {
        <div class="alert" data-tone="failed" role="alert" id=SUMMARY_ID tabindex="-1">
            <Glyph icon=Icon::CircleAlert/>
            <div class="alert-body">
                <p class="alert-title">{message}</p>
                {(!fields.is_empty()).then(|| view! { <ul class="alert-list">{fields}</ul> })}
            </div>
        </div>
    }
}

impl FormContext {
    /// Notes how the field `name` is called.
    pub fn register(self, name: &str, label: Signal<String>) {
        self.labels.update_value(|labels| {
            labels.retain(|(other, _)| other != name);
            labels.push((name.to_owned(), label));
        });
    }

    /// How the field is called, or its path where no field of the form has it.
    fn label(self, path: &str) -> String {
        let label =
            self.labels.with_value(|labels| labels.iter().find(|(name, _)| name == path).map(|(_, label)| *label));
        // A field that is gone took its label along.
        label.and_then(|label| label.try_get()).unwrap_or_else(|| path.to_owned())
    }
}

impl Problem {
    /// A problem of the form as a whole.
    pub fn of(message: impl Into<String>) -> Self {
        Self { message: message.into(), fields: FieldErrors::default() }
    }

    /// Whether there is no problem.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.message.is_empty() && self.fields.is_empty()
    }

    /// What is wrong at the field `name`.
    #[must_use]
    pub fn at(&self, name: &str) -> Option<String> {
        self.fields.at(name).map(str::to_owned)
    }
}

impl From<FieldErrors> for Problem {
    fn from(fields: FieldErrors) -> Self {
        Self { message: String::new(), fields }
    }
}
