//! Forms that work in any browser: with JavaScript the page stays, without it the form is drawn again.

use domain::{field::FieldErrors, source::SourceStatus};
use leptos::{prelude::*, server_fn::ServerFn};
use leptos_router::hooks::use_query_map;

use super::{live::hold_changes_during, project::use_project};
use crate::{
    api::{ApiError, Typed},
    components::*,
};

/// A form's action, what was wrong with it, and what was typed before the page was drawn.
pub struct FormState<S: ServerFn + 'static>
where
    S::Output: 'static,
{
    pub action: ServerAction<S>,
    pub problem: Signal<Problem>,
    pub typed: TypedBefore,
}

/// What was typed before the page was drawn, or what there is to change.
#[derive(Clone, Copy)]
pub struct TypedBefore(StoredValue<Typed>);

impl TypedBefore {
    /// What stands in `field`; `former` where nothing was typed.
    pub fn text(self, field: &str, former: impl Into<String>) -> String {
        self.0.with_value(|typed| typed.text(field, former))
    }

    /// The same, as a number.
    pub fn number(self, field: &str, former: impl Into<String>) -> Option<i64> {
        self.text(field, former).parse().ok()
    }

    /// Whether the box `value` of `field` is checked; `former` where nothing was typed.
    #[must_use]
    pub fn checked(self, field: &str, value: &str, former: bool) -> bool {
        self.0.with_value(|typed| typed.checked(field, value, former))
    }
}

/// The form that posts to `S`.
pub fn use_form<S>() -> FormState<S>
where
    S: ServerFn<Error = ApiError> + Clone + Send + Sync + 'static,
    S::Output: Clone + Send + Sync + 'static,
{
    let action = use_action::<S>();
    let query = use_query_map().get_untracked();
    let typed = query.get("__typed").filter(|_| query.get("__path").as_deref() == Some(S::PATH));
    let problem = Signal::derive(move || match action.value().get() {
        Some(Err(error)) => problem_of(error),
        _ => Problem::default(),
    });
    let typed = typed.map(|typed| Typed::decode(&typed)).unwrap_or_default();
    FormState { action, problem, typed: TypedBefore(StoredValue::new(typed)) }
}

/// The action that posts to `S`. A refusal that stands in the address is its first value, on that page alone.
pub fn use_action<S>() -> ServerAction<S>
where
    S: ServerFn<Error = ApiError> + Clone + Send + Sync + 'static,
    S::Output: Clone + Send + Sync + 'static,
{
    let action = ServerAction::<S>::new();
    let refused_here = use_query_map().with_untracked(|query| query.get("__path").as_deref() == Some(S::PATH));
    if !refused_here {
        action.clear();
    }
    action
}

fn problem_of(error: ApiError) -> Problem {
    let ApiError::Invalid(errors) = error else { return Problem::of(error.to_string()) };
    // An error of the form as a whole has no field to stand at.
    match errors.at("form").map(str::to_owned) {
        Some(message) => Problem { message: format!("The form {message}."), fields: FieldErrors::default() },
        None => Problem::from(errors),
    }
}

