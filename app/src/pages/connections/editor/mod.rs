//! The editor of a connection, beside what its rules do to events that came.
//!
//! [`bench`] holds the rules as they are written, and asks the server about them: at once about one event, a little later
//! about the last hundred. The form at the left ([`form`], [`parts`]) writes them; at the right [`trial`] shows what
//! becomes of the one event and [`hindsight`] what would have become of the others. A page for a new connection and one
//! for a connection that is there, which those may look at too who may not save.

mod bench;
mod form;
mod hindsight;
mod parts;
mod subject;
mod trial;
mod verdict;

use domain::connection::Connection;
use leptos::{context::Provider, prelude::*};
use leptos_router::hooks::use_query_map;

use self::{
    bench::{First, fields_of, gathered, nothing_seen, recent_events, use_bench},
    form::ConnectionForm,
    trial::TryIt,
};
use super::delete::DeleteConnectionCard;
use crate::{
    api::{
        ApiError,
        connections::{CreateConnection, UpdateConnection, find_connection},
        events::EventQuery,
        names::{Names, known_names},
    },
    components::*,
    pages::{
        forms::{FormState, Hidden, use_form},
        loaded::Loaded,
        project::{use_param, use_project},
        replays::ReplayLink,
    },
    paths,
};

/// A connection, to look at, to try and to change.
#[component]
pub fn ConnectionPage() -> impl IntoView {
    let project = use_project();
    let id = use_param("connection_id");
    let event = asked("event");
    let found = Resource::new(
        move || id.get(),
        move |id| async move {
            let saved = find_connection(project.id(), id).await?;
            let first = first_of(project.id(), saved.source_id.to_string(), Some(saved)).await?;
            Ok::<_, ApiError>(first)
        },
    );
    let known = Resource::new(|| (), move |()| known_names(project.id()));
    view! {
        <Loaded
            load=move || async move { Ok((found.await?, known.await?)) }
            children={move |(first, names): (FirstData, Names)| {
                let (saved, recent, fields) = first;
                let event = event.clone();
                saved
                    .map(|saved| {
                        let source = saved.source_id.to_string();
                        let first = First { saved: Some(saved.clone()), source, recent, fields, event };
                        view! { <EditConnection saved=saved first=first names=names/> }
                    })
                    .into_any()
            }}
        />
    }
    .into_any()
}

/// A new connection.
#[component]
pub fn NewConnectionPage() -> impl IntoView {
    let project = use_project();
    let (source, event) = (asked("source"), asked("event"));
    let found = Resource::new(
        || (),
        move |()| {
            let source = source.clone();
            async move {
                let names = known_names(project.id()).await?;
                let only = (names.sources.len() == 1).then(|| names.sources[0].id.clone());
                let source = source.or(only).unwrap_or_default();
                let first = first_of(project.id(), source.clone(), None).await?;
                Ok::<_, ApiError>((source, first, names))
            }
        },
    );
    view! {
        <Loaded
            load=move || async move { found.await }
            children={move |(source, (_, recent, fields), names): (String, FirstData, Names)| {
                let first = First { saved: None, source, recent, fields, event: event.clone() };
                view! { <MakeConnection first=first names=names/> }.into_any()
            }}
        />
    }
    .into_any()
}

type FirstData = (Option<Connection>, domain::page::Page<domain::event::EventSummary>, domain::rehearsal::SeenFields);

/// What the page starts with. Without events to try on it is still an editor.
async fn first_of(env: String, source: String, saved: Option<Connection>) -> Result<FirstData, ApiError> {
    let recent = recent_events(env.clone(), source.clone()).await?;
    let fields = fields_of(env, source).await.unwrap_or_else(|_| nothing_seen());
    Ok((saved, recent, fields))
}

/// What the address asks for.
fn asked(name: &'static str) -> Option<String> {
    use_query_map().with_untracked(|query| query.get(name)).filter(|asked| !asked.is_empty())
}

