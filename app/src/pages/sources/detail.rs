//! One source: its URL, how it is verified, what leads on from it, what came in.

use domain::{
    connection::Connection,
    event::EventSummary,
    event_type::EventType,
    page::Page,
    rejection::RejectedRequest,
    source::{Source, SourceStatus},
};
use leptos::prelude::*;

use super::{
    example_command, kind_of,
    seen::{RefusedNote, SeenTypes, SourceChecks},
    verification_words,
};
use crate::{
    api::{
        connections::connections_of,
        events::{EventQuery, events},
        names::{Names, known_names},
        sources::{DeleteSource, SendTestEvent, SetSourceStatus, event_types, find_source, rejected_requests},
    },
    components::*,
    pages::{
        connections::ConnectionTable,
        events::EventTable,
        forms::{ConfirmDelete, DeleteCard, Hidden, Outcome, PauseOrResume, use_action},
        live::{use_changes, use_fresh},
        loaded::Loaded,
        project::{Project, use_param, use_project},
        replays::ReplayLink,
    },
    paths,
};

#[component]
pub fn SourcePage() -> impl IntoView {
    let project = use_project();
    let id = use_param("source_id");
    let key = move || (project.id(), id.get());
    let found = Resource::new(key, |(env, id)| find_source(env, id));
    let recent = Resource::new(key, |(env, source)| events(env, EventQuery { source, ..EventQuery::default() }, None));
    let routes = Resource::new(key, |(env, id)| connections_of(env, id));
    let known = Resource::new(move || project.id(), known_names);
    let seen = Resource::new(key, |(env, id)| event_types(env, id));
    let rejected = Resource::new(key, |(env, id)| rejected_requests(env, id));
    let load = move || async move {
        Ok((found.await?, recent.await?, routes.await?, known.await?, seen.await?, rejected.await?))
    };
    view! {
        <Loaded
            load=load
            children={|(source, recent, routes, names, seen, rejected): Parts| {
                view! {
                    <SourceDetail source=source.clone() recent=recent rejected=rejected names=names.clone()>
                        <SourceRoutes source=source.clone() routes=routes names=names/>
                        <SeenTypes source=source.id seen=seen/>
                    </SourceDetail>
                }
                .into_any()
            }}
        />
    }
    .into_any()
}

type Parts = (Source, Page<EventSummary>, Vec<Connection>, Names, Vec<EventType>, Vec<RejectedRequest>);

#[component]
fn SourceDetail(
    source: Source,
    recent: Page<EventSummary>,
    rejected: Vec<RejectedRequest>,
    names: Names,
    children: Children,
) -> impl IntoView {
    let project = use_project();
    let id = source.id.to_string();
    let pause = use_action::<SetSourceStatus>();
    let test = use_action::<SendTestEvent>();
    let fresh = {
        let id = id.clone();
        use_fresh(source.clone(), move || find_source(project.id(), id.clone()))
    };
    fresh.after(pause);
    let query = EventQuery { source: id.clone(), ..EventQuery::default() };
    let fresh_events = use_fresh(recent, move || events(project.id(), query.clone(), None));
    let changes = use_changes(|| true);
    fresh.when(move || changes.get());
    fresh_events.when(move || changes.get());
    let data = fresh.data();
    let active = Signal::derive(move || data.with(|source| source.status == SourceStatus::Active));
    let status = Signal::derive(move || if active.get() { Status::Active } else { Status::Paused });
    let actions = {
        let id = Signal::stored(id.clone());
        move || view! { <SourceActions project=project id=id active=active pause=pause test=test/> }
    };
    view! {
        <PageHeader
            title=source.name.clone()
            subtitle=source.description.clone()
            crumbs=vec![Crumb::new("Sources", paths::sources(project.id()))]
            badge=move || view! { <StatusBadge status=status/> }
            actions=actions
        />
        <Outcome action=pause done="Saved"/>
        <Outcome action=test done="Test event sent"/>
        {move || {
            (!active.get())
                .then(|| {
                    view! {
                        <Alert tone=AlertTone::Warning title="This source is paused">
                            "Its URL answers 404, as if it did not exist. Most providers try again for some hours."
                        </Alert>
                    }
                })
        }}
        <RefusedNote source=source.id rejected=rejected/>
        <div class="columns-2">
            <WhereToSend source=source.clone()/>
            <AboutSource source=source.clone() data=data/>
        </div>
        {children()}
        <SourceEvents source=source.clone() recent=fresh_events.data() names=names/>
        <DeleteSourceCard source=source/>
    }
    .into_any()
}

#[component]
fn WhereToSend(source: Source) -> impl IntoView {
    let command = example_command(&source);
    let setup = source.template.map(|template| {
        let steps: Vec<_> = template.template().setup.iter().map(|step| view! { <li>{*step}</li> }).collect();
        view! { <ol class="setup-steps">{steps}</ol> }
    });
    view! {
        <Card title="Where to send">
            <div class="stack">
                <CopyField
                    label="Ingest URL"
                    value=source.ingest_url
                    help="Any method, any content type. The bytes are kept as they come."
                />
                {setup}
                {command.map(|code| view! { <CodeBlock title="Terminal" code=code language=Language::Shell/> })}
            </div>
        </Card>
    }
    .into_any()
}

