//! The project at a glance; at first, the way to the first delivered event.

use domain::{project::Overview, source::Source};
use leptos::prelude::*;

use super::{
    counted,
    events::{EventTable, FirstCommand},
    live::{use_changes, use_fresh},
    loaded::Loaded,
    project::{Project, use_project},
};
use crate::{
    api::{
        events::EventQuery,
        names::{Names, known_names},
        projects::project_overview,
        sources::newest_source,
    },
    components::*,
    paths,
};

#[component]
pub fn OverviewPage() -> impl IntoView {
    let project = use_project();
    let figures = Resource::new(|| (), move |()| project_overview(project.id()));
    let known = Resource::new(|| (), move |()| known_names(project.id()));
    let newest = Resource::new(|| (), move |()| newest_source(project.id()));
    view! {
        <PageHeader title="Overview"/>
        <Loaded
            load=move || async move { Ok((figures.await?, known.await?, newest.await?)) }
            children={|(first, names, newest): (Overview, Names, Option<Source>)| {
                view! { <AtAGlance first=first names=names newest=newest/> }.into_any()
            }}
        />
    }
    .into_any()
}

#[component]
fn AtAGlance(first: Overview, names: Names, newest: Option<Source>) -> impl IntoView {
    let project = use_project();
    let fresh = use_fresh(first, move || project_overview(project.id()));
    let changes = use_changes(|| true);
    fresh.when(move || changes.get());
    let data = fresh.data();
    // The steps are done for good with the first event that has somewhere to go.
    let started = Memo::new(move |_| data.with(|it| it.connection_count > 0 && it.event_count > 0));
    let recent = Signal::derive(move || data.with(|it| it.recent.clone()));
    let none = Memo::new(move |_| recent.with(Vec::is_empty));
    let (names, query) = (StoredValue::new(names), StoredValue::new(EventQuery::default()));
    let newest = StoredValue::new(newest);
    view! {
        {move || (!started.get()).then(|| view! { <FirstSteps project=project data=data newest=newest/> })}
        <Figures project=project data=data/>
        {move || {
            (!none.get()).then(|| {
                let all = paths::events(project.id());
                view! {
                    <Card
                        title="Recent events"
                        flush=true
                        actions=move || view! { <ButtonLink href=all size=ButtonSize::Small kind=ButtonKind::Ghost>"All events"</ButtonLink> }
                    >
                        <EventTable events=recent names=names query=query/>
                    </Card>
                }
            })
        }}
    }
    .into_any()
}

#[component]
fn Figures(project: Project, data: RwSignal<Overview>) -> impl IntoView {
    let env = project.id();
    let failed = EventQuery { status: "failed".to_owned(), ..EventQuery::default() }.list(&env);
    let waiting = EventQuery { status: "processing".to_owned(), ..EventQuery::default() }.list(&env);
    let figure = move |read: fn(&Overview) -> u64| Signal::derive(move || up_to_1000(data.with(read)));
    let tone = Signal::derive(move || if data.with(|it| it.failed_count) > 0 { Tone::Failed } else { Tone::Neutral });
    let failed_note = Signal::derive(move || {
        if data.with(|it| it.failed_count) > 0 { "out of attempts".to_owned() } else { "nothing to look at".to_owned() }
    });
    view! {
        <Stats>
            <Stat label="Events" value=Signal::derive(move || count(data.with(|it| it.event_count))) href=paths::events(&env) note="received so far"/>
            <Stat label="Deliveries in the queue" value=figure(|it| it.queued_count) href=waiting note="due or waiting for a retry"/>
            <Stat label="Failed deliveries" value=figure(|it| it.failed_count) href=failed note=failed_note tone=tone/>
            <Stat
                label="Connections"
                value=figure(|it| it.connection_count)
                href=paths::connections(&env)
                note=Signal::derive(move || data.with(|it| format!("{} to {}", counted(it.source_count, "source"), counted(it.destination_count, "destination"))))
            />
        </Stats>
    }
    .into_any()
}

/// The server stops counting there.
fn up_to_1000(number: u64) -> String {
    if number >= 1000 { "1,000+".to_owned() } else { count(number) }
}

/// From an empty project to the first delivered event.
#[component]
fn FirstSteps(project: Project, data: RwSignal<Overview>, newest: StoredValue<Option<Source>>) -> impl IntoView {
    let has = move |read: fn(&Overview) -> u64| Memo::new(move |_| data.with(read) > 0);
    let source = has(|it| it.source_count);
    let destination = has(|it| it.destination_count);
    let connected = has(|it| it.connection_count);
    let received = has(|it| it.event_count);
    let state = |done: bool, before: bool| match (done, before) {
        (true, _) => StepState::Done,
        (false, true) => StepState::Current,
        (false, false) => StepState::Next,
    };
    let may_write = project.may_write();
    let link = move |href: fn(String) -> String, words: &'static str| {
        may_write.then(|| {
            view! { <ButtonLink href=href(project.id()) kind=ButtonKind::Primary icon=Icon::Plus>{words}</ButtonLink> }
        })
    };
    view! {
        <Card title="Your first delivered event" text="Three steps.">
            <Steps>
                <Step number=1 title="Create a source" state=Signal::derive(move || state(source.get(), true))>
                    <div class="stack-s">
                        <p>"A source is a URL that a provider posts its webhooks to."</p>
                        <div>{link(paths::new_source, "New source")}</div>
                    </div>
                </Step>
                <Step number=2 title="Add a destination and connect the two" state=Signal::derive(move || state(connected.get(), source.get()))>
                    <div class="stack-s">
                        <p>"A destination is where the events should go. A connection leads them there."</p>
                        <div>
                            {move || {
                                if destination.get() {
                                    link(paths::new_connection, "New connection").into_any()
                                } else {
                                    link(paths::new_destination, "New destination").into_any()
                                }
                            }}
                        </div>
                    </div>
                </Step>
                <Step number=3 title="Send an event" state=Signal::derive(move || state(received.get(), connected.get()))>
                    {move || (connected.get() && !received.get()).then(|| view! { <FirstCommand newest=newest.get_value()/> })}
                </Step>
            </Steps>
        </Card>
    }
    .into_any()
}
