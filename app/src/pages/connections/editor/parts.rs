//! The three parts of the rules, each with its editor.

#![allow(clippy::large_types_passed_by_value, reason = "the bench is a bundle of signals, copied as each of them is")]

use domain::{checks::SchemaAction, field::FieldError};
use leptos::{prelude::*, task::spawn_local};

use super::bench::{Bench, Part, sentence_at};
use crate::{
    api::rehearsal::infer_schema,
    components::*,
    pages::{connections::rules::RuleBuilder, counted},
};

/// Which events go through: as rules, or as the JSON that they are.
#[component]
pub fn FilterPart() -> impl IntoView {
    let bench: Bench = expect_context();
    let problems = bench.problems(Part::Filter);
    let trial = bench.trial_now();
    let judged = Signal::derive(move || {
        let is_fine = problems.with(domain::field::FieldErrors::is_empty);
        trial
            .with(|trial| trial.as_ref().filter(|_| is_fine).map(|trial| trial.result.rules.clone()))
            .unwrap_or_default()
    });
    let fields = Signal::derive(move || bench.fields.data().with(|seen| seen.fields.clone()));
    let view = RwSignal::new("rules".to_owned());
    let error = first_sentence(bench, Part::Filter);
    let actions = move || {
        view! {
            <Segmented
                label="How the filter is shown"
                options=vec![Choice::new("rules", "Rules"), Choice::new("json", "JSON")]
                bind=view
            />
        }
    };
    view! {
        <div class="part" data-part="filter" data-view=move || view.get()>
            <Card title="Filter" text="Which events of the source are delivered." actions=actions>
                <span id=control_id("filter") tabindex="-1"></span>
                <div class="part-rules">
                    <RuleBuilder text=bench.filter fields=fields problems=problems judged=judged/>
                </div>
                <div class="part-text">
                    <Field
                        name="filter"
                        id="filter-json"
                        label="Filter as JSON"
                        error=error
                        help="all, any and not hold rules with field, op and value. Empty: every event goes through."
                    >
                        <CodeArea
                            bind=bench.filter
                            language=Language::Json
                            rows=6
                            placeholder=FILTER_EXAMPLE
                            wrong_at=wrong_at(bench, Part::Filter)
                        />
                    </Field>
                </div>
            </Card>
        </div>
    }
    .into_any()
}

const FILTER_EXAMPLE: &str =
    "{\n  \"all\": [\n    { \"field\": \"payload.type\", \"op\": \"eq\", \"value\": \"invoice.paid\" }\n  ]\n}";
const TRANSFORM_EXAMPLE: &str = "{\n  \"order\": data.id,\n  \"total\": $sum(data.items.price)\n}";
const SCHEMA_EXAMPLE: &str = "{\n  \"type\": \"object\",\n  \"required\": [\"id\"]\n}";

/// What they are delivered as.
#[component]
pub fn TransformPart() -> impl IntoView {
    let bench: Bench = expect_context();
    let at = wrong_at(bench, Part::Transform);
    let caret = move || at.get().map(|at| view! { <CaretLine text=bench.transform at=at/> });
    view! {
        <Card title="Transform" text="What the payload becomes on its way, as JSONata. Empty: it is sent as it came.">
            <Field
                name="transform"
                label="JSONata expression"
                error=first_sentence(bench, Part::Transform)
                help="The payload is the root; $headers, $query, $method and $event are there too."
            >
                <CodeArea bind=bench.transform language=Language::Jsonata rows=6 placeholder=TRANSFORM_EXAMPLE wrong_at=at/>
            </Field>
            {caret}
        </Card>
    }
    .into_any()
}

/// What payloads have to look like.
#[component]
pub fn SchemaPart() -> impl IntoView {
    let bench: Bench = expect_context();
    let actions = vec![
        Choice::new(SchemaAction::Reject.as_str(), "Do not deliver it"),
        Choice::new(SchemaAction::Warn.as_str(), "Deliver it, and mark it"),
    ];
    view! {
        <Card title="Schema" text="What a payload has to look like, as it came. Empty: anything goes." actions=move || view! { <Infer/> }>
            <div class="form">
                <Field
                    name="schema"
                    label="JSON Schema"
                    error=first_sentence(bench, Part::Schema)
                    help="Drafts 2020-12, 2019-09, 7, 6 and 4."
                >
                    <CodeArea
                        bind=bench.schema
                        language=Language::Json
                        rows=6
                        placeholder=SCHEMA_EXAMPLE
                        wrong_at=wrong_at(bench, Part::Schema)
                    />
                </Field>
                <Field name="schema_action" label="When a payload does not">
                    <Select options=actions bind=bench.schema_action/>
                </Field>
            </div>
        </Card>
    }
    .into_any()
}

/// Writes a schema that the last events fit.
#[component]
fn Infer() -> impl IntoView {
    let bench: Bench = expect_context();
    let toasts = use_toasts();
    let pending = RwSignal::new(false);
    let none = Signal::derive(move || bench.recent.data().with(|page| page.data.is_empty()));
    let infer = move |_| {
        pending.set(true);
        spawn_local(async move {
            match infer_schema(bench.project.id(), bench.source.get_untracked()).await {
                Ok(inferred) if inferred.events == 0 => toasts.warn("None of the last events has a body of JSON."),
                Ok(inferred) => {
                    let events = counted(inferred.events.into(), "event");
                    bench.schema.try_set(inferred.schema);
                    toasts.say(format!("Made from the last {events}"));
                }
                Err(error) => toasts.warn(error.to_string()),
            }
            pending.try_set(false);
        });
    };
    view! {
        <span class="needs-script">
            <Button size=ButtonSize::Small icon=Icon::Wand pending=pending disabled=none on:click=infer>"Infer from recent events"</Button>
        </span>
    }
    .into_any()
}

/// The first thing that is wrong with a part.
fn first(bench: Bench, part: Part) -> Memo<Option<FieldError>> {
    let problems = bench.problems(part);
    Memo::new(move |_| problems.with(|problems| problems.iter().next().cloned()))
}

fn first_sentence(bench: Bench, part: Part) -> Signal<Option<String>> {
    let first = first(bench, part);
    Signal::derive(move || first.with(|error| error.as_ref().map(|error| sentence_at(part, error))))
}

/// Where the text of a part is wrong: what keeps it from being saved, or what failed with the event.
fn wrong_at(bench: Bench, part: Part) -> Signal<Option<usize>> {
    let first = first(bench, part);
    let trial = bench.trial_now();
    Signal::derive(move || {
        let of_error = first.with(|error| error.as_ref().and_then(|error| error.position));
        let failed = || {
            let is_current = !bench.trial.is_open();
            trial.with(|trial| trial.as_ref().filter(|_| is_current)?.failure()?.position)
        };
        of_error.or_else(|| if part == Part::Transform { failed() } else { None })
    })
}