#[component]
fn MakeConnection(first: First, names: Names) -> impl IntoView {
    let project = use_project();
    let FormState { action, problem, typed } = use_form::<CreateConnection>();
    let refused = Signal::derive(move || problem.with(|problem| problem.fields.clone()));
    let bench = use_bench(first, typed, refused);
    let list = paths::connections(project.id());
    let names = StoredValue::new(names);
    view! {
        <PageHeader
            title="New connection"
            subtitle="From now on, events of the source are delivered to the destination."
            crumbs=vec![Crumb::new("Connections", list.clone())]
        />
        <Provider value=bench>
            <div class="editor">
                <div class="editor-form">
                    <ActionForm action=action>
                        <FormBody problem=gathered_problem(problem)>
                            <Hidden name="env" value=project.id()/>
                            <ConnectionForm names=names.get_value() typed=typed/>
                            <FormActions>
                                <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Create connection"</Button>
                                <ButtonLink href=list kind=ButtonKind::Ghost>"Cancel"</ButtonLink>
                            </FormActions>
                        </FormBody>
                    </ActionForm>
                </div>
                <TryIt names=names/>
            </div>
        </Provider>
    }
    .into_any()
}

#[component]
fn EditConnection(saved: Connection, first: First, names: Names) -> impl IntoView {
    let project = use_project();
    let env = project.id();
    let may_write = project.may_write();
    let FormState { action, problem, typed } = use_form::<UpdateConnection>();
    let refused = Signal::derive(move || problem.with(|problem| problem.fields.clone()));
    let bench = use_bench(first, typed, refused);
    let status = Status::from(saved.status);
    let (source, destination) = (names.source(saved.source_id), names.destination(saved.destination_id));
    let title = saved.name.unwrap_or_else(|| format!("{source} → {destination}"));
    let query = EventQuery { connection: saved.id.to_string(), ..EventQuery::default() };
    let events = query.list(&env);
    let (id, created_at) = (Signal::stored(saved.id.to_string()), saved.created_at);
    let through = saved.id.to_string();
    let names = StoredValue::new(names);
    view! {
        <PageHeader
            title=title
            crumbs=vec![Crumb::new("Connections", paths::connections(&env))]
            badge=move || view! { <StatusBadge status=status/> }
            actions=move || {
                view! {
                    <ButtonLink href=events icon=Icon::Activity>"Its events"</ButtonLink>
                    <ReplayLink project=project through=through/>
                }
            }
        />
        <Provider value=bench>
            <div class="editor">
                <div class="editor-form">
                    <ActionForm action=action>
                        <FormBody problem=gathered_problem(problem)>
                            <Hidden name="env" value=env/>
                            <Hidden name="connection" value=id/>
                            <ConnectionForm names=names.get_value() typed=typed/>
                            {if may_write {
                                view! {
                                    <FormActions>
                                        <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Save changes"</Button>
                                        <hindsight::Difference/>
                                    </FormActions>
                                }
                                    .into_any()
                            } else {
                                view! {
                                    <p class="muted small">
                                        "Your role lets you try other rules here. Saving them takes a member of the organization."
                                    </p>
                                }
                                    .into_any()
                            }}
                        </FormBody>
                    </ActionForm>
                </div>
                <TryIt names=names/>
                <div class="editor-foot stack">
                    <Card>
                        <Facts columns=true>
                            <Fact label="Id"><Id value=id/></Fact>
                            <Fact label="Created"><RelativeTime at=created_at/></Fact>
                        </Facts>
                    </Card>
                    <DeleteConnectionCard connection=saved.id/>
                </div>
            </div>
        </Provider>
    }
    .into_any()
}

/// The form's problem, with those of the rules at the fields that hold the rules.
fn gathered_problem(problem: Signal<Problem>) -> Signal<Problem> {
    Signal::derive(move || {
        problem.with(|problem| Problem { message: problem.message.clone(), fields: gathered(&problem.fields) })
    })
}
