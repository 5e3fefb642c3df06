//! The form: the two ends, the name, the delay, the status; then the rules.

use domain::connection::{Connection, ConnectionStatus};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::{
    bench::Bench,
    parts::{FilterPart, SchemaPart, TransformPart},
};
use crate::{
    api::names::{Named, Names},
    components::*,
    pages::{forms::TypedBefore, project::use_project},
    paths,
};

#[component]
pub fn ConnectionForm(names: Names, typed: TypedBefore) -> impl IntoView {
    let bench: Bench = expect_context();
    let saved = bench.saved.get_value();
    let status = saved.as_ref().map_or(ConnectionStatus::Active, |saved| saved.status);
    let delay = saved.as_ref().map_or(0, |saved| saved.delay_seconds);
    let name = saved.as_ref().and_then(|saved| saved.name.clone()).unwrap_or_default();
    let ends = match saved {
        Some(saved) => view! { <Ends saved=saved names=names/> }.into_any(),
        None => view! { <ChooseEnds names=names typed=typed/> }.into_any(),
    };
    let statuses = vec![
        RadioCard::new("active", "Active").text("Events are delivered."),
        RadioCard::new("paused", "Paused").text("Deliveries are held."),
        RadioCard::new("disabled", "Disabled").text("No deliveries are made."),
    ];
    view! {
        <Card>
            <div class="form">
                {ends}
                <FieldRow>
                    <Field name="name" label="Name" help="Without one it is called after its two ends." optional_mark=true>
                        <TextInput value=typed.text("name", name)/>
                    </Field>
                    <Field name="delay_seconds" label="Delay" help="How long a delivery waits after its event, up to 7 days.">
                        <NumberInput
                            value=typed.number("delay_seconds", delay.to_string())
                            min=0
                            max=i64::from(Connection::MAX_DELAY)
                            unit="seconds"
                        />
                    </Field>
                </FieldRow>
                <RadioCards name="status" label="Status" options=statuses value=typed.text("status", status.as_str()) compact=true/>
            </div>
        </Card>
        <FilterPart/>
        <TransformPart/>
        <SchemaPart/>
    }
    .into_any()
}

/// The ends of a connection that is there: they stay.
#[component]
fn Ends(saved: Connection, names: Names) -> impl IntoView {
    let env = use_project().id();
    view! {
        <div class="route-ends">
            <a href=paths::source(&env, saved.source_id) class="route-end">
                <span class="muted">"Source"</span>
                <span>{names.source(saved.source_id)}</span>
            </a>
            <Glyph icon=Icon::ArrowRight size=20/>
            <a href=paths::destination(&env, saved.destination_id) class="route-end">
                <span class="muted">"Destination"</span>
                <span>{names.destination(saved.destination_id)}</span>
            </a>
        </div>
    }
    .into_any()
}

#[component]
fn ChooseEnds(names: Names, typed: TypedBefore) -> impl IntoView {
    let bench: Bench = expect_context();
    let env = use_project().id();
    let asked = use_query_map().with_untracked(|query| query.get("destination"));
    let only = (names.destinations.len() == 1).then(|| names.destinations[0].id.clone());
    let destination = RwSignal::new(typed.text("destination_id", asked.or(only).unwrap_or_default()));
    bench.source.set(typed.text("source_id", bench.source.get_untracked()));
    view! {
        <FieldRow>
            <EndField name="source_id" label="Source" make=paths::new_source(&env) options=names.sources bind=bench.source/>
            <EndField name="destination_id" label="Destination" make=paths::new_destination(&env) options=names.destinations bind=destination/>
        </FieldRow>
    }
    .into_any()
}

/// One end: chosen from a list, or made first where there is none.
#[component]
fn EndField(
    name: &'static str,
    label: &'static str,
    #[prop(into)] make: String,
    options: Vec<Named>,
    bind: RwSignal<String>,
) -> impl IntoView {
    let none = options.is_empty();
    let choices: Vec<_> = std::iter::once(Choice::new("", "Choose one"))
        .chain(options.into_iter().map(|named| Choice::new(named.id, named.name)))
        .collect();
    view! {
        <div>
            <Field name=name label=label required=true>
                <Select options=choices bind=bind/>
            </Field>
            {none
                .then(|| {
                    view! {
                        <p class="field-help">
                            "There is none yet. " <a href=make>{format!("Make a {}", label.to_lowercase())}</a>
                        </p>
                    }
                })}
        </div>
    }
    .into_any()
}
