//! The list of replays. Its first page keeps up with them.

use domain::{page::Page, replay::Replay};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::progress_words;
use crate::{
    api::replays::{ReplayWays, replay_choices, replays},
    components::*,
    pages::{
        counted,
        live::{use_changes, use_fresh},
        loaded::Loaded,
        project::{Project, use_project},
    },
    paths,
};

#[component]
pub fn ReplaysPage() -> impl IntoView {
    let project = use_project();
    let query = use_query_map();
    let cursor = Memo::new(move |_| query.with(|query| query.get("cursor")));
    let page = Resource::new(move || cursor.get(), move |cursor| replays(project.id(), cursor));
    let choices = Resource::new(|| (), move |()| replay_choices(project.id()));
    view! {
        <PageHeader
            title="Replays"
            subtitle="A replay sends stored events again, through one connection or all, as the connections are now."
            actions=move || view! { <NewReplay project=project/> }
        />
        <Loaded
            load=move || async move { Ok((page.await?, choices.await?)) }
            skeleton=|| view! { <SkeletonTable/> }
            children={move |(page, choices): (Page<Replay>, ReplayWays)| {
                if page.data.is_empty() {
                    return view! { <NoReplays project=project/> }.into_any();
                }
                view! { <ReplayList page=page choices=choices cursor=cursor.get_untracked()/> }.into_any()
            }}
        />
    }
    .into_any()
}

#[component]
fn NewReplay(project: Project) -> impl IntoView {
    let may_write = project.may_write();
    move || {
        may_write.then(|| {
            view! {
                <ButtonLink href=paths::new_replay(project.id()) kind=ButtonKind::Primary icon=Icon::RotateCcw>
                    "New replay"
                </ButtonLink>
            }
        })
    }
}

#[component]
fn NoReplays(project: Project) -> impl IntoView {
    view! {
        <EmptyState
            icon=Icon::RotateCcw
            title="No replay yet"
            text="Was a receiver down, or is a connection new? A replay sends what was stored once more, and counts first what that would be."
        >
            <NewReplay project=project/>
        </EmptyState>
    }
    .into_any()
}

#[component]
fn ReplayList(page: Page<Replay>, choices: ReplayWays, cursor: Option<String>) -> impl IntoView {
    let project = use_project();
    let shown = counted(page.data.len() as u64, "replay");
    let next = paths::after(&paths::replays(project.id()), page.next_cursor.as_deref());
    let has_more = page.has_more;
    let fresh = use_fresh(page, move || replays(project.id(), cursor.clone()));
    let changes = use_changes(move || fresh.data().with(|page| page.data.iter().any(|it| !it.status.is_final())));
    fresh.when(move || changes.get());
    let choices = StoredValue::new(choices);
    let columns = vec![
        Column::new("Sends").grow(),
        Column::new("Status").fit(),
        Column::new("Progress").fit(),
        Column::new("Deliveries").fit().end(),
        Column::new("Started").fit(),
    ];
    view! {
        <Card flush=true>
            <Table label="Replays" columns=columns>
                <For
                    each=move || fresh.data().with(|page| page.data.clone())
                    key=|replay| (replay.id, replay.status, replay.counts.events, replay.counts.deliveries)
                    let:replay
                >
                    {row(project, &replay, choices)}
                </For>
            </Table>
            <LoadMore href=next has_more=has_more shown=shown/>
        </Card>
    }
    .into_any()
}

fn row(project: Project, replay: &Replay, choices: StoredValue<ReplayWays>) -> AnyView {
    let status = Status::from(replay.status);
    let name = choices.with_value(|choices| choices.words(replay));
    let words = progress_words(replay);
    let &Replay { id, progress, counts, created_at, .. } = replay;
    view! {
        <TableRow>
            <Cell label="Sends" lead=true grow=true>
                <RowLink href=paths::replay(project.id(), id)>{name}</RowLink>
            </Cell>
            <Cell label="Status" fit=true><StatusBadge status=status plain=true/></Cell>
            <Cell label="Progress" fit=true><ProgressBar share=progress label="Progress" words=words/></Cell>
            <Cell label="Deliveries" fit=true end=true>{count(counts.deliveries)}</Cell>
            <Cell label="Started" fit=true><RelativeTime at=created_at quiet=true/></Cell>
        </TableRow>
    }
    .into_any()
}
