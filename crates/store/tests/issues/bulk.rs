//! An operation on many deliveries takes each once, and goes on where it was, whoever goes on with it.

use domain::{
    bulk::{BulkInput, BulkKind, BulkStatus},
    delivery::{DeliveryFilter, DeliveryStatus, Trigger},
    event::EventStatus,
    id::{DeliveryId, EnvId, IssueId},
};

use crate::{
    Bench, DESTINATION, ENV, HTTP_500, NODE, NOW, OTHER, TIMEOUT, after, all_dead, failure, record_with, success,
};

on_both_databases!(
    an_operation_takes_each_delivery_once,
    an_operation_goes_on_after_a_restart,
    a_cancelled_operation_takes_no_more,
    what_is_purged_stays_failed,
    named_deliveries_that_have_left_are_left_alone,
    an_operation_leaves_what_came_later,
);

async fn an_operation_takes_each_delivery_once(bench: Bench) {
    let dead = bench.dead(7).await;
    let id = bench.begin(BulkKind::Retry, all_dead()).await;
    let scope = bench.scope();
    let begun = scope.bulk_operation(id).await.expect("reads").expect("is there");
    assert_eq!((begun.total, begun.done, begun.status), (Some(7), 0, BulkStatus::Running));
    // Two that work on it at once: one of each pair finds that the other was quicker.
    let mut status = BulkStatus::Running;
    let mut rounds = 0;
    while status == BulkStatus::Running {
        let (one, other) = tokio::join!(scope.bulk_step(id, 2, after(1)), scope.bulk_step(id, 2, after(1)));
        one.expect("steps");
        status = other.expect("steps").expect("is there").operation.status;
        // The other may have read it before the one ended.
        if status == BulkStatus::Running {
            status = scope.bulk_operation(id).await.expect("reads").expect("is there").status;
        }
        rounds += 1;
        assert!(rounds < 10);
    }
    let done = scope.bulk_operation(id).await.expect("reads").expect("is there");
    assert_eq!((done.done, done.skipped, done.percent()), (7, 0, Some(100)));
    assert_eq!(done.finished_at, Some(after(1)));
    let queued = bench.store.claim(NODE, DESTINATION, after(2), 100).await.expect("claims");
    assert_eq!(queued.len(), 7);
    assert!(queued.iter().all(|claimed| claimed.trigger == Trigger::Manual));
    for claimed in &dead {
        let delivery = bench.delivery(claimed.id).await;
        assert_eq!((delivery.status, delivery.is_dlq), (DeliveryStatus::InFlight, false));
        assert_eq!(bench.event_status(claimed.event_id).await, EventStatus::Processing);
    }
    // It fails once more: the operation has ended, and does not take it again.
    bench.record(failure(&queued[0], HTTP_500, after(3))).await;
    scope.bulk_step(id, 100, after(4)).await.expect("steps");
    assert!(bench.delivery(queued[0].id).await.is_dlq);
    bench.record(success(&queued[1], after(3))).await;
    assert_eq!(bench.event_status(queued[1].event_id).await, EventStatus::Delivered);
}

async fn an_operation_goes_on_after_a_restart(bench: Bench) {
    let dead = bench.dead(5).await;
    let id = bench.begin(BulkKind::Retry, all_dead()).await;
    let half = bench.scope().bulk_step(id, 2, after(1)).await.expect("steps").expect("is there");
    assert_eq!((half.operation.done, half.operation.status), (2, BulkStatus::Running));
    // An SQLite file is let go of when the last task of its process has ended: the restart of a server shows that.
    let store = if bench.store.is_shared() { bench.database.store().await } else { bench.store.clone() };
    assert_eq!(store.running_bulk_operations(10).await.expect("reads"), [(ENV, id)]);
    let scope = store.scope(ENV);
    // What it has taken before fails again and is in the queue once more: it is behind it.
    let taken = store.claim(NODE, DESTINATION, after(1), 100).await.expect("claims");
    assert_eq!(taken.len(), 2);
    record_with(&store, &bench.writer, failure(&taken[0], HTTP_500, after(2))).await;
    let end = scope.bulk_step(id, 100, after(3)).await.expect("steps").expect("is there");
    assert_eq!((end.operation.done, end.operation.status), (5, BulkStatus::Completed));
    assert!(store.running_bulk_operations(10).await.expect("reads").is_empty());
    let is_dead = DeliveryFilter { is_dlq: Some(true), ..DeliveryFilter::default() };
    assert_eq!(scope.count_deliveries(&is_dead, 10).await.expect("counts"), 1);
    assert_eq!(dead.len(), 5);
    assert_eq!(store.forget_bulk_operations(after(3)).await.expect("writes"), 0);
    assert_eq!(store.forget_bulk_operations(after(4)).await.expect("writes"), 1);
}

