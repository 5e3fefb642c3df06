//! The inspector: one event, what was received, and what became of it. The list stays beside it on wide screens.

use domain::{event::EventSummary, forward::Forward, page::Page, routes::EventRoute};
use leptos::prelude::*;

use super::{
    content::{EventFacts, EventNotes, EventTabs},
    delivery::DeliveryCard,
    event_status, event_title,
    forwards::EventForwards,
    routes::EventRoutes,
    table::EventLinks,
    use_event_query,
};
use crate::{
    api::{
        ApiError,
        events::{
            Body, CancelDelivery, EventContent, EventQuery, Progress, RetryDelivery, RetryEvent, event_forwards,
            events, read_event_content, read_event_progress,
        },
        names::{Names, known_names},
        routes::event_routes,
    },
    components::*,
    layout::TwoPane,
    pages::{
        forms::{Hidden, Outcome, use_action},
        live::{Fresh, use_changes, use_fresh},
        loaded::Loaded,
        project::{use_param, use_project},
    },
    paths,
};

#[component]
pub fn EventPage() -> impl IntoView {
    let project = use_project();
    let query = use_event_query();
    let id = use_param("event_id");
    let changes = use_changes(|| true);
    let list = Resource::new(
        move || query.get(),
        move |query| async move {
            let page = events(project.id(), query.clone(), None).await?;
            Ok::<_, ApiError>((query, page))
        },
    );
    let known = Resource::new(|| (), move |()| known_names(project.id()));
    let content = Resource::new(move || id.get(), move |id| read_event_content(project.id(), id));
    let progress = Resource::new(move || id.get(), move |id| read_event_progress(project.id(), id));
    let routes = Resource::new(move || id.get(), move |id| event_routes(project.id(), id));
    let forwards = Resource::new(move || id.get(), move |id| event_forwards(project.id(), id));
    let beside = move || {
        view! {
            <Loaded
                load=move || async move { Ok((list.await?, known.await?)) }
                skeleton=|| view! { <SkeletonTable/> }
                part=true
                children={move |((query, first), names): ((EventQuery, Page<EventSummary>), Names)| {
                    view! { <ListBeside query=query first=first names=StoredValue::new(names) current=id changes=changes/> }.into_any()
                }}
            />
        }
    };
    let detail = move || {
        view! {
            <Loaded
                load=move || async move { Ok((content.await?, progress.await?, (routes.await?, forwards.await?), known.await?)) }
                children={move |(content, progress, (routes, forwards), names): (EventContent, Progress, (Vec<EventRoute>, Vec<Forward>), Names)| {
                    view! {
                        <Inspector
                            content=content
                            progress=progress
                            routes=routes
                            forwards=forwards
                            names=StoredValue::new(names)
                            list=query
                            changes=changes
                        />
                    }
                        .into_any()
                }}
            />
        }
    };
    view! { <TwoPane list=beside detail=detail/> }.into_any()
}

#[component]
fn ListBeside(
    query: EventQuery,
    first: Page<EventSummary>,
    names: StoredValue<Names>,
    current: Memo<String>,
    changes: ReadSignal<u32>,
) -> impl IntoView {
    let project = use_project();
    let href = query.list(&project.id());
    let filtered = !query.is_empty();
    let query = StoredValue::new(query);
    let fresh = use_fresh(first, move || events(project.id(), query.get_value(), None));
    fresh.when(move || changes.get());
    let shown = Signal::derive(move || fresh.data().with(|page| page.data.clone()));
    view! {
        <div class="pane-head">
            <a href=href>
                <Glyph icon=Icon::ArrowLeft/>
                {if filtered { "Events, filtered" } else { "All events" }}
            </a>
        </div>
        <EventLinks events=shown names=names query=query current=current/>
    }
    .into_any()
}

