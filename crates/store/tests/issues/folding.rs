//! Which failures fold into which issue, once and only once, and what becomes of an issue.

use std::time::Duration;

use domain::{
    bulk::BulkKind,
    delivery::DeliveryFilter,
    id::{EnvId, IssueId},
    issue::{Cause, IssueFilter, IssueInput, IssueStatus, QUIET, Resolver},
    page::PageRequest,
    time::Timestamp,
};
use store::{
    Store,
    writer::{Verdict, Writer},
};

use crate::{
    Bench, DESTINATION, Database, ENV, HTTP_500, NOW, OTHER, TIMEOUT, after, all_dead, failure, outcome, success, taken,
};

on_both_databases!(
    failures_fold_by_destination_and_cause,
    an_outcome_feeds_its_issue_once,
    a_failure_opens_what_was_resolved,
    what_is_snoozed_or_acknowledged_stays_so,
    quiet_issues_are_resolved_once_their_destination_works,
    lists_are_in_the_order_of_the_latest_failure,
);

async fn failures_fold_by_destination_and_cause(bench: Bench) {
    let first = bench.given_up(DESTINATION, HTTP_500, NOW).await;
    let second = bench.given_up(DESTINATION, HTTP_500, after(10)).await;
    bench.given_up(DESTINATION, TIMEOUT, after(20)).await;
    bench.given_up(OTHER, HTTP_500, after(30)).await;
    // One that is tried again is no matter of issues yet.
    let waits = bench.taken(OTHER).await;
    bench.record(outcome(&waits, Some(TIMEOUT), NOW, Verdict::Retry(after(60)))).await;
    assert_eq!(bench.issues().await.len(), 3);

    let issue = bench.issue(DESTINATION, HTTP_500).await;
    assert_eq!((issue.title.as_str(), issue.status), ("HTTP 500 from Billing", IssueStatus::Open));
    assert_eq!((issue.failure_count, issue.dlq_count, issue.regression_count), (2, 2, 0));
    assert_eq!((issue.first_seen_at, issue.last_seen_at), (NOW, after(10)));
    assert_eq!((issue.example_delivery_id, issue.example_event_id), (second.id, second.event_id));
    assert_eq!(issue.last_error.as_deref(), Some("HTTP 500"));
    assert_eq!(bench.issue(DESTINATION, TIMEOUT).await.title, "Timed out at Billing");
    assert_eq!(bench.issue(OTHER, HTTP_500).await.title, "HTTP 500 from Mail");
    for claimed in [first, second] {
        let delivery = bench.delivery(claimed.id).await;
        assert_eq!((delivery.issue_id, delivery.is_dlq), (Some(issue.id), true));
    }
    let held = DeliveryFilter { issue_id: Some(issue.id), ..DeliveryFilter::default() };
    assert_eq!(bench.scope().deliveries(&held, PageRequest::first(50)).await.expect("reads").data.len(), 2);
    // Nothing of it is another project's.
    let foreign = bench.store.scope(EnvId::from_u128(99));
    assert_eq!(foreign.issue(issue.id).await.expect("reads"), None);
    assert!(foreign.issues(&IssueFilter::default(), NOW, PageRequest::first(50)).await.expect("reads").data.is_empty());
}

async fn an_outcome_feeds_its_issue_once(bench: Bench) {
    let claimed = bench.taken(DESTINATION).await;
    let record = failure(&claimed, HTTP_500, NOW);
    bench.record(record.clone()).await;
    // The first commit's answer was lost.
    bench.record(record).await;
    // Another node, taken for dead, had it before.
    bench.record(failure(&claimed, HTTP_500, after(5))).await;
    bench.given_up(DESTINATION, TIMEOUT, NOW).await;
    let issue = bench.issue(DESTINATION, HTTP_500).await;
    assert_eq!((issue.failure_count, issue.dlq_count), (1, 1));
}