async fn a_cancelled_operation_takes_no_more(bench: Bench) {
    bench.dead(4).await;
    let id = bench.begin(BulkKind::Retry, all_dead()).await;
    let scope = bench.scope();
    scope.bulk_step(id, 1, after(1)).await.expect("steps");
    assert!(scope.cancel_bulk_operation(id, after(2)).await.expect("writes"));
    assert!(!scope.cancel_bulk_operation(id, after(2)).await.expect("has ended"));
    let step = scope.bulk_step(id, 100, after(3)).await.expect("steps").expect("is there");
    assert_eq!((step.operation.status, step.operation.done), (BulkStatus::Cancelled, 1));
    let foreign = bench.store.scope(EnvId::from_u128(99));
    assert!(foreign.bulk_step(id, 100, after(3)).await.expect("reads").is_none());
    assert!(!foreign.cancel_bulk_operation(id, after(3)).await.expect("writes"));
}

async fn what_is_purged_stays_failed(bench: Bench) {
    let dead = bench.dead(3).await;
    let elsewhere = bench.given_up(OTHER, TIMEOUT, NOW).await;
    let filter = DeliveryFilter { destination_id: Some(DESTINATION), ..DeliveryFilter::default() };
    let id = bench.begin(BulkKind::Purge, BulkInput { filter: Some(filter), ids: None }).await;
    let step = bench.scope().bulk_step(id, 100, after(1)).await.expect("steps").expect("is there");
    assert_eq!((step.operation.done, step.operation.status), (3, BulkStatus::Completed));
    for claimed in &dead {
        let delivery = bench.delivery(claimed.id).await;
        assert_eq!((delivery.status, delivery.is_dlq), (DeliveryStatus::Failed, false));
        assert_eq!(bench.event_status(claimed.event_id).await, EventStatus::Failed);
    }
    assert!(bench.delivery(elsewhere.id).await.is_dlq);
    assert!(bench.store.claim(NODE, DESTINATION, after(2), 100).await.expect("claims").is_empty());
    assert_eq!(bench.issue(DESTINATION, HTTP_500).await.dlq_count, 0);
    let left = DeliveryFilter {
        issue_id: Some(IssueId::of(DESTINATION, HTTP_500)),
        is_dlq: Some(false),
        ..DeliveryFilter::default()
    };
    assert_eq!(bench.scope().count_deliveries(&left, 10).await.expect("counts"), 3);
}

async fn named_deliveries_that_have_left_are_left_alone(bench: Bench) {
    let dead = bench.dead(4).await;
    let scope = bench.scope();
    let first = bench.delivery(dead[0].id).await;
    assert!(scope.retry_delivery(&first, Trigger::Manual, NOW).await.expect("queues").is_some());
    let mut ids: Vec<_> = dead[..3].iter().map(|claimed| claimed.id).collect();
    ids.push(DeliveryId::from_u128(7));
    let id = bench.begin(BulkKind::Purge, BulkInput { filter: None, ids: Some(ids) }).await;
    let mut status = BulkStatus::Running;
    while status == BulkStatus::Running {
        status = scope.bulk_step(id, 2, after(1)).await.expect("steps").expect("is there").operation.status;
    }
    let done = scope.bulk_operation(id).await.expect("reads").expect("is there");
    assert_eq!((done.total, done.done, done.skipped), (Some(4), 2, 2));
    assert_eq!(bench.delivery(dead[0].id).await.status, DeliveryStatus::Pending);
    assert!(bench.delivery(dead[3].id).await.is_dlq);
}

async fn an_operation_leaves_what_came_later(bench: Bench) {
    bench.dead(2).await;
    let id = bench.begin(BulkKind::Retry, all_dead()).await;
    let later = bench.dead(1).await;
    let step = bench.scope().bulk_step(id, 100, after(1)).await.expect("steps").expect("is there");
    assert_eq!((step.operation.done, step.operation.status), (2, BulkStatus::Completed));
    assert!(bench.delivery(later[0].id).await.is_dlq);
    // Where nothing matches it has ended with its first step.
    let none = DeliveryFilter { destination_id: Some(OTHER), ..DeliveryFilter::default() };
    let id = bench.begin(BulkKind::Retry, BulkInput { filter: Some(none), ids: None }).await;
    let step = bench.scope().bulk_step(id, 100, after(1)).await.expect("steps").expect("is there");
    assert_eq!((step.operation.done, step.operation.status), (0, BulkStatus::Completed));
}
