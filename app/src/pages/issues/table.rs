//! Issues as rows.

use domain::issue::Issue;
use leptos::prelude::*;

use super::{held, issue_status};
use crate::{
    components::*,
    pages::project::{Project, use_project},
    paths,
};

/// A table of issues.
#[component]
pub fn IssueTable(
    #[prop(into)] issues: Signal<Vec<Issue>>,
    /// Whether `j` and `k` walk over it: of one table on a page.
    #[prop(default = true)]
    keys: bool,
) -> impl IntoView {
    let project = use_project();
    let columns = vec![
        Column::new("Status").fit(),
        Column::new("Issue").grow(),
        Column::new("In the queue").fit().end(),
        Column::new("Failures").fit().end().wide_only(),
        Column::new("First seen").fit().wide_only(),
        Column::new("Last seen").fit(),
    ];
    view! {
        <Table label="Issues" columns=columns keys=keys>
            <For
                each=move || issues.get()
                key=|issue| (issue.id, issue.status, issue.snoozed_until, issue.failure_count, issue.dlq_count)
                let:issue
            >
                {row(project, &issue)}
            </For>
        </Table>
    }
    .into_any()
}

fn row(project: Project, issue: &Issue) -> impl IntoView + use<> {
    let href = paths::issue(project.id(), issue.id);
    let now = use_now();
    let shown = issue.clone();
    let status = Signal::derive(move || issue_status(&shown, now.get()));
    let (title, held, failures) = (issue.title.clone(), held(issue), count(issue.failure_count));
    let (first, last) = (issue.first_seen_at, issue.last_seen_at);
    view! {
        <TableRow>
            <Cell label="Status" fit=true><StatusBadge status=status plain=true/></Cell>
            <Cell label="Issue" lead=true grow=true>
                <RowLink href=href>{title}</RowLink>
            </Cell>
            <Cell label="In the queue" fit=true end=true>{held}</Cell>
            <Cell label="Failures" fit=true end=true wide_only=true>{failures}</Cell>
            <Cell label="First seen" fit=true wide_only=true><RelativeTime at=first quiet=true/></Cell>
            <Cell label="Last seen" fit=true><RelativeTime at=last quiet=true/></Cell>
        </TableRow>
    }
    .into_any()
}