async fn a_failure_opens_what_was_resolved(bench: Bench) {
    bench.given_up(DESTINATION, HTTP_500, NOW).await;
    let issue = bench.issue(DESTINATION, HTTP_500).await;
    bench.turn(&issue, IssueStatus::Resolved, after(5)).await;
    let resolved = bench.issue(DESTINATION, HTTP_500).await;
    assert_eq!((resolved.status, resolved.resolved_by), (IssueStatus::Resolved, Some(Resolver::Person)));
    assert_eq!(bench.scope().open_issues(NOW, 10).await.expect("counts"), 0);
    bench.given_up(DESTINATION, HTTP_500, after(60)).await;
    let issue = bench.issue(DESTINATION, HTTP_500).await;
    assert_eq!((issue.status, issue.resolved_by), (IssueStatus::Open, None));
    assert_eq!((issue.failure_count, issue.regression_count), (2, 1));
    assert_eq!((issue.status_changed_at, issue.first_seen_at), (after(60), NOW));
    assert_eq!(bench.scope().open_issues(NOW, 10).await.expect("counts"), 1);
    // Whoever saw it resolved changes it no more.
    let state = resolved.changed(&IssueInput { status: IssueStatus::Open, snoozed_until: None }, after(70));
    let state = state.expect("may be").expect("changes");
    assert!(!bench.scope().change_issue(&resolved, state).await.expect("writes"));
}

async fn what_is_snoozed_or_acknowledged_stays_so(bench: Bench) {
    bench.given_up(DESTINATION, HTTP_500, NOW).await;
    let issue = bench.issue(DESTINATION, HTTP_500).await;
    let input = IssueInput { status: IssueStatus::Acknowledged, snoozed_until: Some(after(600)) };
    let state = issue.changed(&input, NOW).expect("may be").expect("changes");
    assert!(bench.scope().change_issue(&issue, state).await.expect("writes"));
    bench.given_up(DESTINATION, HTTP_500, after(60)).await;
    let issue = bench.issue(DESTINATION, HTTP_500).await;
    assert_eq!((issue.status, issue.snoozed_until), (IssueStatus::Acknowledged, Some(after(600))));
    let list = async |snoozed, now| {
        let filter = IssueFilter { snoozed: Some(snoozed), ..IssueFilter::default() };
        bench.scope().issues(&filter, now, PageRequest::first(50)).await.expect("reads").data.len()
    };
    assert_eq!((list(true, after(60)).await, list(false, after(60)).await), (1, 0));
    assert_eq!((list(true, after(600)).await, list(false, after(600)).await), (0, 1));
}

async fn quiet_issues_are_resolved_once_their_destination_works(bench: Bench) {
    let quiet = |now: Timestamp| bench.store.quiet_issues(now.minus(QUIET), None, 10);
    let later = NOW.plus(QUIET).plus(Duration::from_secs(10));
    bench.given_up(DESTINATION, HTTP_500, NOW).await;
    bench.given_up(OTHER, HTTP_500, NOW).await;
    let delivered = bench.taken(DESTINATION).await;
    // A success before the failure says nothing.
    let before = bench.taken(OTHER).await;
    bench.record(success(&before, NOW.minus(Duration::from_secs(1)))).await;
    let found = quiet(later).await.expect("reads");
    assert_eq!(found.iter().map(|it| it.is_over).collect::<Vec<_>>(), [false, false]);
    bench.record(success(&delivered, after(60))).await;
    assert!(quiet(after(60)).await.expect("reads").is_empty(), "not before its time");
    let found = quiet(later).await.expect("reads");
    let over: Vec<_> = found.iter().filter(|it| it.is_over).collect();
    assert_eq!((found.len(), over.len(), over[0].id), (2, 1, IssueId::of(DESTINATION, HTTP_500)));
    // A page of one goes on behind it.
    let first = bench.store.quiet_issues(later.minus(QUIET), None, 1).await.expect("reads");
    let behind = Some((first[0].last_seen_at, first[0].id));
    let second = bench.store.quiet_issues(later.minus(QUIET), behind, 10).await.expect("reads");
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_ne!(first[0].id, second[0].id);

    // It fails once more just then.
    let over = *over[0];
    bench.given_up(DESTINATION, HTTP_500, after(120)).await;
    assert!(!bench.store.resolve_quiet(&over, later).await.expect("writes"));
    let again = bench.taken(DESTINATION).await;
    bench.record(success(&again, after(180))).await;
    let later = later.plus(Duration::from_mins(3));
    let over = quiet(later).await.expect("reads").into_iter().find(|it| it.is_over).expect("it is over");
    assert!(bench.store.resolve_quiet(&over, later).await.expect("writes"));
    let issue = bench.issue(DESTINATION, HTTP_500).await;
    assert_eq!((issue.status, issue.resolved_by), (IssueStatus::Resolved, Some(Resolver::Quiet)));
    assert_eq!(issue.dlq_count, 2, "what it holds stays in the queue");

    // What nothing of is kept any more is forgotten.
    let scope = bench.scope();
    assert_eq!(scope.forget_issues(later).await.expect("writes"), 0, "it holds something");
    let id = bench.begin(BulkKind::Purge, all_dead()).await;
    scope.bulk_step(id, 100, later).await.expect("steps");
    assert_eq!(scope.forget_issues(NOW).await.expect("writes"), 0);
    assert_eq!(scope.forget_issues(later).await.expect("writes"), 1);
    assert_eq!(bench.issues().await.len(), 1);
}

