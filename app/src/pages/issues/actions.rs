//! What people do with an issue.

use domain::issue::{Issue, IssueStatus};
use leptos::prelude::*;

use crate::{
    api::issues::{ChangeIssue, SNOOZES},
    components::*,
    pages::{forms::Hidden, project::use_project},
};

/// The buttons that an issue in this state has, in one form.
#[component]
pub fn IssueActions(#[prop(into)] issue: Signal<Issue>, change: ServerAction<ChangeIssue>) -> impl IntoView {
    let project = use_project();
    let may_write = project.may_write();
    let id = Memo::new(move |_| issue.with(|issue| issue.id.to_string()));
    let status = Memo::new(move |_| issue.with(|issue| issue.status));
    let now = use_now();
    let is_snoozed = Memo::new(move |_| now.get().is_some_and(|now| issue.with(|issue| issue.is_snoozed(now))));
    let pending = change.pending();
    move || {
        may_write.then(|| {
            let (status, is_snoozed) = (status.get(), is_snoozed.get());
            let snooze = (status != IssueStatus::Resolved && !is_snoozed).then(snooze_menu);
            view! {
                <ActionForm action=change>
                    <Hidden name="env" value=project.id()/>
                    <Hidden name="issue" value=Signal::derive(move || id.get())/>
                    <div class="row">
                        {is_snoozed.then(|| button("wake", "End snooze", Icon::Eye, ButtonKind::Secondary, pending))}
                        {snooze}
                        {match status {
                            IssueStatus::Open => Some(button("acknowledge", "Acknowledge", Icon::Eye, ButtonKind::Secondary, pending)),
                            IssueStatus::Acknowledged => {
                                Some(button("reopen", "Unacknowledge", Icon::EyeOff, ButtonKind::Secondary, pending))
                            }
                            IssueStatus::Resolved => None,
                        }}
                        {if status == IssueStatus::Resolved {
                            button("reopen", "Reopen", Icon::RotateCcw, ButtonKind::Secondary, pending)
                        } else {
                            button("resolve", "Resolve", Icon::Check, ButtonKind::Secondary, pending)
                        }}
                    </div>
                </ActionForm>
            }
        })
    }
}

fn button(
    value: &'static str,
    words: &'static str,
    icon: Icon,
    kind: ButtonKind,
    pending: Memo<bool>,
) -> impl IntoView + use<> {
    view! { <Button submit=true name="action" value=value icon=icon kind=kind pending=pending>{words}</Button> }
}

fn snooze_menu() -> impl IntoView {
    let choices: Vec<_> = SNOOZES
        .into_iter()
        .map(|(word, label, _)| {
            view! { <MenuButton submit=true name="action" value=format!("snooze-{word}")>{label}</MenuButton> }
        })
        .collect();
    view! { <Menu label="Snooze" align_end=true>{choices}</Menu> }
}
