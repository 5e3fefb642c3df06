//! One replay: how far it is, what became of its deliveries, and what it was asked for.

use domain::{
    delivery::{Delivery, DeliveryStatus},
    page::Page,
    replay::{Replay, ReplayOutcome, ReplayStatus},
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::{new::LeftOut, progress_words};
use crate::{
    api::replays::{CancelReplay, ReplayWays, SetReplayStatus, find_replay, replay_choices, replay_deliveries},
    components::*,
    pages::{
        destinations::DeliveryTable,
        forms::{Hidden, Outcome, use_action},
        live::{use_changes, use_fresh},
        loaded::Loaded,
        project::{Project, use_param, use_project},
    },
    paths,
};

#[component]
pub fn ReplayPage() -> impl IntoView {
    let project = use_project();
    let id = use_param("replay_id");
    let query = use_query_map();
    let status = Memo::new(move |_| query.with(|query| query.get("status")).unwrap_or_default());
    let cursor = Memo::new(move |_| query.with(|query| query.get("cursor")));
    let found = Resource::new(move || id.get(), move |id| find_replay(project.id(), id));
    let deliveries = Resource::new(
        move || (id.get(), status.get(), cursor.get()),
        move |(id, status, cursor)| replay_deliveries(project.id(), id, status, cursor),
    );
    let choices = Resource::new(|| (), move |()| replay_choices(project.id()));
    view! {
        <Loaded
            load=move || async move { Ok((found.await?, deliveries.await?, choices.await?)) }
            children={move |(replay, deliveries, choices): (Replay, Page<Delivery>, ReplayWays)| {
                let (status, cursor) = (status.get_untracked(), cursor.get_untracked());
                view! { <ReplayDetail replay=replay deliveries=deliveries choices=choices status=status cursor=cursor/> }.into_any()
            }}
        />
    }
    .into_any()
}

#[component]
fn ReplayDetail(
    replay: Replay,
    deliveries: Page<Delivery>,
    choices: ReplayWays,
    status: String,
    cursor: Option<String>,
) -> impl IntoView {
    let project = use_project();
    let id = replay.id.to_string();
    let title = choices.words(&replay);
    let fresh = {
        let id = id.clone();
        use_fresh(replay.clone(), move || find_replay(project.id(), id.clone()))
    };
    let listed = {
        let (id, status, cursor) = (id.clone(), status.clone(), cursor.clone());
        use_fresh(deliveries, move || replay_deliveries(project.id(), id.clone(), status.clone(), cursor.clone()))
    };
    let (cancel, pause) = (use_action::<CancelReplay>(), use_action::<SetReplayStatus>());
    fresh.after(cancel);
    fresh.after(pause);
    let data = fresh.data();
    let goes_on =
        move || data.with(|it| !it.status.is_final() || it.outcome.as_ref().is_some_and(|outcome| outcome.open > 0));
    let changes = use_changes(goes_on);
    fresh.when(move || changes.get());
    listed.when(move || changes.get());
    let badge = Signal::derive(move || data.with(|replay| Status::from(replay.status)));
    view! {
        <PageHeader
            title=title
            crumbs=vec![Crumb::new("Replays", paths::replays(project.id()))]
            badge=move || view! { <StatusBadge status=badge/> }
            actions=move || view! { <ReplayActions project=project data=data cancel=cancel pause=pause/> }
        />
        <Outcome action=cancel done="Replay cancelled"/>
        <Outcome action=pause done="Saved"/>
        {move || {
            data.with(|replay| replay.error.clone())
                .map(|error| view! { <Alert tone=AlertTone::Danger title="This replay ended early">{sentence(&error)}</Alert> })
        }}
        <Way data=data/>
        <div class="columns-2">
            <Outcomes data=data/>
            <Asked replay=replay/>
        </div>
        <ReplayDeliveries id=id status=status listed=listed.data()/>
    }
    .into_any()
}

#[component]
fn ReplayActions(
    project: Project,
    data: RwSignal<Replay>,
    cancel: ServerAction<CancelReplay>,
    pause: ServerAction<SetReplayStatus>,
) -> impl IntoView {
    let may_write = project.may_write();
    let status = Memo::new(move |_| data.with(|replay| replay.status));
    let id = Signal::derive(move || data.with(|replay| replay.id.to_string()));
    move || {
        let status: ReplayStatus = status.get();
        if !may_write || status.is_final() {
            return ().into_any();
        }
        let (next, icon, words) =
            if status.may_resume() { ("running", Icon::Play, "Resume") } else { ("paused", Icon::Pause, "Pause") };
        view! {
            <ActionForm action=pause>
                <Hidden name="env" value=project.id()/>
                <Hidden name="replay" value=id/>
                <Hidden name="status" value=next.to_owned()/>
                <Button submit=true icon=icon pending=pause.pending()>{words}</Button>
            </ActionForm>
            <ActionForm action=cancel>
                <Confirm id="cancel-replay" trigger="Cancel" title="Cancel this replay?" action="Cancel the replay" icon=Icon::Ban pending=cancel.pending()>
                    <Hidden name="env" value=project.id()/>
                    <Hidden name="replay" value=id/>
                    <p>"Nothing more is sent, and what is queued is withdrawn. What was sent stays sent."</p>
                </Confirm>
            </ActionForm>
        }
        .into_any()
    }
}

/// How far it is.
#[component]
fn Way(data: RwSignal<Replay>) -> impl IntoView {
    let share = Signal::derive(move || data.with(|replay| replay.progress));
    let words = Signal::derive(move || data.with(progress_words));
    let stat = move |of: fn(&Replay) -> u64| Signal::derive(move || count(data.with(of)));
    let counts = Memo::new(move |_| data.with(|replay| replay.counts));
    view! {
        <Card title="Progress">
            <div class="stack">
                <ProgressBar share=share label="Progress of the replay" words=words/>
                <Stats>
                    <Stat label="Events looked at" value=stat(|replay| replay.counts.events)/>
                    <Stat label="Events that fit" value=stat(|replay| replay.counts.matched)/>
                    <Stat label="Deliveries made" value=stat(|replay| replay.counts.deliveries)/>
                </Stats>
                {move || view! { <LeftOut counts=counts.get()/> }}
            </div>
        </Card>
    }
    .into_any()
}

/// What became of its deliveries.
#[component]
fn Outcomes(data: RwSignal<Replay>) -> impl IntoView {
    let outcome = Memo::new(move |_| data.with(|replay| replay.outcome.unwrap_or_default()));
    let figure = move |of: fn(&ReplayOutcome) -> u64| {
        move || {
            let outcome = outcome.get();
            let more = if outcome.is_complete { "" } else { "+" };
            format!("{}{more}", count(of(&outcome)))
        }
    };
    view! {
        <Card title="Its deliveries">
            <Facts>
                <Fact label="Succeeded"><span class="num">{figure(|outcome| outcome.succeeded)}</span></Fact>
                <Fact label="Still to be made"><span class="num">{figure(|outcome| outcome.open)}</span></Fact>
                <Fact label="Failed"><span class="num">{figure(|outcome| outcome.failed)}</span></Fact>
                <Fact label="Cancelled"><span class="num">{figure(|outcome| outcome.cancelled)}</span></Fact>
            </Facts>
        </Card>
    }
    .into_any()
}

/// What it was asked for.
#[component]
fn Asked(replay: Replay) -> impl IntoView {
    let filter = replay.filter.as_ref().map(|filter| filter.to_json().to_string());
    let finished = replay.finished_at;
    view! {
        <Card title="Asked for">
            <Facts>
                <Fact label="Received from"><RelativeTime at=replay.from/></Fact>
                <Fact label="Up to"><RelativeTime at=replay.to/></Fact>
                {filter.map(|filter| view! { <Fact label="Filter"><code class="mono replay-filter">{filter}</code></Fact> })}
                {replay.rate_per_second.map(|rate| view! { <Fact label="At most">{format!("{} deliveries a second", count(rate.into()))}</Fact> })}
                {replay.limit.map(|limit| view! { <Fact label="No more than">{format!("{} events", count(limit.into()))}</Fact> })}
                {replay.include_duplicates.then(|| view! { <Fact label="Duplicates">"sent as well"</Fact> })}
                <Fact label="Made"><RelativeTime at=replay.created_at/></Fact>
                {finished.map(|at| view! { <Fact label="Ended"><RelativeTime at=at/></Fact> })}
                <Fact label="Id"><Id value=replay.id.to_string()/></Fact>
            </Facts>
        </Card>
    }
    .into_any()
}

#[component]
fn ReplayDeliveries(id: String, status: String, listed: RwSignal<Page<Delivery>>) -> impl IntoView {
    let project = use_project();
    let here = paths::replay(project.id(), &id);
    let address = {
        let here = here.clone();
        move |status: &str| if status.is_empty() { here.clone() } else { format!("{here}?status={status}") }
    };
    let chips: Vec<_> =
        [DeliveryStatus::Succeeded, DeliveryStatus::Waiting, DeliveryStatus::Failed, DeliveryStatus::Cancelled]
            .into_iter()
            .map(|it| {
                let active = status == it.as_str();
                let href = address(if active { "" } else { it.as_str() });
                let shown = Status::from(it);
                view! { <Chip href=href active=active tone=shown.tone()>{shown.word()}</Chip> }
            })
            .collect();
    let here = address(&status);
    let shown = Signal::derive(move || listed.with(|page| page.data.clone()));
    let none = Memo::new(move |_| listed.with(|page| page.data.is_empty()));
    let next = Signal::derive(move || listed.with(|page| paths::after(&here, page.next_cursor.as_deref())));
    let has_more = Signal::derive(move || listed.with(|page| page.has_more));
    let counted = Signal::derive(move || super::super::counted(shown.with(Vec::len) as u64, "row"));
    view! {
        <Chips label="Status of deliveries">{chips}</Chips>
        <Card title="Deliveries, newest first" flush=true>
            {move || {
                if none.get() {
                    view! { <p class="card-note">"None of these yet."</p> }.into_any()
                } else {
                    view! {
                        <DeliveryTable project=project deliveries=shown keys=false/>
                        <LoadMore href=next has_more=has_more shown=counted/>
                    }
                        .into_any()
                }
            }}
        </Card>
    }
    .into_any()
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| format!("{}{}.", first.to_uppercase(), letters.as_str())).unwrap_or_default()
}
