//! What is tried: one of the last events, or a body that somebody writes. A source without events says how to send one.

use domain::{event::EventSummary, source::Source};
use leptos::prelude::*;

use super::bench::{Bench, Subject};
use crate::{
    api::sources::find_source,
    components::*,
    pages::{events::event_title, loaded::Loaded, project::use_project, sources::example_command},
    paths,
};

/// The value of the choice to write one.
const WRITTEN: &str = "written";

/// Chooses the event.
#[component]
pub fn ChooseSubject() -> impl IntoView {
    let bench: Bench = expect_context();
    let chosen = Memo::new(move |_| match bench.subject.get() {
        Subject::Written => WRITTEN.to_owned(),
        _ => bench.event.get().unwrap_or_default(),
    });
    let options = Memo::new(move |_| {
        let mut options: Vec<(String, String)> = bench
            .recent
            .data()
            .with(|page| page.data.iter().map(|event| (event.id.to_string(), label(event))).collect());
        let asked = chosen.get();
        let is_listed = asked.is_empty() || asked == WRITTEN || options.iter().any(|(id, _)| *id == asked);
        if !is_listed {
            options.insert(0, (asked.clone(), format!("The event {}", shortened(&asked))));
        }
        options.push((WRITTEN.to_owned(), "A body that you write…".to_owned()));
        options
    });
    let choices = move || {
        let asked = chosen.get_untracked();
        options
            .get()
            .into_iter()
            .map(|(value, label)| {
                let selected = value == asked;
                view! { <option value=value selected=selected>{label}</option> }
            })
            .collect_view()
    };
    let choose = move |value: String| {
        bench.subject.set(if value == WRITTEN { Subject::Written } else { Subject::Stored(value) });
    };
    let event_link = move || {
        let project = bench.project;
        bench.event.get().map(|event| {
            view! {
                <ButtonLink
                    href=paths::event(project.id(), event)
                    kind=ButtonKind::Ghost
                    size=ButtonSize::Small
                    icon=Icon::Activity
                    label="Open this event"
                />
            }
        })
    };
    view! {
        <div class="subject">
            <label class="subject-label" for="try-event">"Event"</label>
            <div class="input-box select">
                <select
                    class="input"
                    id="try-event"
                    prop:value=move || chosen.get()
                    on:change:target=move |event| choose(event.target().value())
                >
                    {choices}
                </select>
                <Glyph icon=Icon::ChevronDown/>
            </div>
            {event_link}
        </div>
        {move || (bench.subject.get() == Subject::Written).then(|| view! { <WriteOne/> })}
    }
    .into_any()
}

/// `invoice.paid · 22:10:31`
fn label(event: &EventSummary) -> String {
    let time = exact(event.received_at);
    let time = time.split(' ').nth(1).and_then(|time| time.split('.').next()).unwrap_or_default();
    format!("{} · {time} · {}", event_title(event), shortened(&event.id.to_string()))
}

#[component]
fn WriteOne() -> impl IntoView {
    let bench: Bench = expect_context();
    // Beginning with the event that was looked at is less to write.
    if bench.body.with_untracked(String::is_empty) {
        bench.body.set(bench.content_text().unwrap_or_else(|| "{\n  \"type\": \"test.event\"\n}".to_owned()));
    }
    view! {
        <div class="form written">
            <Field name="" id="try-body" label="Body" help="JSON, as the source would receive it.">
                <CodeArea bind=bench.body language=Language::Json rows=5/>
            </Field>
            <details class="written-headers">
                <summary>"Headers"</summary>
                <Field name="" id="try-headers" label="Headers, a line each">
                    <CodeArea bind=bench.headers rows=2 placeholder="x-tenant: 7"/>
                </Field>
            </details>
        </div>
    }
    .into_any()
}

/// Shown while there is nothing to try on.
#[component]
pub fn NothingYet() -> impl IntoView {
    let bench: Bench = expect_context();
    let write = move |_| bench.subject.set(Subject::Written);
    view! {
        <div class="tryit-empty">
            {move || {
                if bench.source.with(String::is_empty) {
                    view! {
                        <p class="muted">
                            "Choose a source: its last events show here what the rules do to them, while you write."
                        </p>
                    }
                        .into_any()
                } else {
                    view! { <SendOne source=bench.source.get()/> }.into_any()
                }
            }}
            <Button size=ButtonSize::Small icon=Icon::Pencil on:click=write>"Write a body instead"</Button>
        </div>
    }
    .into_any()
}

#[component]
fn SendOne(source: String) -> impl IntoView {
    let project = use_project();
    let found = Resource::new(|| (), move |()| find_source(project.id(), source.clone()));
    view! {
        <Loaded
            load=move || async move { found.await }
            skeleton=|| view! { <Skeleton lines=3/> }
            part=true
            children={|source: Source| {
                let command = example_command(&source);
                let hint = match command {
                    Some(_) => "Rules are tried on what the source has received. Send it something:",
                    None => "Rules are tried on what the source has received. Have its provider send something.",
                };
                view! { <Waiting text="Waiting for the first event of this source" hint=hint command=command/> }.into_any()
            }}
        />
    }
    .into_any()
}
