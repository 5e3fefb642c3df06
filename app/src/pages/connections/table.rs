//! Connections as routes: source → destination.

use domain::connection::Connection;
use leptos::prelude::*;

use crate::{
    api::names::Names,
    components::*,
    pages::project::{Project, use_project},
    paths,
};

#[component]
pub fn ConnectionTable(
    connections: Vec<Connection>,
    names: StoredValue<Names>,
    /// Whether the keyboard walks over this table: the main one of the page.
    #[prop(default = true)]
    keys: bool,
) -> impl IntoView {
    let project = use_project();
    let columns = vec![
        Column::new("Route").grow(),
        Column::new("Name"),
        Column::new("Rules").fit(),
        Column::new("Status").fit(),
        Column::new("Created").fit().wide_only(),
    ];
    let rows: Vec<_> = connections.into_iter().map(|connection| row(project, connection, names)).collect();
    view! { <Table label="Connections" columns=columns keys=keys>{rows}</Table> }.into_any()
}

fn row(project: Project, connection: Connection, names: StoredValue<Names>) -> impl IntoView {
    let status = Status::from(connection.status);
    let kinds = [
        (connection.rules.filter.is_some(), "filter"),
        (connection.rules.transform.is_some(), "transform"),
        (connection.rules.schema.is_some(), "schema"),
        (connection.delay_seconds > 0, "delay"),
    ];
    let kinds: Vec<_> = kinds.into_iter().filter(|(is_there, _)| *is_there).map(|(_, word)| word).collect();
    let rules = if kinds.is_empty() {
        view! { <span class="muted">"–"</span> }.into_any()
    } else {
        let tags = kinds.into_iter().map(|word| view! { <Tag>{word}</Tag> }).collect_view();
        view! { <span class="route">{tags}</span> }.into_any()
    };
    let (source, destination) =
        names.with_value(|names| (names.source(connection.source_id), names.destination(connection.destination_id)));
    view! {
        <TableRow>
            <Cell label="Route" lead=true grow=true>
                <RowLink href=paths::connection(project.id(), connection.id)>
                    <span class="route">
                        <span>{source}</span>
                        <Glyph icon=Icon::ArrowRight size=16/>
                        <span class="visually-hidden">"to"</span>
                        <span>{destination}</span>
                    </span>
                </RowLink>
            </Cell>
            <Cell label="Name">
                {match connection.name {
                    Some(name) => name.into_any(),
                    None => view! { <span class="muted">"–"</span> }.into_any(),
                }}
            </Cell>
            <Cell label="Rules" fit=true>{rules}</Cell>
            <Cell label="Status" fit=true><StatusBadge status=status plain=true/></Cell>
            <Cell label="Created" fit=true wide_only=true><RelativeTime at=connection.created_at quiet=true/></Cell>
        </TableRow>
    }
    .into_any()
}