#[component]
fn Inspector(
    content: EventContent,
    progress: Progress,
    routes: Vec<EventRoute>,
    forwards: Vec<Forward>,
    names: StoredValue<Names>,
    list: Memo<EventQuery>,
    changes: ReadSignal<u32>,
) -> impl IntoView {
    let project = use_project();
    let summary = content.summary.clone();
    let id = summary.id.to_string();
    let retry_all = use_action::<RetryEvent>();
    let fresh = {
        let id = id.clone();
        use_fresh(progress, move || read_event_progress(project.id(), id.clone()))
    };
    fresh.after(retry_all);
    // Once everything is final, only a retry changes anything.
    let data = fresh.data();
    let moving = Memo::new(move |_| data.with(|it| it.deliveries.iter().any(|it| !it.delivery.status.is_final())));
    fresh.when(move || if moving.get() { changes.get() } else { 0 });
    let routes = {
        let id = id.clone();
        use_fresh(routes, move || event_routes(project.id(), id.clone()))
    };
    routes.when(move || data.with(|it| it.deliveries.iter().map(|it| it.delivery.status).collect::<Vec<_>>()));

    let forwards = {
        let id = id.clone();
        use_fresh(forwards, move || event_forwards(project.id(), id.clone()))
    };
    forwards.when(move || changes.get());

    let is_duplicate = summary.duplicate_of.is_some();
    let status =
        Signal::derive(move || if is_duplicate { Status::Duplicate } else { event_status(data.with(|it| it.status)) });
    let may_write = project.may_write();
    let retryable =
        Memo::new(move |_| may_write && data.with(|it| it.deliveries.iter().any(|it| it.delivery.status.may_retry())));
    let crumb = untrack(|| list.with(|query| query.list(&project.id())));
    let event_id = Signal::stored(id);
    let actions = move || {
        move || {
            retryable.get().then(|| {
                view! {
                    <ActionForm action=retry_all>
                        <Hidden name="env" value=project.id()/>
                        <Hidden name="event" value=event_id/>
                        <Button submit=true icon=Icon::RotateCcw pending=retry_all.pending()>"Retry all"</Button>
                    </ActionForm>
                }
            })
        }
    };
    let body = StoredValue::new(content.body.clone());
    view! {
        <PageHeader
            title=event_title(&summary)
            crumbs=vec![Crumb::new("Events", crumb)]
            badge=move || view! { <StatusBadge status=status/> }
            actions=actions
        />
        <Outcome action=retry_all done="Asked again"/>
        <EventNotes content=content.clone()/>
        <EventFacts event=summary.clone() names=names.get_value()/>
        {(!is_duplicate).then(|| view! { <Deliveries event=summary.clone() fresh=fresh names=names body=body/> })}
        <EventForwards forwards=forwards.data()/>
        <EventRoutes event=summary.id routes=routes.data() names=names/>
        <EventTabs content=content/>
    }
    .into_any()
}

#[component]
fn Deliveries(
    event: EventSummary,
    fresh: Fresh<Progress>,
    names: StoredValue<Names>,
    body: StoredValue<Body>,
) -> impl IntoView {
    let project = use_project();
    let retry = use_action::<RetryDelivery>();
    let cancel = use_action::<CancelDelivery>();
    fresh.after(retry);
    fresh.after(cancel);
    let data = fresh.data();
    let none = Memo::new(move |_| data.with(|it| it.deliveries.is_empty()));
    let connect = paths::new_connection_from(project.id(), event.source_id);
    let may_write = project.may_write();
    view! {
        <section class="deliveries" aria-label="Deliveries">
            <h2>"Deliveries"</h2>
            <Outcome action=retry done="Asked again"/>
            <Outcome action=cancel done="Delivery cancelled"/>
            {move || {
                none.get().then(|| {
                    let connect = connect.clone();
                    view! {
                        <EmptyState
                            icon=Icon::Unplug
                            title="No route"
                            text="No connection led it on, so it went nowhere. It is stored."
                        >
                            {move || may_write.then(|| view! { <ButtonLink href=connect.clone() icon=Icon::Plus>"Connect the source"</ButtonLink> })}
                        </EmptyState>
                    }
                })
            }}
            <For each=move || data.get().deliveries key=|it| it.delivery.id let:first>
                {
                    let id = first.delivery.id;
                    let now = Signal::derive(move || data.with(|it| it.deliveries.iter().find(|it| it.delivery.id == id).cloned()));
                    view! { <DeliveryCard first=first now=now names=names body=body retry=retry cancel=cancel/> }
                }
            </For>
        </section>
    }
    .into_any()
}
