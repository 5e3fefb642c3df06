//! Trying a destination: an event that was made up, and what the receiver answered.

use domain::delivery::{ErrorClass, Trial};
use leptos::prelude::*;

use crate::{
    api::destinations::TestDestination,
    components::*,
    pages::{forms::Hidden, project::use_project},
};

/// The button, and below it the last answer.
#[component]
pub fn TrialCard(
    #[prop(into)] destination: Signal<String>,
    action: ServerAction<TestDestination>,
    /// What a browser without JavaScript has just got.
    last: Option<Trial>,
) -> impl IntoView {
    let project = use_project();
    let may_write = project.may_write();
    let last = StoredValue::new(last);
    let result = move || match action.value().get() {
        Some(Ok(trial)) => Some(view! { <Answered trial=trial/> }.into_any()),
        Some(Err(error)) => Some(
            view! { <Alert tone=AlertTone::Danger title="The test was not sent">{error.to_string()}</Alert> }
                .into_any(),
        ),
        None => last.get_value().map(|trial| view! { <Answered trial=trial/> }.into_any()),
    };
    let button = move || {
        move || {
            may_write.then(|| {
                view! {
                    <ActionForm action=action>
                        <Hidden name="env" value=project.id()/>
                        <Hidden name="destination" value=destination/>
                        <Button submit=true icon=Icon::Send size=ButtonSize::Small pending=action.pending()>
                            "Send test event"
                        </Button>
                    </ActionForm>
                }
            })
        }
    };
    view! {
        <Card
            title="Try it"
            text="Sends an event that was made up, past the queue, the limits and the circuit breaker, and shows the answer."
            actions=button
        >
            <div aria-live="polite">{result}</div>
        </Card>
    }
    .into_any()
}

#[component]
fn Answered(trial: Trial) -> impl IntoView {
    let (tone, title) = if trial.succeeded {
        (AlertTone::Success, "The test event was delivered")
    } else {
        (AlertTone::Danger, "The test event was not delivered")
    };
    let error = trial.error.map(|error| format!("{error}."));
    let class = trial.error_class.map(ErrorClass::as_str);
    let body = trial.response_body.filter(|body| !body.is_empty());
    view! {
        <div class="stack">
            <Alert tone=tone title=title>{error.unwrap_or_default()}</Alert>
            <Facts>
                <Fact label="Request"><span class="mono">{trial.request.method} " " {trial.request.url}</span></Fact>
                {trial.response_status.map(|status| view! { <Fact label="Status">{status}</Fact> })}
                {class.map(|class| view! { <Fact label="Kind of error">{class}</Fact> })}
                <Fact label="Took">{duration_ms(trial.latency_ms.into())}</Fact>
                <Fact label="Event"><Id value=trial.event_id.to_string()/></Fact>
                {body.map(|body| view! { <Fact label="Answer"><span class="mono lines">{body}</span></Fact> })}
            </Facts>
        </div>
    }
    .into_any()
}