/// Says in a toast that an action was done.
pub fn say_when_done<S>(action: ServerAction<S>, done: &'static str)
where
    S: ServerFn<Error = ApiError> + Clone + Send + Sync + 'static,
    S::Output: Clone + Send + Sync + 'static,
{
    let toasts = use_toasts();
    Effect::new(move |_| {
        if action.value().with(|value| matches!(value, Some(Ok(_)))) {
            toasts.say(done);
        }
    });
}

/// What came of an action without a form of its own: a toast when it is done, a banner when it was refused.
#[component]
pub fn Outcome<S>(
    action: ServerAction<S>,
    /// Said when it is done.
    done: &'static str,
) -> impl IntoView
where
    S: ServerFn<Error = ApiError> + Clone + Send + Sync + 'static,
    S::Output: Clone + Send + Sync + 'static,
{
    say_when_done(action, done);
    move || {
        let refused = action.value().with(|value| value.as_ref().and_then(|value| value.as_ref().err().cloned()));
        refused.map(|error| {
            let text = match problem_of(error) {
                Problem { message, fields } if message.is_empty() => fields.to_string(),
                Problem { message, .. } => message,
            };
            view! { <Alert tone=AlertTone::Danger title="That was not done">{text}</Alert> }
        })
    }
}

/// A field that is sent along.
#[component]
pub fn Hidden(name: &'static str, #[prop(into)] value: Signal<String>) -> impl IntoView {
    view! { <input type="hidden" name=name value=move || value.get()/> }.into_any()
}

/// The inside of the form that pauses what is active and resumes what is paused.
#[component]
pub fn PauseOrResume(#[prop(into)] active: Signal<bool>, #[prop(into)] pending: Signal<bool>) -> impl IntoView {
    let next = move || if active.get() { SourceStatus::Paused } else { SourceStatus::Active };
    view! {
        <Hidden name="status" value=Signal::derive(move || next().as_str().to_owned())/>
        {move || {
            let (icon, words) = if active.get() { (Icon::Pause, "Pause") } else { (Icon::Play, "Resume") };
            view! { <Button submit=true icon=icon pending=pending>{words}</Button> }
        }}
    }
    .into_any()
}

/// The secrets of a source or destination: those kept, each of which can be removed, and one to add.
#[component]
pub fn SecretsFields(
    /// The field that a new secret is sent in.
    name: &'static str,
    label: &'static str,
    #[prop(into)] placeholder: String,
    #[prop(into)] help: String,
    /// The secrets there are, masked.
    kept: Vec<String>,
    typed: TypedBefore,
) -> impl IntoView {
    let is_new = kept.is_empty();
    let boxes: Vec<_> = kept
        .into_iter()
        .map(|masked| {
            let checked = typed.checked("keep", &masked, true);
            let label = format!("Keep {masked}");
            view! { <Checkbox name="keep[]" value=masked label=label checked=checked/> }
        })
        .collect();
    let label = if is_new { label.to_owned() } else { format!("Add a {}", label.to_lowercase()) };
    view! {
        {(!is_new)
            .then(|| {
                view! {
                    <fieldset class="kept-secrets">
                        <legend class="field-label">"Secrets in use"</legend>
                        {boxes}
                        <p class="field-help">
                            "To rotate without a gap: add the new secret, save, change it at the other side, then uncheck the old one."
                        </p>
                    </fieldset>
                }
            })}
        <Field name=name label=label help=help>
            <TextInput mono=true placeholder=placeholder/>
        </Field>
    }
    .into_any()
}

/// The last card of a thing's page, for those who may change it.
#[component]
pub fn DeleteCard(thing: &'static str, text: &'static str, children: ChildrenFn) -> impl IntoView {
    let may_write = use_project().may_write();
    let children = StoredValue::new(children);
    move || {
        may_write.then(|| {
            view! {
                <Card title=format!("Delete this {thing}") text=text>
                    {children.with_value(|children| children())}
                </Card>
            }
        })
    }
}

/// The inside of the form that deletes a thing: its button, and the dialog that asks whether that is meant.
#[component]
pub fn ConfirmDelete<S>(
    /// What the form does.
    action: ServerAction<S>,
    /// "source".
    thing: &'static str,
    /// Its name, which has to be typed first.
    #[prop(optional, into)]
    name: MaybeProp<String>,
    /// What is sent along, and what comes of it.
    children: Children,
) -> impl IntoView
where
    S: ServerFn<Error = ApiError> + Clone + Send + Sync + 'static,
    S::Output: Clone + Send + Sync + 'static,
{
    hold_changes_during(action);
    let delete = format!("Delete {thing}");
    let title = move || match name.get() {
        Some(name) => format!("Delete {name}?"),
        None => format!("Delete this {thing}?"),
    };
    view! {
        <Confirm
            id=format!("delete-{thing}")
            trigger=delete.clone()
            title=Signal::derive(title)
            action=delete
            typed=name
            pending=action.pending()
        >
            {children()}
        </Confirm>
    }
    .into_any()
}
