//! One destination: how it is reached, what leads to it, what was sent to it.

use domain::{
    circuit::CircuitStatus,
    connection::Connection,
    delivery::{Delivery, Trial},
    destination::{AuthType, Destination, DestinationStatus, DestinationType, Setting, SigningScheme},
    health::{Failing, HealthDay},
    issue::Issue,
    page::Page,
};
use leptos::prelude::*;
use serde_json::Value;

use super::{
    circuit::CircuitCard,
    deliveries::DestinationDeliveries,
    health::{FailingNote, HealthCard},
    limit_words, order_words, retry_words,
    trial::TrialCard,
};
use crate::{
    api::{
        connections::connections_of,
        destinations::{
            DeleteDestination, SetDestinationStatus, TestDestination, destination_circuit, destination_deliveries,
            destination_health, find_destination, trial_key,
        },
        issues::{IssueQuery, issues_of},
        names::{Names, known_names},
        once::shown_once,
    },
    components::*,
    pages::{
        connections::ConnectionTable,
        forms::{ConfirmDelete, DeleteCard, Hidden, Outcome, PauseOrResume, use_action},
        issues::IssueTable,
        live::{use_changes, use_fresh},
        loaded::Loaded,
        project::{Project, use_param, use_project},
    },
    paths,
};

type Found = (
    (Destination, HealthDay),
    CircuitStatus,
    Page<Delivery>,
    Vec<Connection>,
    Names,
    Option<String>,
    Option<Trial>,
    Vec<Issue>,
);

#[component]
pub fn DestinationPage() -> impl IntoView {
    let project = use_project();
    let id = use_param("destination_id");
    let key = move || (project.id(), id.get());
    let found = Resource::new(key, |(env, id)| find_destination(env, id));
    let health = Resource::new(key, |(env, id)| destination_health(env, id));
    let circuit = Resource::new(key, |(env, id)| destination_circuit(env, id));
    let recent = Resource::new(key, |(env, id)| destination_deliveries(env, id, None));
    let routes = Resource::new(key, |(env, id)| connections_of(env, id));
    let known = Resource::new(move || project.id(), known_names);
    let secret = Resource::new(move || id.get(), shown_once);
    let trial = Resource::new(move || trial_key(&id.get()), shown_once);
    let changes = use_changes(|| true);
    let issues = Resource::new(key, |(env, id)| issues_of(env, id));
    let test = use_action::<TestDestination>();
    let load = move || async move {
        Ok((
            (found.await?, health.await?),
            circuit.await?,
            recent.await?,
            routes.await?,
            known.await?,
            secret.await?,
            trial_of(trial.await?),
            issues.await?,
        ))
    };
    view! {
        <Loaded
            load=load
            children={move |((destination, health), circuit, recent, routes, names, secret, trial, issues): Found| {
                let id = destination.id.to_string();
                let health = use_fresh(health, move || destination_health(project.id(), id.clone()));
                health.when(move || changes.get());
                let failing = Memo::new(move |_| health.data().with(|it| it.failing.clone()));
                view! {
                    <DestinationDetail destination=destination.clone() secret=secret failing=failing/>
                    <HealthCard health=health/>
                    <DestinationIssues destination=destination.id.to_string() first=issues changes=changes/>
                    <TrialCard destination=destination.id.to_string() action=test last=trial/>
                    {destination
                        .circuit_breaker
                        .enabled
                        .then(|| {
                            view! {
                                <CircuitCard
                                    destination=destination.id.to_string()
                                    breaker=destination.circuit_breaker
                                    circuit=circuit
                                />
                            }
                        })}
                    <DestinationRoutes destination=destination.clone() routes=routes names=names/>
                    <DestinationDeliveries destination=destination.id.to_string() recent=recent changes=changes/>
                    <DeleteDestinationCard destination=destination/>
                }
                .into_any()
            }}
        />
    }
    .into_any()
}

fn trial_of(kept: Option<String>) -> Option<Trial> {
    serde_json::from_str(&kept?).ok()
}

