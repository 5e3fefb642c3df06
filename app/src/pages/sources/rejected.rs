//! What a source refused, and why: the answer to "why did my webhook not arrive?".

use domain::{
    rejection::{RejectedRequest, RejectionReason},
    source::Source,
};
use leptos::prelude::*;

use crate::{
    api::sources::{ReplayRejected, find_source, rejected_requests},
    components::*,
    pages::{
        forms::{Hidden, Outcome, use_action},
        live::{use_changes, use_fresh},
        loaded::Loaded,
        project::{use_param, use_project},
    },
    paths,
};

/// A reason in two words.
pub(super) const fn reason_words(reason: RejectionReason) -> &'static str {
    match reason {
        RejectionReason::TooLarge => "Too large",
        RejectionReason::RateLimited => "Rate limited",
        RejectionReason::IpDenied => "Address refused",
        RejectionReason::IpNotAllowed => "Address not allowed",
        RejectionReason::Unverified => "Not verified",
        RejectionReason::Repeated => "Sent before",
        RejectionReason::SchemaInvalid => "Schema not met",
    }
}

/// What the owner may do about it.
const fn advice(reason: RejectionReason) -> &'static str {
    match reason {
        RejectionReason::TooLarge => {
            "The server takes no larger bodies. Whoever runs it can change that with HOOKSTREAM_MAX_BODY."
        }
        RejectionReason::RateLimited => {
            "The sender was told when to try again. The limit can be changed on the edit page of the source."
        }
        RejectionReason::IpDenied | RejectionReason::IpNotAllowed => {
            "If it is the provider's address, change the address rules, then take the request in again."
        }
        RejectionReason::Unverified => {
            "Compare the secret here with the one at the provider. Once it is right, take the request in again."
        }
        RejectionReason::Repeated => {
            "The provider signs each request once. Somebody sent a copy of one that had come already."
        }
        RejectionReason::SchemaInvalid => {
            "Change the schema if it asks for too much, or let it warn only, then take the request in again."
        }
    }
}

#[component]
pub fn RejectedRequestsPage() -> impl IntoView {
    let project = use_project();
    let id = use_param("source_id");
    let key = move || (project.id(), id.get());
    let found = Resource::new(key, |(env, id)| find_source(env, id));
    let rejected = Resource::new(key, |(env, id)| rejected_requests(env, id));
    view! {
        <Loaded
            load=move || async move { Ok((found.await?, rejected.await?)) }
            children={|(source, rejected): (Source, Vec<RejectedRequest>)| {
                view! { <RejectedRequests source=source rejected=rejected/> }.into_any()
            }}
        />
    }
    .into_any()
}

#[component]
fn RejectedRequests(source: Source, rejected: Vec<RejectedRequest>) -> impl IntoView {
    let project = use_project();
    let id = source.id.to_string();
    let replay = use_action::<ReplayRejected>();
    let fresh = {
        let id = id.clone();
        use_fresh(rejected, move || rejected_requests(project.id(), id.clone()))
    };
    let changes = use_changes(|| true);
    fresh.when(move || changes.get());
    fresh.after(replay);
    let data = fresh.data();
    let none = Memo::new(move |_| data.with(Vec::is_empty));
    let crumbs = vec![
        Crumb::new("Sources", paths::sources(project.id())),
        Crumb::new(source.name.clone(), paths::source(project.id(), &id)),
    ];
    view! {
        <PageHeader
            title="Refused requests"
            subtitle="The last 100 of a day, with what was expected and what came instead."
            crumbs=crumbs
        />
        <Outcome action=replay done="Taken in"/>
        {move || {
            if none.get() {
                view! {
                    <EmptyState
                        icon=Icon::ShieldCheck
                        title="Nothing was refused"
                        text="When a request to this source does not pass a check, it shows here with the reason, for 24 hours."
                    />
                }
                    .into_any()
            } else {
                let rows = move || {
                    view! {
                        <For each=move || data.get() key=|request| request.id let:request>
                            <RejectedRow request=request replay=replay/>
                        </For>
                    }
                };
                view! { <Card flush=true>{rows()}</Card> }.into_any()
            }
        }}
    }
    .into_any()
}

#[component]
fn RejectedRow(request: RejectedRequest, replay: ServerAction<ReplayRejected>) -> impl IntoView {
    let line = format!("{} {}", request.method, request.path);
    let message = request.detail.message.clone();
    view! {
        <details class="attempt" data-tone="failed">
            <summary>
                <span class="attempt-arrow"><Glyph icon=Icon::ChevronRight size=14/></span>
                <HttpCode code=request.status/>
                <Tag>{reason_words(request.reason)}</Tag>
                <span class="attempt-said">{message}</span>
                <span class="attempt-time"><RelativeTime at=request.at quiet=true/></span>
            </summary>
            <div class="attempt-body stack">
                <RejectedFacts request=request.clone() line=line/>
                <h3>"Headers"</h3>
                <HeaderList headers=request.headers.clone()/>
                <h3>"Body"</h3>
                {match request.body.clone() {
                    Some(body) if body.is_empty() => view! { <p class="muted">"It had none."</p> }.into_any(),
                    Some(body) => view! { <CodeBlock code=body language=Language::Json wrap=true bounded=true/> }.into_any(),
                    None => view! { <p class="muted">"It was not kept: it was not read, or it is too large."</p> }.into_any(),
                }}
                <TakeIn request=request replay=replay/>
            </div>
        </details>
    }
    .into_any()
}

#[component]
fn RejectedFacts(request: RejectedRequest, line: String) -> impl IntoView {
    let RejectedRequest { detail, source_ip, reason, query, .. } = request;
    let errors: Vec<_> = detail
        .schema_errors
        .into_iter()
        .map(|error| {
            let place = if error.pointer.is_empty() { "(the whole body)".to_owned() } else { error.pointer };
            view! { <li><code>{place}</code> " " {error.message}</li> }
        })
        .collect();
    view! {
        <p>{advice(reason)}</p>
        <Facts>
            {detail.expected.map(|expected| view! { <Fact label="Expected"><span class="lines">{expected}</span></Fact> })}
            {detail.seen.map(|seen| view! { <Fact label="Seen"><span class="mono lines">{seen}</span></Fact> })}
            {(!errors.is_empty()).then(|| view! { <Fact label="Schema"><ul class="plain-list">{errors}</ul></Fact> })}
            <Fact label="Request"><span class="mono">{line}</span></Fact>
            {query.map(|query| view! { <Fact label="Query"><span class="mono lines">{query}</span></Fact> })}
            <Fact label="From"><span class="mono">{source_ip.unwrap_or_else(|| "–".to_owned())}</span></Fact>
            <Fact label="Id"><Id value=request.id.to_string()/></Fact>
        </Facts>
    }
    .into_any()
}

#[component]
fn TakeIn(request: RejectedRequest, replay: ServerAction<ReplayRejected>) -> impl IntoView {
    let project = use_project();
    let may = request.can_be_replayed && project.may_write();
    may.then(|| {
        view! {
            <ActionForm action=replay>
                <Hidden name="env" value=project.id()/>
                <Hidden name="source" value=request.source_id.to_string()/>
                <Hidden name="request" value=request.id.to_string()/>
                <Button submit=true icon=Icon::RotateCcw pending=replay.pending()>"Take in again"</Button>
            </ActionForm>
        }
    })
}
