//! The audit log of the organization, with its filters in the address.

use domain::{
    audit::{Action, ActorKind, AuditEntry},
    page::Page,
    permission::Permission,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use serde::{Deserialize, Serialize};

use super::SettingsHeader;
use crate::{
    api::{
        ApiError,
        audit::{AuditQuery, audit_entries},
        events::RANGES,
        team::list_team,
    },
    components::*,
    pages::{
        forms::Hidden,
        loaded::{Failure, Loaded},
        project::{use_project, use_viewer},
    },
    paths,
};

/// The entries, and the people that they can be filtered by: id and name.
#[derive(Clone, Serialize, Deserialize)]
struct Found {
    query: AuditQuery,
    page: Page<AuditEntry>,
    people: Vec<(String, String)>,
}

#[component]
pub fn AuditLogPage() -> impl IntoView {
    let project = use_project();
    if !project.may(Permission::ReadAuditLog) {
        return view! { <Failure error=ApiError::Forbidden/> }.into_any();
    }
    let params = use_query_map();
    let found = Resource::new(
        move || params.with(|params| (AuditQuery::from_params(params), params.get("cursor"))),
        move |(query, cursor)| async move {
            let page = audit_entries(project.org(), query.clone(), cursor).await?;
            let people = list_team(project.org()).await?.members.into_iter();
            let people = people.map(|member| (member.user_id.to_string(), member.name)).collect();
            Ok::<_, ApiError>(Found { query, page, people })
        },
    );
    view! {
        <SettingsHeader current="audit-log"/>
        <Loaded
            load=move || async move { found.await }
            skeleton=|| view! { <SkeletonTable/> }
            children={move |found: Found| {
                let Found { query, page, people } = found;
                let next = paths::after(&query.list(&project.id()), page.next_cursor.as_deref());
                let shown = match page.data.len() {
                    1 => "1 entry".to_owned(),
                    more => format!("{more} entries"),
                };
                let is_empty = page.data.is_empty();
                let entries: Vec<_> = page.data.into_iter().map(|entry| entry_view(&query, entry)).collect();
                view! {
                    <Filters query=query.clone() people=people/>
                    {if is_empty {
                        view! { <Card><NoEntry query=query/></Card> }.into_any()
                    } else {
                        view! {
                            <Card flush=true>
                                <div class="audit">{entries}</div>
                                <LoadMore href=next has_more=page.has_more shown=shown/>
                            </Card>
                        }
                            .into_any()
                    }}
                }
                .into_any()
            }}
        />
    }
    .into_any()
}

#[component]
fn Filters(query: AuditQuery, people: Vec<(String, String)>) -> impl IntoView {
    let project = use_project();
    let env = project.id();
    let mut kinds: Vec<&str> =
        Action::ALL.iter().filter_map(|action| action.as_str().split_once('.')).map(|(kind, _)| kind).collect();
    kinds.dedup();
    let kinds = kinds.into_iter().map(|kind| (kind.to_owned(), kind.replace('_', " "))).collect();
    let projects = use_viewer().data().with_untracked(|viewer| {
        let own = viewer.projects.iter().filter(|other| other.org_id.to_string() == project.org());
        own.map(|other| (other.id.to_string(), other.name.clone())).collect::<Vec<_>>()
    });
    let ranges = RANGES.iter().map(|(word, label, _)| ((*word).to_owned(), (*label).to_owned())).collect();
    let target = (!query.target.is_empty()).then(|| {
        let clear = query.with(|query| query.target.clear()).list(&env);
        view! { <ChipMenu label="Target" value=shortened(&query.target) clear=clear><span></span></ChipMenu> }
    });
    let (days, export) = (query.clone(), query.export(&project.org()));
    view! {
        <div class="audit-filters">
            <Chips label="Filters">
                <FilterMenu label="Actor" query=query.clone() chosen=query.actor.clone() choices=people set=|query, value| query.actor = value/>
                <FilterMenu label="Action" query=query.clone() chosen=query.action.clone() choices=kinds set=|query, value| query.action = value/>
                <FilterMenu label="Project" query=query.clone() chosen=query.project.clone() choices=projects set=|query, value| query.project = value/>
                <FilterMenu label="Time" query=query.clone() chosen=query.range.clone() choices=ranges set=|query, value| query.range = value/>
                {target}
                {(!query.is_empty()).then(|| view! { <a class="chips-clear" href=paths::audit_log(&env)>"Clear all"</a> })}
            </Chips>
            <Days query=days/>
            <ButtonLink href=export icon=Icon::Download attr:rel="external" attr:download="audit-log.csv">"Export CSV"</ButtonLink>
        </div>
    }
    .into_any()
}

/// From a day to a day, as a form that any browser sends.
#[component]
fn Days(query: AuditQuery) -> impl IntoView {
    let env = use_project().id();
    let kept: Vec<_> = query
        .pairs()
        .into_iter()
        .filter(|(name, value)| !matches!(*name, "after" | "before") && !value.is_empty())
        .map(|(name, value)| view! { <Hidden name=name value=value.to_owned()/> })
        .collect();
    view! {
        <form class="audit-days" method="get" action=paths::audit_log(env)>
            {kept}
            <label>"From" <input class="input" type="date" name="after" value=query.after.clone()/></label>
            <label>"Before" <input class="input" type="date" name="before" value=query.before.clone()/></label>
            <Button submit=true size=ButtonSize::Small>"Show"</Button>
        </form>
    }
    .into_any()
}

/// A filter by one of several values: value and label.
#[component]
fn FilterMenu(
    label: &'static str,
    query: AuditQuery,
    chosen: String,
    choices: Vec<(String, String)>,
    set: fn(&mut AuditQuery, String),
) -> impl IntoView {
    let env = use_project().id();
    let clear = query.with(|query| set(query, String::new())).list(&env);
    let known = choices.iter().find(|(value, _)| *value == chosen).map(|(_, label)| label.clone());
    // What is filtered by and has no name here can still be removed.
    let value = known.or_else(|| (!chosen.is_empty()).then(|| shortened(&chosen)));
    let links: Vec<_> = choices
        .into_iter()
        .map(|(value, label)| {
            let active = value == chosen;
            let href = query.with(|query| set(query, value)).list(&env);
            view! { <MenuLink href=href active=active>{label}</MenuLink> }
        })
        .collect();
    view! { <ChipMenu label=label value=value clear=clear>{links}</ChipMenu> }.into_any()
}

fn entry_view(query: &AuditQuery, entry: AuditEntry) -> impl IntoView + use<> {
    let env = use_project().id();
    let only = |change: &dyn Fn(&mut AuditQuery)| query.with(|query| change(query)).list(&env);
    let by_actor = entry.actor.id.clone().map(|id| only(&|query| query.actor.clone_from(&id)));
    let by_action = only(&|query| query.action.clone_from(&entry.action));
    let by_target = entry.target.id.clone().map(|id| only(&|query| query.target.clone_from(&id)));
    let icon = match entry.actor.kind {
        ActorKind::User => Icon::User,
        ActorKind::ApiKey => Icon::Key,
        ActorKind::System => Icon::Settings,
    };
    let text = |value: Option<&serde_json::Value>| value.map(ToString::to_string).unwrap_or_default();
    let (before, after) = (text(entry.before.as_ref()), text(entry.after.as_ref()));
    let has_changes = !before.is_empty() || !after.is_empty();
    let kind = entry.target.kind.replace('_', " ");
    view! {
        <details class="audit-entry">
            <summary>
                <span class="audit-actor"><Glyph icon=icon/><span>{entry.actor.name.clone()}</span></span>
                <span class="audit-action mono">{entry.action.clone()}</span>
                <span class="audit-target">{entry.target.name.clone()}</span>
                <RelativeTime at=entry.at quiet=true/>
            </summary>
            <div class="audit-more">
                <Facts columns=true>
                    <Fact label="Actor">{entry.actor.name} {entry.actor.id.map(|id| view! { <Id value=id/> })}</Fact>
                    <Fact label="Target">{kind} ": " {entry.target.name} {entry.target.id.map(|id| view! { <Id value=id/> })}</Fact>
                    <Fact label="Address">{entry.address.map_or_else(|| "–".to_owned(), |address| address.to_string())}</Fact>
                    <Fact label="Project">{entry.env_id.map_or_else(|| view! { "–" }.into_any(), |id| view! { <Id value=id.to_string()/> }.into_any())}</Fact>
                    <Fact label="Time">{exact(entry.at)}</Fact>
                </Facts>
                {has_changes.then(|| view! { <DiffView before=before after=after/> })}
                <p class="audit-only">
                    "Show only: "
                    {by_actor.map(|href| view! { <a href=href>"this actor"</a> " · " })}
                    <a href=by_action>"this action"</a>
                    {by_target.map(|href| view! { " · " <a href=href>"this target"</a> })}
                </p>
            </div>
        </details>
    }
    .into_any()
}

#[component]
fn NoEntry(query: AuditQuery) -> impl IntoView {
    let env = use_project().id();
    if query.is_empty() {
        return view! {
            <EmptyState icon=Icon::Clock title="Nothing has been changed yet" text="Every change of the organization and its projects is written here, with who made it and from where, and kept for a year."/>
        }
        .into_any();
    }
    view! {
        <EmptyState icon=Icon::ListFilter title="No entry matches" text="No entry of this organization has all of these properties.">
            <ButtonLink href=paths::audit_log(&env)>"Clear all filters"</ButtonLink>
        </EmptyState>
    }
    .into_any()
}