#[component]
fn DestinationDetail(
    destination: Destination,
    secret: Option<String>,
    failing: Memo<Option<Failing>>,
) -> impl IntoView {
    let project = use_project();
    let id = destination.id.to_string();
    let pause = use_action::<SetDestinationStatus>();
    let fresh = {
        let id = id.clone();
        use_fresh(destination.clone(), move || find_destination(project.id(), id.clone()))
    };
    fresh.after(pause);
    let data = fresh.data();
    let active = Signal::derive(move || data.with(|it| it.status == DestinationStatus::Active));
    let status = Signal::derive(move || if active.get() { Status::Active } else { Status::Paused });
    let actions = move || view! { <DestinationActions project=project id=id active=active pause=pause/> };
    view! {
        <PageHeader
            title=destination.name.clone()
            crumbs=vec![Crumb::new("Destinations", paths::destinations(project.id()))]
            badge=move || view! { <StatusBadge status=status/> }
            actions=actions
        />
        <Outcome action=pause done="Saved"/>
        {secret
            .map(|secret| {
                view! {
                    <Alert tone=AlertTone::Success title="The signing secret of this destination">
                        <CopyField
                            label="Signing secret"
                            value=secret
                            help="It is shown this once. Give it to the receiver, which verifies webhook-signature with it."
                        />
                    </Alert>
                }
            })}
        {move || {
            (!active.get())
                .then(|| {
                    view! {
                        <Alert tone=AlertTone::Warning title="This destination is paused">
                            "Deliveries are held, and are sent when it is resumed."
                        </Alert>
                    }
                })
        }}
        <FailingNote failing=failing/>
        <Settings destination=destination failing=failing/>
    }
    .into_any()
}

#[component]
fn DestinationActions(
    project: Project,
    #[prop(into)] id: Signal<String>,
    active: Signal<bool>,
    pause: ServerAction<SetDestinationStatus>,
) -> impl IntoView {
    let may_write = project.may_write();
    move || {
        may_write.then(|| {
            view! {
                <ActionForm action=pause>
                    <Hidden name="env" value=project.id()/>
                    <Hidden name="destination" value=id/>
                    <PauseOrResume active=active pending=pause.pending()/>
                </ActionForm>
                <ButtonLink href=paths::edit_destination(project.id(), id.get()) icon=Icon::Pencil>"Edit"</ButtonLink>
            }
        })
    }
}

#[component]
fn Settings(
    destination: Destination,
    /// Says which settings the last error has to do with.
    failing: Memo<Option<Failing>>,
) -> impl IntoView {
    let kind = destination.config.kind();
    let is_http = kind == DestinationType::Http;
    let config = setting_facts("config", kind.settings(), &destination.config.settings(), failing);
    let auth = destination.auth.kind();
    let auth_values = serde_json::to_value(&destination.auth).unwrap_or_default();
    let auth_settings = setting_facts("auth", auth.settings(), &auth_values, failing);
    let signing = match (destination.signing.scheme, &destination.signing.header) {
        (SigningScheme::StandardWebhooks, _) => "Standard Webhooks".to_owned(),
        (SigningScheme::Hmac, Some(header)) => {
            format!("HMAC-{} in {header}", destination.signing.algorithm.unwrap_or_default().as_str().to_uppercase())
        }
        (SigningScheme::None | SigningScheme::Hmac, _) => "None".to_owned(),
    };
    let secrets = destination.signing.secrets.join("  ");
    let give_up = destination.retry.give_up_on.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
    let plan = destination.retry.clone();
    let headers: Vec<_> = destination.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    view! {
        <div class="columns-2">
            <Card title="Receiver">
                <Facts>
                    <Fact label="Type">{kind.label()}</Fact>
                    {config}
                    {(auth != AuthType::None).then(|| view! { <Fact label="Authentication">{auth.label()}</Fact> })}
                    {auth_settings}
                    <Fact label="Timeout">{duration_ms(destination.timeout_ms.into())}</Fact>
                    <Fact label="Id"><Id value=destination.id.to_string()/></Fact>
                    <Fact label="Created"><RelativeTime at=destination.created_at/></Fact>
                    {(!headers.is_empty())
                        .then(|| view! { <Fact label="Headers"><span class="mono lines">{headers.join("\n")}</span></Fact> })}
                </Facts>
            </Card>
            <Card title="Delivery">
                <Facts>
                    <Fact label="Retries">{retry_words(&destination.retry)}</Fact>
                    <Fact label="Gives up on">{if give_up.is_empty() { "nothing".to_owned() } else { give_up }}</Fact>
                    <Fact label="Limits">{limit_words(destination.rate_limit)}</Fact>
                    <Fact label="Order">{order_words(&destination.ordering)}</Fact>
                    {is_http.then(|| view! { <Fact label="Signature">{signing}</Fact> })}
                    {(!secrets.is_empty()).then(|| view! { <Fact label="Secrets"><span class="mono">{secrets}</span></Fact> })}
                </Facts>
                <RetryPlan policy=Some(plan)/>
            </Card>
        </div>
    }
    .into_any()
}