async fn lists_are_in_the_order_of_the_latest_failure(bench: Bench) {
    for (status, seconds) in [(500, 1), (501, 2), (502, 3), (500, 4)] {
        let cause = Cause { response_status: Some(status), ..HTTP_500 };
        bench.given_up(DESTINATION, cause, after(seconds)).await;
    }
    let (mut cursor, mut seen) = (None, Vec::new());
    loop {
        let page = PageRequest { limit: 1, after: cursor };
        let found = bench.scope().issues(&IssueFilter::default(), NOW, page).await.expect("reads");
        seen.extend(found.data.iter().filter_map(|issue| issue.cause.response_status));
        match found.next_cursor {
            Some(next) => cursor = Some(next.parse().expect("a cursor")),
            None => break,
        }
    }
    assert_eq!(seen, [500, 502, 501]);
}

/// Two nodes fail at the same destinations at once, each in an order of its own, while somebody retries all of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_feed_the_same_issues() {
    const EACH: u64 = 120;
    let bench = Bench::new(Database::postgres().await).await;
    let other = bench.database.store().await;
    other.heartbeat(22, NOW).await.expect("beats");
    let (other_writer, mut tasks) = Writer::start(&other, 22);
    tasks.detach_all();
    let cause =
        |number: u64| Cause { response_status: Some(500 + u16::try_from(number % 5).expect("few")), ..HTTP_500 };
    let fail = async |store: &Store, writer: &Writer, is_backwards: bool| {
        let mut claimed = Vec::new();
        for number in 0..EACH {
            let destination = if number % 2 == 0 { DESTINATION } else { OTHER };
            claimed.push((cause(number), taken(writer, destination).await));
        }
        if is_backwards {
            claimed.reverse();
        }
        let mut last = None;
        for (cause, claimed) in claimed {
            let record = failure(&claimed, cause, NOW);
            last = Some(record.attempt.clone());
            writer.record(record).await;
        }
        let last = last.expect("some");
        for _ in 0..1000 {
            if !store.scope(ENV).attempts(last.delivery_id).await.expect("reads").is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("not all was recorded");
    };
    let retry = async {
        for _ in 0..10 {
            let id = bench.begin(BulkKind::Retry, all_dead()).await;
            bench.scope().bulk_step(id, 500, NOW).await.expect("steps");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::join!(fail(&bench.store, &bench.writer, false), fail(&other, &other_writer, true), retry);
    let issues = bench.issues().await;
    assert_eq!(issues.len(), 10);
    assert_eq!(issues.iter().map(|issue| issue.failure_count).sum::<u64>(), 2 * EACH);
}
