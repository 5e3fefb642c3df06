//! The list of destinations.

use domain::{destination::Destination, page::Page};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    api::destinations::destinations,
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
    let page = Resource::new(
        move || (project.id(), query.with(|query| query.get("cursor"))),
        |(env, cursor)| destinations(env, cursor),
    );
    view! {
        <PageHeader
            title="Destinations"
            subtitle="A destination is a URL, a queue, a topic, a bucket of yours that events are delivered to, and retried until it takes them."
            actions=move || view! { <NewDestination project=project/> }
        />
        <Loaded
            load=move || async move { page.await }
            skeleton=|| view! { <SkeletonTable/> }
            children={move |page: Page<Destination>| {
                if page.data.is_empty() {
                    view! { <NoDestinations project=project/> }.into_any()
                } else {
                    view! { <DestinationTable project=project page=page/> }.into_any()
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

#[component]
fn DestinationTable(project: Project, page: Page<Destination>) -> impl IntoView {
    let columns = vec![
        Column::new("Name"),
        Column::new("Type").fit(),
        Column::new("Address").grow(),
        Column::new("Attempts").fit().end().wide_only(),
        Column::new("Status").fit(),
        Column::new("Created").fit().wide_only(),
    ];
    let shown = counted(page.data.len() as u64, "destination");
    let next = paths::after(&paths::destinations(project.id()), page.next_cursor.as_deref());
    let rows: Vec<_> = page.data.into_iter().map(|destination| destination_row(project, destination)).collect();
    view! {
        <Card flush=true>
            <Table label="Destinations" columns=columns>{rows}</Table>
            <LoadMore href=next has_more=page.has_more shown=shown/>
        </Card>
    }
    .into_any()
}

fn destination_row(project: Project, destination: Destination) -> impl IntoView {
    let status = Status::from(destination.status);
    let (kind, address) = (destination.config.kind().label(), destination.config.address());
    view! {
        <TableRow>
            <Cell label="Name" lead=true>
                <RowLink href=paths::destination(project.id(), destination.id)>{destination.name}</RowLink>
            </Cell>
            <Cell label="Type" fit=true>{kind}</Cell>
            <Cell label="Address" grow=true mono=true>{address}</Cell>
            <Cell label="Attempts" end=true fit=true wide_only=true>{destination.retry.max_attempts}</Cell>
            <Cell label="Status" fit=true><StatusBadge status=status plain=true/></Cell>
            <Cell label="Created" fit=true wide_only=true><RelativeTime at=destination.created_at quiet=true/></Cell>
        </TableRow>
    }
    .into_any()
}