#[component]
fn AboutSource(source: Source, data: RwSignal<Source>) -> impl IntoView {
    let (kind, checked) = (kind_of(&source), verification_words(&source));
    let secrets = source.verification.secrets.join("  ");
    view! {
        <Card title="Verification">
            <Facts>
                <Fact label="Method">{kind}</Fact>
                <Fact label="What is checked">{checked}</Fact>
                {(!secrets.is_empty()).then(|| view! { <Fact label="Secrets"><span class="mono">{secrets}</span></Fact> })}
                <SourceChecks checks=source.checks/>
                <Fact label="Events">{move || count(data.with(|source| source.event_count))}</Fact>
                <Fact label="Last event">
                    {move || match data.with(|source| source.last_event_at) {
                        Some(at) => view! { <RelativeTime at=at/> }.into_any(),
                        None => "none yet".into_any(),
                    }}
                </Fact>
                <Fact label="Id"><Id value=source.id.to_string()/></Fact>
                <Fact label="Created"><RelativeTime at=source.created_at/></Fact>
            </Facts>
        </Card>
    }
    .into_any()
}

#[component]
fn SourceActions(
    project: Project,
    #[prop(into)] id: Signal<String>,
    active: Signal<bool>,
    pause: ServerAction<SetSourceStatus>,
    test: ServerAction<SendTestEvent>,
) -> impl IntoView {
    let may_write = project.may_write();
    move || {
        may_write.then(|| {
            view! {
                <ActionForm action=pause>
                    <Hidden name="env" value=project.id()/>
                    <Hidden name="source" value=id/>
                    <PauseOrResume active=active pending=pause.pending()/>
                </ActionForm>
                <ReplayLink project=project through=id.get()/>
                <ButtonLink href=paths::edit_source(project.id(), id.get()) icon=Icon::Pencil>"Edit"</ButtonLink>
                <ActionForm action=test>
                    <Hidden name="env" value=project.id()/>
                    <Hidden name="source" value=id/>
                    <Button kind=ButtonKind::Primary submit=true icon=Icon::Send pending=test.pending()>"Send a test event"</Button>
                </ActionForm>
            }
        })
    }
}

#[component]
fn SourceRoutes(source: Source, routes: Vec<Connection>, names: Names) -> impl IntoView {
    let project = use_project();
    let may_write = project.may_write();
    let connect = move || {
        move || {
            may_write.then(|| {
                let href = paths::new_connection_from(project.id(), source.id);
                view! { <ButtonLink href=href icon=Icon::Plus size=ButtonSize::Small>"Connect"</ButtonLink> }
            })
        }
    };
    let content = if routes.is_empty() {
        view! { <p class="card-note">"Events are stored, and go nowhere yet. Connect this source to a destination to have them delivered."</p> }.into_any()
    } else {
        view! { <ConnectionTable connections=routes names=StoredValue::new(names) keys=false/> }.into_any()
    };
    view! { <Card title="Connections" flush=true actions=connect>{content}</Card> }.into_any()
}

#[component]
fn SourceEvents(source: Source, recent: RwSignal<Page<EventSummary>>, names: Names) -> impl IntoView {
    let project = use_project();
    let shown = Signal::derive(move || recent.with(|page| page.data.iter().take(10).cloned().collect::<Vec<_>>()));
    let none = Memo::new(move |_| recent.with(|page| page.data.is_empty()));
    let query = EventQuery { source: source.id.to_string(), ..EventQuery::default() };
    let all = query.list(&project.id());
    let (query, names) = (StoredValue::new(query), StoredValue::new(names));
    view! {
        <Card
            title="Recent events"
            flush=true
            actions=move || view! { <ButtonLink href=all size=ButtonSize::Small kind=ButtonKind::Ghost>"All events"</ButtonLink> }
        >
            {move || {
                if none.get() {
                    view! {
                        <Waiting
                            text="Waiting for the first event"
                            hint="Send one with the command above, or with the button."
                        />
                    }
                        .into_any()
                } else {
                    view! { <EventTable events=shown names=names query=query/> }.into_any()
                }
            }}
        </Card>
    }
    .into_any()
}

#[component]
fn DeleteSourceCard(source: Source) -> impl IntoView {
    let project = use_project();
    let action = use_action::<DeleteSource>();
    let (id, name) = (Signal::stored(source.id.to_string()), Signal::stored(source.name));
    view! {
        <DeleteCard thing="source" text="Its URL will answer 410, and its connections end. Events already received are kept.">
            <Outcome action=action done="Source deleted"/>
            <ActionForm action=action>
                <ConfirmDelete action=action thing="source" name=name>
                    <Hidden name="env" value=project.id()/>
                    <Hidden name="source" value=id/>
                    <p>"Its URL will answer 410 from now on. Events already received are kept."</p>
                </ConfirmDelete>
            </ActionForm>
        </DeleteCard>
    }
    .into_any()
}
