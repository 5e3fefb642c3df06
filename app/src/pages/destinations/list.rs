//! The list of destinations, and how each of them does.

use domain::{
    circuit::CircuitState,
    destination::{Destination, DestinationStatus},
    health::{Health, Seen},
    page::Page,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::health::{backlog_words, latency_words, rate_tone, rate_words};
use crate::{
    api::destinations::{destination_healths, destinations},
    components::*,
    pages::{
        counted,
        loaded::Loaded,
        project::{Project, use_project},
    },
    paths,
};

#[component]
pub fn DestinationsPage() -> impl IntoView {
    let project = use_project();
    let query = use_query_map();
    let key = move || (project.id(), query.with(|query| query.get("cursor")));
    let page = Resource::new(key, |(env, cursor)| destinations(env, cursor));
    let healths = Resource::new(key, |(env, cursor)| destination_healths(env, cursor));
    // The span that the figures are of: the last hour, unless the address says otherwise.
    let of_day = Memo::new(move |_| query.with(|query| query.get("over").is_some_and(|over| over == DAY)));
    view! {
        <PageHeader
            title="Destinations"
            subtitle="A destination is a URL, a queue, a topic, a bucket of yours that events are delivered to, and retried until it takes them."
            actions=move || view! { <NewDestination project=project/> }
        />
        <Loaded
            load=move || async move { Ok((page.await?, healths.await?)) }
            skeleton=|| view! { <SkeletonTable/> }
            children={move |(page, healths): (Page<Destination>, Page<Health>)| {
                if page.data.is_empty() {
                    view! { <NoDestinations project=project/> }.into_any()
                } else {
                    view! { <DestinationTable project=project page=page healths=healths.data of_day=of_day/> }.into_any()
                }
            }}
        />
    }
    .into_any()
}

#[component]
fn NewDestination(project: Project) -> impl IntoView {
    let may_write = project.may_write();
    move || {
        may_write.then(|| {
            view! {
                <ButtonLink href=paths::new_destination(project.id()) kind=ButtonKind::Primary icon=Icon::Plus>
                    "New destination"
                </ButtonLink>
            }
        })
    }
}

#[component]
fn NoDestinations(project: Project) -> impl IntoView {
    view! {
        <EmptyState
            icon=Icon::Send
            title="No destination yet"
            text="Add the address of the program that should get the events. To look at deliveries first, this makes a receiver that takes everything:"
            command="python3 -c 'import http.server as h
class R(h.BaseHTTPRequestHandler):
  def do_POST(self):
    print(self.headers, self.rfile.read(int(self.headers[\"content-length\"])).decode())
    self.send_response(200); self.end_headers()
h.HTTPServer((\"\", 9000), R).serve_forever()'"
        >
            <NewDestination project=project/>
        </EmptyState>
    }
}

/// The word in the address for the last 24 hours.
const DAY: &str = "day";

#[component]
fn DestinationTable(
    project: Project,
    page: Page<Destination>,
    healths: Vec<Health>,
    #[prop(into)] of_day: Signal<bool>,
) -> impl IntoView {
    let columns = vec![
        Column::new("Name"),
        Column::new("Type").fit(),
        Column::new("Address").grow().wide_only(),
        Column::new("Success").fit().end(),
        Column::new("p95").fit().end(),
        Column::new("Waiting").fit().end(),
        Column::new("Status").fit(),
    ];
    let shown = counted(page.data.len() as u64, "destination");
    let list = paths::destinations(project.id());
    let day = format!("{list}?over={DAY}");
    let next = {
        let (list, day, cursor) = (list.clone(), day.clone(), page.next_cursor.clone());
        Signal::derive(move || paths::after(if of_day.get() { &day } else { &list }, cursor.as_deref()))
    };
    let health_of = |id| healths.iter().find(|health| health.destination_id == id).cloned();
    let rows: Vec<_> = page
        .data
        .into_iter()
        .map(|destination| {
            let health = health_of(destination.id);
            destination_row(project, destination, health, of_day)
        })
        .collect();
    view! {
        <Chips label="Figures of">
            <Chip href=list active=Signal::derive(move || !of_day.get())>"Last hour"</Chip>
            <Chip href=day active=of_day>"Last 24 hours"</Chip>
        </Chips>
        <Card flush=true>
            <Table label="Destinations" columns=columns>{rows}</Table>
            <LoadMore href=next has_more=page.has_more shown=shown/>
        </Card>
    }
    .into_any()
}

/// A circuit that is not closed says more than that the destination is active.
fn status_of(destination: &Destination, health: Option<&Health>) -> Status {
    match (destination.status, health.map(|health| health.circuit)) {
        (DestinationStatus::Active, Some(CircuitState::Open)) => Status::BreakerOpen,
        (DestinationStatus::Active, Some(CircuitState::HalfOpen)) => Status::BreakerHalfOpen,
        (status, _) => Status::from(status),
    }
}

fn destination_row(
    project: Project,
    destination: Destination,
    health: Option<Health>,
    of_day: Signal<bool>,
) -> impl IntoView {
    let status = status_of(&destination, health.as_ref());
    let (kind, address) = (destination.config.kind().label(), destination.config.address());
    let backlog = health.as_ref().map_or_else(|| "–".to_owned(), |health| backlog_words(health.backlog));
    let seen = StoredValue::new(health.map(|health| (health.hour, health.day)));
    let figure = move |words: fn(&Seen) -> String| {
        move || {
            seen.with_value(|seen| {
                seen.map_or_else(|| "–".to_owned(), |(hour, day)| words(if of_day.get() { &day } else { &hour }))
            })
        }
    };
    let tone = move || {
        seen.with_value(|seen| {
            seen.map_or(Tone::Neutral, |(hour, day)| rate_tone(if of_day.get() { &day } else { &hour }))
        })
    };
    view! {
        <TableRow>
            <Cell label="Name" lead=true>
                <RowLink href=paths::destination(project.id(), destination.id)>{destination.name}</RowLink>
            </Cell>
            <Cell label="Type" fit=true>{kind}</Cell>
            <Cell label="Address" grow=true mono=true wide_only=true>{address}</Cell>
            <Cell label="Success" end=true fit=true>
                <span class="num health-rate" data-tone=move || tone().as_str()>{figure(rate_words)}</span>
            </Cell>
            <Cell label="p95" end=true fit=true><span class="num">{figure(latency_words)}</span></Cell>
            <Cell label="Waiting" end=true fit=true><span class="num">{backlog}</span></Cell>
            <Cell label="Status" fit=true><StatusBadge status=status plain=true/></Cell>
        </TableRow>
    }
    .into_any()
}