/// A fact for each setting that has a value; secrets come masked.
fn setting_facts(
    path: &str,
    settings: &'static [Setting],
    values: &Value,
    failing: Memo<Option<Failing>>,
) -> Vec<AnyView> {
    settings
        .iter()
        .filter_map(|setting| {
            let value = match &values[setting.name] {
                Value::String(text) if !text.is_empty() => text.clone(),
                Value::Bool(is_on) => if *is_on { "yes" } else { "no" }.to_owned(),
                _ => return None,
            };
            let place = format!("{path}.{}", setting.name);
            let is_wrong =
                Memo::new(move |_| failing.with(|it| it.as_ref().is_some_and(|it| it.settings.contains(&place))));
            let note = move || {
                is_wrong.get().then(|| {
                    view! {
                        <span class="fact-wrong" data-tone="failed">
                            <Glyph icon=Icon::CircleAlert size=14/>
                            "the last error has to do with this"
                        </span>
                    }
                })
            };
            Some(view! { <Fact label=setting.label><span class="mono">{value}</span> {note}</Fact> }.into_any())
        })
        .collect()
}

/// What fails at it, where anything does.
#[component]
fn DestinationIssues(destination: String, first: Vec<Issue>, changes: ReadSignal<u32>) -> impl IntoView {
    let project = use_project();
    let all = IssueQuery { destination: destination.clone(), ..IssueQuery::default() }.list(&project.id());
    let fresh = use_fresh(first, move || issues_of(project.id(), destination.clone()));
    fresh.when(move || changes.get());
    let issues = Signal::derive(move || fresh.data().get());
    let any = Memo::new(move |_| issues.with(|issues| !issues.is_empty()));
    move || {
        let all = all.clone();
        let link = move || view! { <ButtonLink href=all size=ButtonSize::Small>"All issues"</ButtonLink> };
        any.get().then(|| {
            view! { <Card title="Issues" flush=true actions=link><IssueTable issues=issues keys=false/></Card> }
        })
    }
}

#[component]
fn DestinationRoutes(destination: Destination, routes: Vec<Connection>, names: Names) -> impl IntoView {
    let project = use_project();
    let may_write = project.may_write();
    let connect = move || {
        move || {
            may_write.then(|| {
                let href = paths::new_connection_to(project.id(), destination.id);
                view! { <ButtonLink href=href icon=Icon::Plus size=ButtonSize::Small>"Connect"</ButtonLink> }
            })
        }
    };
    let content = if routes.is_empty() {
        view! { <p class="card-note">"No source leads here yet. Connect one, and its events are delivered here."</p> }
            .into_any()
    } else {
        view! { <ConnectionTable connections=routes names=StoredValue::new(names) keys=false/> }.into_any()
    };
    view! { <Card title="Connections" flush=true actions=connect>{content}</Card> }.into_any()
}

#[component]
fn DeleteDestinationCard(destination: Destination) -> impl IntoView {
    let project = use_project();
    let action = use_action::<DeleteDestination>();
    let (id, name) = (Signal::stored(destination.id.to_string()), Signal::stored(destination.name));
    view! {
        <DeleteCard thing="destination" text="Its connections end, and deliveries that wait are cancelled.">
            <Outcome action=action done="Destination deleted"/>
            <ActionForm action=action>
                <ConfirmDelete action=action thing="destination" name=name>
                    <Hidden name="env" value=project.id()/>
                    <Hidden name="destination" value=id/>
                    <p>"Nothing more is sent to it. What was delivered stays in the events' history."</p>
                </ConfirmDelete>
            </ActionForm>
        </DeleteCard>
    }
    .into_any()
}
