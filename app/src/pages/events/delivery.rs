//! A delivery with its attempts.

use domain::{
    delivery::{Attempt, AttemptStatus, DeliveryStatus},
    id::DeliveryId,
};
use leptos::prelude::*;

use super::curl::curl;
use crate::{
    api::{
        events::{Body, CancelDelivery, DeliveryProgress, RetryDelivery},
        names::Names,
    },
    components::*,
    pages::{
        forms::Hidden,
        project::{Project, use_project},
    },
    paths,
};

/// The card of one delivery. What changes in it changes in place: an attempt that is open stays open.
#[component]
pub fn DeliveryCard(
    first: DeliveryProgress,
    #[prop(into)] now: Signal<Option<DeliveryProgress>>,
    names: StoredValue<Names>,
    body: StoredValue<Body>,
    retry: ServerAction<RetryDelivery>,
    cancel: ServerAction<CancelDelivery>,
) -> impl IntoView {
    let project = use_project();
    let (id, destination) = (first.delivery.id, first.delivery.destination_id);
    let title = names.with_value(|names| names.destination(destination));
    let now = Memo::new(move |_| now.get().unwrap_or_else(|| first.clone()));
    let status = Memo::new(move |_| now.with(|it| it.delivery.status));
    let issue = Memo::new(move |_| now.with(|it| it.delivery.issue_id));
    let next =
        Signal::derive(move || now.with(|it| it.delivery.next_attempt_at.filter(|_| !it.delivery.status.is_final())));
    let attempts = Signal::derive(move || now.with(|it| it.attempts.clone()));
    let marks = Signal::derive(move || attempts.with(|attempts| attempts.iter().map(mark).collect::<Vec<_>>()));
    let badge = Signal::derive(move || Status::from(status.get()));
    let count = move || match now.with(|it| it.delivery.attempt_count) {
        0 => "no attempt yet".to_owned(),
        1 => "1 attempt".to_owned(),
        count => format!("{count} attempts"),
    };
    view! {
        <article class="delivery">
            <header class="delivery-head">
                <h3>
                    <Glyph icon=Icon::ArrowRight size=16/>
                    <a href=paths::destination(project.id(), destination)>{title}</a>
                </h3>
                <StatusBadge status=badge/>
                <span class="muted num">{count}</span>
                {move || next.get().map(|at| view! { <span class="muted">"next try " <RelativeTime at=at/></span> })}
                <DeliveryActions project=project id=id status=status retry=retry cancel=cancel/>
            </header>
            {move || {
                explain(status.get())
                    .map(|text| {
                        let issue = issue.get().filter(|_| status.get() == DeliveryStatus::Failed);
                        let link = issue.map(|issue| view! { " " <a href=paths::issue(project.id(), issue)>"See its issue"</a> });
                        view! { <p class="delivery-note">{text} {link}</p> }
                    })
            }}
            <AttemptTimeline attempts=marks next_retry_at=next/>
            <For each=move || attempts.get() key=|attempt| attempt.id let:attempt>
                <AttemptRow attempt=mark(&attempt)>
                    <AttemptExchange attempt=attempt body=body/>
                </AttemptRow>
            </For>
        </article>
    }
    .into_any()
}

#[component]
fn DeliveryActions(
    project: Project,
    id: DeliveryId,
    status: Memo<DeliveryStatus>,
    retry: ServerAction<RetryDelivery>,
    cancel: ServerAction<CancelDelivery>,
) -> impl IntoView {
    let may_write = project.may_write();
    let retryable = Memo::new(move |_| may_write && status.get().may_retry());
    let cancellable = Memo::new(move |_| may_write && status.get().may_cancel());
    view! {
        <div class="delivery-actions">
            {move || {
                cancellable.get().then(|| {
                    view! {
                        <ActionForm action=cancel>
                            <Hidden name="env" value=project.id()/>
                            <Hidden name="delivery" value=id.to_string()/>
                            <Button submit=true kind=ButtonKind::Ghost size=ButtonSize::Small icon=Icon::Ban pending=cancel.pending()>"Cancel"</Button>
                        </ActionForm>
                    }
                })
            }}
            {move || {
                retryable.get().then(|| {
                    view! {
                        <ActionForm action=retry>
                            <Hidden name="env" value=project.id()/>
                            <Hidden name="delivery" value=id.to_string()/>
                            <Button submit=true size=ButtonSize::Small icon=Icon::RotateCcw pending=retry.pending()>"Retry"</Button>
                        </ActionForm>
                    }
                })
            }}
        </div>
    }
    .into_any()
}

/// What a state means where its word does not say it.
const fn explain(status: DeliveryStatus) -> Option<&'static str> {
    match status {
        DeliveryStatus::Failed => Some("Out of attempts. Nothing more happens by itself; a retry tries once more."),
        DeliveryStatus::Held => Some("Held while the connection or the destination is paused."),
        DeliveryStatus::Skipped => Some("Not sent: the connection did not want this event."),
        _ => None,
    }
}

/// What was sent and what came back.
#[component]
pub fn AttemptExchange(attempt: Attempt, body: StoredValue<Body>) -> impl IntoView {
    let command = body.with_value(|body| curl(&attempt.request, body));
    let Attempt { request, response_status, response_headers, response_body, error, error_class, .. } = attempt;
    let sent = move || {
        view! {
            <p class="exchange-line mono">{request.method} " " {request.url}</p>
            {command.map(|command| view! { <CopyButton text=command label="Copy as cURL" said="Command copied" word=true/> })}
            <HeaderList headers=request.headers/>
            <p class="muted">"The body is that of the event, or what the connection's transform made of it."</p>
        }
    };
    let answered = move || {
        view! {
            {error
                .map(|error| {
                    let class = error_class.map(|class| view! { <Tag tone=Tone::Failed>{class.as_str()}</Tag> });
                    view! { <p class="exchange-line">{class} " " {error}</p> }
                })}
            {response_status.map(|code| view! { <p class="exchange-line">"Status " <HttpCode code=code/></p> })}
            {response_headers.map(|headers| view! { <HeaderList headers=headers/> })}
            {response_body
                .map(|body| {
                    if body.is_empty() {
                        view! { <p class="muted">"The body is empty."</p> }.into_any()
                    } else {
                        view! { <CodeBlock title="Body" code=body bounded=true wrap=true/> }.into_any()
                    }
                })}
        }
    };
    view! { <Exchange request=sent answer=answered/> }.into_any()
}

fn mark(attempt: &Attempt) -> AttemptMark {
    AttemptMark {
        number: attempt.attempt_number,
        trigger: attempt.trigger.as_str().to_owned(),
        started_at: attempt.started_at,
        latency_ms: Some(attempt.latency_ms.into()),
        succeeded: attempt.status == AttemptStatus::Succeeded,
        response_status: attempt.response_status,
        error: attempt.error.clone(),
    }
}
