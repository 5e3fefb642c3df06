//! The list of sources.

use domain::{page::Page, source::Source};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::{kind_of, template_icon};
use crate::{
    api::sources::sources,
    components::*,
    pages::{
        counted,
        loaded::Loaded,
        project::{Project, use_project},
    },
    paths,
};

#[component]
pub fn SourcesPage() -> impl IntoView {
    let project = use_project();
    let query = use_query_map();
    let page = Resource::new(
        move || (project.id(), query.with(|query| query.get("cursor"))),
        |(env, cursor)| sources(env, cursor),
    );
    view! {
        <PageHeader
            title="Sources"
            subtitle="A source is a URL that a provider posts to. What it sends is verified, stored and routed."
            actions=move || view! { <NewSource project=project/> }
        />
        <Loaded
            load=move || async move { page.await }
            skeleton=|| view! { <SkeletonTable/> }
            children={move |page: Page<Source>| {
                if page.data.is_empty() { view! { <NoSources project=project/> }.into_any() } else { view! { <SourceTable project=project page=page/> }.into_any() }
            }}
        />
    }
    .into_any()
}

#[component]
fn NewSource(project: Project) -> impl IntoView {
    let may_write = project.may_write();
    move || {
        may_write.then(|| {
            view! { <ButtonLink href=paths::new_source(project.id()) kind=ButtonKind::Primary icon=Icon::Plus>"New source"</ButtonLink> }
        })
    }
}

#[component]
fn NoSources(project: Project) -> impl IntoView {
    view! {
        <EmptyState
            icon=Icon::Webhook
            title="No source yet"
            text="Make one for each provider that sends you webhooks: Stripe, GitHub, or any program that can post. It gets a URL that looks and answers like this one."
            command="curl https://hooks.example.com/v1/ingest/src_… -H 'content-type: application/json' -d '{\"type\":\"test.event\"}'"
        >
            <NewSource project=project/>
        </EmptyState>
    }
    .into_any()
}

#[component]
fn SourceTable(project: Project, page: Page<Source>) -> impl IntoView {
    let columns = vec![
        Column::new("Name").grow(),
        Column::new("Verification"),
        Column::new("Status").fit(),
        Column::new("Events").fit().end(),
        Column::new("Last event").fit(),
        Column::new("Ingest URL").fit().unlabelled(),
    ];
    let shown = counted(page.data.len() as u64, "source");
    let next = paths::after(&paths::sources(project.id()), page.next_cursor.as_deref());
    let rows: Vec<_> = page.data.into_iter().map(|source| source_row(project, source)).collect();
    view! {
        <Card flush=true>
            <Table label="Sources" columns=columns>{rows}</Table>
            <LoadMore href=next has_more=page.has_more shown=shown/>
        </Card>
    }
    .into_any()
}

fn source_row(project: Project, source: Source) -> impl IntoView {
    let kind = kind_of(&source);
    let status = Status::from(source.status);
    view! {
        <TableRow>
            <Cell label="Name" lead=true grow=true>
                <RowLink href=paths::source(project.id(), source.id)>
                    <span class="row">
                        <Glyph icon=template_icon(source.template.is_some())/>
                        {source.name}
                    </span>
                </RowLink>
            </Cell>
            <Cell label="Verification">{kind}</Cell>
            <Cell label="Status" fit=true><StatusBadge status=status plain=true/></Cell>
            <Cell label="Events" end=true fit=true>{count(source.event_count)}</Cell>
            <Cell label="Last event" fit=true>
                {match source.last_event_at {
                    Some(at) => view! { <RelativeTime at=at quiet=true/> }.into_any(),
                    None => view! { <span class="muted">"none yet"</span> }.into_any(),
                }}
            </Cell>
            <Cell label="Ingest URL" fit=true>
                <CopyButton text=source.ingest_url label="Copy the ingest URL" said="Ingest URL copied"/>
            </Cell>
        </TableRow>
    }
    .into_any()
}
