//! The picture of a project's routes, with what went over them lately.

use domain::{
    circuit::CircuitState,
    connection::{Connection, ConnectionStatus},
    destination::DestinationStatus,
    routes::{ConnectionCount, RouteCounts},
    source::SourceStatus,
};
use leptos::prelude::*;

use crate::{
    api::routes::{DestinationEnd, RoutePicture, SourceEnd, draw_routes},
    components::*,
    pages::{
        live::{use_changes, use_fresh},
        project::use_project,
    },
    paths,
};

#[component]
pub fn Routes(first: RoutePicture) -> impl IntoView {
    let project = use_project();
    let fresh = use_fresh(first, move || draw_routes(project.id()));
    let changes = use_changes(|| true);
    fresh.when(move || changes.get());
    let data = fresh.data();
    let drawing = Signal::derive(move || {
        data.with(|picture| {
            let env = project.id();
            let counts = &picture.counts;
            Drawing {
                starts: picture.sources.iter().map(|source| start(&env, source, counts)).collect(),
                ends: picture.destinations.iter().map(|destination| end(&env, destination, counts)).collect(),
                ways: picture.connections.iter().filter_map(|connection| way(&env, connection, picture)).collect(),
            }
        })
    });
    let is_cut = move || data.with(|picture| picture.is_cut);
    let cut = move || {
        is_cut().then(|| {
            view! {
                <p class="muted small">"The newest 250 of each are drawn. The table below has all of them."</p>
            }
        })
    };
    view! {
        <Card title="Routes" text="What came in the last hour, and where it went." flush=true>
            <div class="route-map-frame">
                <div class="route-map-heads" aria-hidden="true">
                    <span>"Sources"</span>
                    <span>"Connections"</span>
                    <span>"Destinations"</span>
                </div>
                <RouteMap label="Routes" drawing=drawing/>
                {cut}
            </div>
        </Card>
    }
    .into_any()
}

fn start(env: &str, source: &SourceEnd, counts: &RouteCounts) -> MapEnd {
    let events = counts.sources.iter().find(|it| it.source_id.to_string() == source.id).map_or(0, |it| it.events);
    MapEnd {
        name: source.name.clone(),
        href: paths::source(env, &source.id),
        note: amount(events, "event"),
        status: (source.status == SourceStatus::Paused).then_some(Status::Paused),
    }
}

fn end(env: &str, destination: &DestinationEnd, counts: &RouteCounts) -> MapEnd {
    let counted = counts.destinations.iter().find(|it| it.destination_id.to_string() == destination.id);
    let note = counted.map_or_else(
        || amount(0, "delivery"),
        |it| {
            let mut parts = vec![format!("{} delivered", count(it.succeeded))];
            if it.failed > 0 {
                parts.push(format!("{} failed", count(it.failed)));
            }
            if it.backlog > 0 {
                parts.push(format!("{}{} waiting", count(it.backlog), if it.has_more_backlog { "+" } else { "" }));
            }
            parts.join(" · ")
        },
    );
    let status = match (destination.circuit, destination.status) {
        (CircuitState::Open, _) => Some(Status::BreakerOpen),
        (CircuitState::HalfOpen, _) => Some(Status::BreakerHalfOpen),
        (CircuitState::Closed, DestinationStatus::Paused) => Some(Status::Paused),
        (CircuitState::Closed, DestinationStatus::Active) => None,
    };
    MapEnd { name: destination.name.clone(), href: paths::destination(env, &destination.id), note, status }
}

/// The way of a connection, unless one of its ends is not drawn.
fn way(env: &str, connection: &Connection, picture: &RoutePicture) -> Option<MapWay> {
    let (source, destination) = (connection.source_id.to_string(), connection.destination_id.to_string());
    let from = picture.sources.iter().position(|it| it.id == source)?;
    let to = picture.destinations.iter().position(|it| it.id == destination)?;
    let end = &picture.destinations[to];
    let flow = match connection.status {
        ConnectionStatus::Disabled => Flow::Shut,
        ConnectionStatus::Paused => Flow::Held,
        ConnectionStatus::Active if end.circuit != CircuitState::Closed => Flow::Failing,
        ConnectionStatus::Active if end.status == DestinationStatus::Paused => Flow::Held,
        ConnectionStatus::Active => Flow::Open,
    };
    let rules = &connection.rules;
    let marks = [
        (rules.filter.is_some(), Icon::ListFilter, "filtered"),
        (rules.transform.is_some(), Icon::Wand, "transformed"),
        (rules.schema.is_some(), Icon::ShieldCheck, "with a schema"),
        (connection.delay_seconds > 0, Icon::Clock, "delayed"),
    ];
    let marks: Vec<_> =
        marks.into_iter().filter(|(is_there, ..)| *is_there).map(|(_, icon, label)| (icon, label)).collect();
    // Lines are hard to follow where there are many: the name says where one leads.
    let name = connection.name.clone().unwrap_or_else(|| format!("to {}", end.name));
    let counted = picture.counts.connections.iter().find(|it| it.connection_id == connection.id);
    let status = match connection.status {
        ConnectionStatus::Active => None,
        other => Some(Status::from(other)),
    };
    Some(MapWay {
        from,
        to,
        name,
        href: paths::connection(env, connection.id),
        label: format!("Route from {} to {}", picture.sources[from].name, end.name),
        note: counted.map(note).unwrap_or_default(),
        status,
        marks,
        flow,
        volume: counted.map_or(0, |it| it.matched),
    })
}

fn note(counted: &ConnectionCount) -> String {
    let mut parts: Vec<_> = (counted.matched > 0).then(|| count(counted.matched)).into_iter().collect();
    let others = counted.not_matched + counted.skipped;
    if others > 0 {
        parts.push(format!("{} not matched", count(others)));
    }
    if counted.backlog > 0 {
        parts.push(format!("{} waiting", count(counted.backlog)));
    }
    parts.join(" · ")
}

fn amount(number: u64, thing: &str) -> String {
    let plural = thing.strip_suffix('y').map_or_else(|| format!("{thing}s"), |stem| format!("{stem}ies"));
    match number {
        0 => format!("no {plural}"),
        1 => format!("1 {thing}"),
        number => format!("{} {plural}", count(number)),
    }
}
