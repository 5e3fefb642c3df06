//! What the rules say of the one event: each part in turn, and what follows from them.

#![allow(clippy::large_types_passed_by_value, reason = "the bench is a bundle of signals, copied as each of them is")]

use domain::{checks::SchemaAction, rehearsal::TestPart};
use leptos::prelude::*;

use super::bench::{Bench, Part};
use crate::{
    api::{names::Names, rehearsal::Trial},
    components::*,
    pages::connections::why::{because, pointers},
};

/// The state in a word or two, for the head of the pane.
pub fn state(bench: Bench) -> Memo<(Tone, &'static str)> {
    let trial = bench.trial_now();
    Memo::new(move |_| {
        if bench.trial.is_open() {
            return (Tone::Neutral, "evaluating…");
        }
        trial.with(|trial| {
            let Some(trial) = trial else { return (Tone::Neutral, "") };
            if !trial.problems.is_empty() {
                (Tone::Failed, "cannot be saved yet")
            } else if !trial.result.matched {
                (Tone::Neutral, "not matched")
            } else if trial.result.delivered {
                (Tone::Delivered, "would be delivered")
            } else if trial.failure().is_some() {
                (Tone::Failed, "the transform fails")
            } else {
                (Tone::Waiting, "the schema rejects it")
            }
        })
    })
}

#[component]
pub fn Verdicts(names: StoredValue<Names>) -> impl IntoView {
    let bench: Bench = expect_context();
    let answer = bench.trial.answer();
    move || {
        match answer.get() {
        None => view! { <div class="verdicts-wait"><Skeleton lines=3/></div> }.into_any(),
        Some(Err(error)) => {
            view! { <div class="verdicts-wait"><Alert tone=AlertTone::Danger title="This could not be tried">{error.to_string()}</Alert></div> }
                .into_any()
        }
        Some(Ok(trial)) => {
            let schema_action = untrack(|| bench.schema_action.get());
            view! {
                <ol class="verdicts">
                    {filter_step(bench, &trial)}
                    {schema_step(bench, &trial, schema_action == SchemaAction::Reject.as_str())}
                    {transform_step(bench, &trial)}
                    {conclusion(bench, &trial, names)}
                </ol>
            }
            .into_any()
        }
    }
    }
}

fn has(bench: Bench, part: Part) -> bool {
    untrack(|| bench.text(part).with(|text| !text.trim().is_empty()))
}

/// Whether a part cannot be tried as it stands.
fn is_wrong(trial: &Trial, part: Part) -> bool {
    trial.problems.iter().any(|error| error.path.split(['.', '[']).next() == Some(part.as_str()))
}

fn filter_step(bench: Bench, trial: &Trial) -> AnyView {
    if is_wrong(trial, Part::Filter) {
        return step(Mark::Wrong, "Filter", "It cannot be used yet; see what is wrong at the left.".into_any());
    }
    if !has(bench, Part::Filter) {
        return step(Mark::Idle, "No filter", "Every event goes through.".into_any());
    }
    let (mark, title) = if trial.result.matched { (Mark::Good, "Matched") } else { (Mark::Stop, "Not matched") };
    let why = trial.result.why.as_ref().map(because);
    step(mark, title, why.into_any())
}

fn schema_step(bench: Bench, trial: &Trial, rejects: bool) -> AnyView {
    if is_wrong(trial, Part::Schema) {
        return step(Mark::Wrong, "Schema", "It cannot be used yet; see what is wrong at the left.".into_any());
    }
    if !has(bench, Part::Schema) {
        return ().into_any();
    }
    let errors: Vec<_> = trial.result.errors.iter().filter(|error| error.part == TestPart::Schema).collect();
    if errors.is_empty() {
        return step(Mark::Good, "The schema allows it", ().into_any());
    }
    let errors = errors.into_iter().map(|error| (error.pointer.clone().unwrap_or_default(), error.message.clone()));
    let list = pointers(errors);
    if rejects {
        step(Mark::Stop, "The schema rejects it", list)
    } else {
        step(Mark::Warn, "The schema does not allow it, and it is marked", list)
    }
}

fn transform_step(bench: Bench, trial: &Trial) -> AnyView {
    if is_wrong(trial, Part::Transform) {
        return step(Mark::Wrong, "Transform", "The expression does not parse; see the place at the left.".into_any());
    }
    if !has(bench, Part::Transform) {
        return step(Mark::Idle, "No transform", "It is sent as it came.".into_any());
    }
    let Some(error) = trial.failure() else {
        let size = trial.output.as_ref().map(|output| bytes(output.text.len() as u64));
        let words = match size {
            Some(size) => format!("{size} of JSON."),
            None => String::new(),
        };
        return step(Mark::Good, "Transformed", words.into_any());
    };
    let text = untrack(|| bench.transform.get());
    let caret = error.position.map(|at| view! { <CaretLine text=text at=at/> });
    let detail = view! {
        <p>
            {error.code.clone().map(|code| view! { <code>{code}</code> " " })}
            {error.message.clone()}
        </p>
        {caret}
    };
    step(Mark::Wrong, "The transform fails", detail.into_any())
}

fn conclusion(bench: Bench, trial: &Trial, names: StoredValue<Names>) -> AnyView {
    if !trial.problems.is_empty() {
        return ().into_any();
    }
    let to = bench.saved.with_value(|saved| {
        saved.as_ref().map(|saved| names.with_value(|names| format!(" to {}", names.destination(saved.destination_id))))
    });
    let to = to.unwrap_or_default();
    let (mark, title) = if trial.result.delivered {
        (Mark::Go, format!("It would be delivered{to}"))
    } else if trial.result.matched && trial.failure().is_some() {
        (Mark::Stop, "The delivery would fail at once".to_owned())
    } else {
        (Mark::Stop, "It would not be delivered".to_owned())
    };
    let note = (!trial.result.delivered && trial.output.is_some() && has(bench, Part::Transform))
        .then_some("What the transform makes of it is shown all the same.");
    step(mark, title, note.into_any())
}

/// What a part says.
#[derive(Clone, Copy)]
enum Mark {
    Good,
    /// There is nothing to say anything.
    Idle,
    Warn,
    Stop,
    Wrong,
    Go,
}

fn step(mark: Mark, title: impl Into<String>, detail: AnyView) -> AnyView {
    let (icon, tone) = match mark {
        Mark::Good => (Icon::Check, Tone::Delivered),
        Mark::Idle => (Icon::Minus, Tone::Neutral),
        Mark::Warn => (Icon::TriangleAlert, Tone::Waiting),
        Mark::Stop => (Icon::Ban, Tone::Neutral),
        Mark::Wrong => (Icon::X, Tone::Failed),
        Mark::Go => (Icon::Send, Tone::Delivered),
    };
    view! {
        <li class="verdict" data-tone=tone.as_str()>
            <span class="verdict-mark"><Glyph icon=icon size=14/></span>
            <div class="verdict-text">
                <span class="verdict-title">{title.into()}</span>
                {detail}
            </div>
        </li>
    }
    .into_any()
}
