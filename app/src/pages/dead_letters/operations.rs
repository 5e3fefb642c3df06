//! Bulk operations while they run, and for a while after.

use domain::bulk::{BulkKind, BulkOperation, BulkStatus};
use leptos::prelude::*;

use crate::{
    api::dead_letters::{CancelOperation, ChangeDeadLetters},
    components::*,
    pages::{
        counted,
        forms::{Hidden, Outcome, use_action},
        project::use_project,
    },
};

/// What an operation has done: "12 deliveries queued".
fn done_words(operation: &BulkOperation) -> String {
    let verb = match operation.kind {
        BulkKind::Retry => "queued",
        BulkKind::Purge => "purged",
    };
    format!("{} {verb}", counted(operation.done, "delivery").replace("deliverys", "deliveries"))
}

const fn status_of(status: BulkStatus) -> Status {
    match status {
        BulkStatus::Running => Status::Running,
        BulkStatus::Completed => Status::Completed,
        BulkStatus::Cancelled => Status::Cancelled,
    }
}

/// A toast when an operation has begun, a banner when it was refused.
#[component]
pub fn BulkOutcome(action: ServerAction<ChangeDeadLetters>) -> impl IntoView {
    let toasts = use_toasts();
    Effect::new(move |_| {
        action.value().with(|value| {
            if let Some(Ok(operation)) = value {
                match operation.status {
                    BulkStatus::Running => toasts.say("Begun: the rest follows in the background"),
                    BulkStatus::Completed | BulkStatus::Cancelled => toasts.say(done_words(operation)),
                }
            }
        });
    });
    move || {
        let refused = action.value().with(|value| value.as_ref().and_then(|value| value.as_ref().err().cloned()));
        refused.map(|error| {
            let text = match &error {
                crate::api::ApiError::Invalid(errors) => {
                    errors.at("form").map_or_else(|| errors.to_string(), |message| format!("The request {message}."))
                }
                other => other.to_string(),
            };
            view! { <Alert tone=AlertTone::Danger title="That was not done">{text}</Alert> }
        })
    }
}

/// Those that run or ended a moment ago, with how far they have come.
#[component]
pub fn Operations(#[prop(into)] operations: Signal<Vec<BulkOperation>>) -> impl IntoView {
    let cancel = use_action::<CancelOperation>();
    let any = Memo::new(move |_| operations.with(|operations| !operations.is_empty()));
    view! {
        <Outcome action=cancel done="Cancelled"/>
        {move || {
            any.get()
                .then(|| {
                    view! {
                        <Card title="Bulk operations" flush=true>
                            <ul class="operations">
                                <For each=move || operations.get() key=|it| it.id let:first>
                                    {operation_row(first, operations, cancel)}
                                </For>
                            </ul>
                        </Card>
                    }
                })
        }}
    }
    .into_any()
}

fn operation_row(
    first: BulkOperation,
    operations: Signal<Vec<BulkOperation>>,
    cancel: ServerAction<CancelOperation>,
) -> impl IntoView {
    let project = use_project();
    let may_write = project.may_write();
    let id = first.id;
    let kind = match first.kind {
        BulkKind::Retry => "Retry",
        BulkKind::Purge => "Purge",
    };
    let created_at = first.created_at;
    // What changes in it changes in place.
    let now = Memo::new(move |_| {
        operations.with(|all| all.iter().find(|it| it.id == id).cloned()).unwrap_or_else(|| first.clone())
    });
    let status = Signal::derive(move || status_of(now.with(|it| it.status)));
    let runs = Memo::new(move |_| now.with(|it| it.status == BulkStatus::Running));
    let words = move || {
        now.with(|it| {
            let of = match it.total {
                Some(total) if it.status != BulkStatus::Completed => format!(" of {}", count(total)),
                None if it.status != BulkStatus::Completed => {
                    format!(" of more than {}", count(BulkOperation::COUNTED.into()))
                }
                _ => String::new(),
            };
            let skipped = if it.skipped == 0 { String::new() } else { format!(", {} left alone", count(it.skipped)) };
            format!("{}{of}{skipped}", done_words(it))
        })
    };
    let percent = move || now.with(|it| it.percent().map(|percent| percent.to_string()));
    view! {
        <li class="operation">
            <span class="operation-kind">{kind}</span>
            <StatusBadge status=status plain=true/>
            <progress class="progress" max="100" value=percent aria-label=format!("{kind}: progress")></progress>
            <span class="operation-words num" role="status">{words}</span>
            <RelativeTime at=created_at quiet=true/>
            {move || {
                (may_write && runs.get())
                    .then(|| {
                        view! {
                            <ActionForm action=cancel>
                                <Hidden name="env" value=project.id()/>
                                <Hidden name="operation" value=id.to_string()/>
                                <Button submit=true kind=ButtonKind::Ghost size=ButtonSize::Small icon=Icon::Ban pending=cancel.pending()>"Cancel"</Button>
                            </ActionForm>
                        }
                    })
            }}
        </li>
    }
}
