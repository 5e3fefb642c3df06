//! One connection: its ends, its name and status, its events.

use domain::connection::{Connection, ConnectionStatus};
use leptos::prelude::*;

use crate::{
    api::{
        connections::{DeleteConnection, UpdateConnection, find_connection},
        events::EventQuery,
        names::{Names, known_names},
    },
    components::*,
    pages::{
        forms::{DeleteCard, FormState, Hidden, Outcome, use_action, use_form},
        loaded::Loaded,
        project::{use_param, use_project},
        replays::ReplayLink,
    },
    paths,
};

#[component]
pub fn ConnectionPage() -> impl IntoView {
    let project = use_project();
    let id = use_param("connection_id");
    let found = Resource::new(move || id.get(), move |id| find_connection(project.id(), id));
    let known = Resource::new(|| (), move |()| known_names(project.id()));
    view! {
        <Loaded
            load=move || async move { Ok((found.await?, known.await?)) }
            children={|(connection, names): (Connection, Names)| {
                view! {
                    <ConnectionDetail connection=connection.clone() names=names/>
                    <DeleteConnectionCard connection=connection/>
                }
                .into_any()
            }}
        />
    }
    .into_any()
}

#[component]
fn ConnectionDetail(connection: Connection, names: Names) -> impl IntoView {
    let project = use_project();
    let env = project.id();
    let status = Status::from(connection.status);
    let (source, destination) = (names.source(connection.source_id), names.destination(connection.destination_id));
    let title = connection.name.clone().unwrap_or_else(|| format!("{source} → {destination}"));
    let query = EventQuery { connection: connection.id.to_string(), ..EventQuery::default() };
    let events = query.list(&env);
    let through = connection.id.to_string();
    let may_write = project.may_write();
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
        <Card>
            <div class="route-ends">
                <a href=paths::source(&env, connection.source_id) class="route-end">
                    <span class="muted">"Source"</span>
                    <span>{source}</span>
                </a>
                <Glyph icon=Icon::ArrowRight size=20/>
                <a href=paths::destination(&env, connection.destination_id) class="route-end">
                    <span class="muted">"Destination"</span>
                    <span>{destination}</span>
                </a>
            </div>
            <Facts>
                <Fact label="Id"><Id value=connection.id.to_string()/></Fact>
                <Fact label="Created"><RelativeTime at=connection.created_at/></Fact>
            </Facts>
        </Card>
        {move || may_write.then(|| view! { <EditConnection connection=connection.clone()/> })}
    }
    .into_any()
}

#[component]
fn EditConnection(connection: Connection) -> impl IntoView {
    let project = use_project();
    let FormState { action, problem, typed } = use_form::<UpdateConnection>();
    let statuses = vec![
        RadioCard::new("active", "Active").text("Events are delivered."),
        RadioCard::new("paused", "Paused").text("Deliveries are held until it is active again."),
        RadioCard::new("disabled", "Disabled").text("No deliveries are made."),
    ];
    let status: ConnectionStatus = connection.status;
    view! {
        <Card title="Settings">
            <ActionForm action=action>
                <FormBody problem=problem>
                    <Hidden name="env" value=project.id()/>
                    <Hidden name="connection" value=connection.id.to_string()/>
                    <Field name="name" label="Name" help="Without one it is called after its two ends." optional_mark=true>
                        <TextInput value=typed.text("name", connection.name.unwrap_or_default())/>
                    </Field>
                    <RadioCards name="status" label="Status" options=statuses value=typed.text("status", status.as_str())/>
                    <FormActions>
                        <Button kind=ButtonKind::Primary submit=true pending=action.pending()>"Save changes"</Button>
                    </FormActions>
                </FormBody>
            </ActionForm>
        </Card>
    }
    .into_any()
}

#[component]
fn DeleteConnectionCard(connection: Connection) -> impl IntoView {
    let project = use_project();
    let action = use_action::<DeleteConnection>();
    let id = Signal::stored(connection.id.to_string());
    view! {
        <DeleteCard thing="connection" text="Deliveries that wait are cancelled; the source and the destination stay.">
            <Outcome action=action done="Connection deleted"/>
            <ActionForm action=action>
                <Confirm
                    id="delete-connection"
                    trigger="Delete connection"
                    title="Delete this connection?"
                    action="Delete connection"
                    pending=action.pending()
                >
                    <Hidden name="env" value=project.id()/>
                    <Hidden name="connection" value=id/>
                    <p>"Events of the source are not delivered to this destination any more."</p>
                </Confirm>
            </ActionForm>
        </DeleteCard>
    }
    .into_any()
}
