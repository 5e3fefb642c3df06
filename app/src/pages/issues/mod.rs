//! Issues: the list of what fails, and one issue with all that it holds.

mod actions;
mod detail;
mod list;
mod table;

pub use detail::IssuePage;
pub use list::IssuesPage;
pub use table::IssueTable;

use domain::{
    issue::{Issue, IssueStatus},
    time::Timestamp,
};

use crate::components::{Status, count};

/// How an issue stands; one that is snoozed is shown so.
fn issue_status(issue: &Issue, now: Option<Timestamp>) -> Status {
    match issue.status {
        _ if now.is_some_and(|now| issue.is_snoozed(now)) => Status::Snoozed,
        IssueStatus::Open => Status::Open,
        IssueStatus::Acknowledged => Status::Acknowledged,
        IssueStatus::Resolved => Status::Resolved,
    }
}

/// `3`, or `1,000+` where no more were counted.
fn held(issue: &Issue) -> String {
    if issue.dlq_count >= Issue::COUNTED {
        format!("{}+", count(Issue::COUNTED.into()))
    } else {
        count(issue.dlq_count.into())
    }
}
