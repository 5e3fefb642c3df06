//! One issue: what fails, the latest example of it, and the deliveries that it holds.

use domain::{
    bulk::BulkOperation,
    delivery::Delivery,
    issue::{Issue, Resolver},
};
use leptos::prelude::*;

use super::{actions::IssueActions, held, issue_status};
use crate::{
    api::{
        ApiError,
        dead_letters::{ChangeDeadLetters, DeadLetterPage, DeadLetterQuery, dead_letters, recent_operations},
        issues::{ChangeIssue, Example, IssueDetail, deliveries_that_left, find_issue},
        names::{Names, known_names},
    },
    components::*,
    pages::{
        dead_letters::{BulkOutcome, DeadLetterSelection, Operations},
        destinations::DeliveryTable,
        events::AttemptExchange,
        forms::{Outcome, use_action},
        live::{use_changes, use_fresh},
        loaded::Loaded,
        project::{use_param, use_project},
    },
    paths,
};

type Found = (IssueDetail, DeadLetterPage, Vec<Delivery>, Vec<BulkOperation>, Names);

#[component]
pub fn IssuePage() -> impl IntoView {
    let project = use_project();
    let id = use_param("issue_id");
    let all = Resource::new(
        move || (project.id(), id.get()),
        |(env, id)| async move {
            let found = find_issue(env.clone(), id.clone()).await?;
            let held = dead_letters(env.clone(), DeadLetterQuery::of_issue(&id), None).await?;
            let left = deliveries_that_left(env.clone(), id.clone()).await?;
            let operations = recent_operations(env.clone(), id).await?;
            Ok::<_, ApiError>((found, held, left, operations, known_names(env).await?))
        },
    );
    view! {
        <Loaded
            load=move || async move { all.await }
            children={|found: Found| view! { <IssueView found=found/> }.into_any()}
        />
    }
    .into_any()
}

#[component]
fn IssueView(found: Found) -> impl IntoView {
    let project = use_project();
    let (detail, held, left, operations, names) = found;
    let id = StoredValue::new(detail.issue.id.to_string());
    let query = StoredValue::new(DeadLetterQuery::of_issue(detail.issue.id));
    let change = use_action::<ChangeIssue>();
    let bulk = use_action::<ChangeDeadLetters>();

    let detail = use_fresh(detail, move || find_issue(project.id(), id.get_value()));
    let held = use_fresh(held, move || dead_letters(project.id(), query.get_value(), None));
    let left = use_fresh(left, move || deliveries_that_left(project.id(), id.get_value()));
    let operations = use_fresh(operations, move || recent_operations(project.id(), id.get_value()));
    let changes = use_changes(|| true);
    detail.when(move || changes.get());
    held.when(move || changes.get());
    left.when(move || changes.get());
    operations.when(move || changes.get());
    detail.after(change);

    let detail = detail.data();
    let issue = Memo::new(move |_| detail.with(|detail| detail.issue.clone()));
    let title = Signal::derive(move || issue.with(|issue| issue.title.clone()));
    let now = use_now();
    let status = Signal::derive(move || issue.with(|issue| issue_status(issue, now.get())));
    // Drawn anew when there is another one, and not each time that something happens.
    let example = Memo::new(move |_| detail.with(|detail| detail.example.clone()));
    let names = StoredValue::new(names);
    let left = Signal::derive(move || left.data().get());
    view! {
        <PageHeader
            title=title
            crumbs=vec![Crumb::new("Issues", paths::issues(project.id()))]
            badge=move || view! { <StatusBadge status=status/> }
            actions=move || view! { <IssueActions issue=issue change=change/> }
        />
        <Outcome action=change done="Saved"/>
        <BulkOutcome action=bulk/>
        <IssueFacts issue=issue names=names/>
        <Operations operations=operations.data()/>
        <DeadLetterSelection
            title="Deliveries it holds"
            letters=held.data()
            names=names
            query=query
            action=bulk
            of_issue=true
        />
        {move || example.get().map(|example| view! { <ExampleCard example=example issue=issue/> })}
        {move || {
            (!left.with(Vec::is_empty))
                .then(|| {
                    view! {
                        <Card title="Tried again or purged" text="The newest 20 deliveries that it has held before." flush=true>
                            <DeliveryTable project=project deliveries=left keys=false/>
                        </Card>
                    }
                })
        }}
    }
    .into_any()
}

#[component]
fn IssueFacts(#[prop(into)] issue: Signal<Issue>, names: StoredValue<Names>) -> impl IntoView {
    let project = use_project();
    let of = move |read: fn(&Issue) -> String| Signal::derive(move || issue.with(read));
    let first = Signal::derive(move || issue.with(|issue| issue.first_seen_at));
    let last = Signal::derive(move || issue.with(|issue| issue.last_seen_at));
    let destination = issue.with_untracked(|issue| issue.destination_id);
    let cause = issue.with_untracked(|issue| issue.cause);
    let name = names.with_value(|names| names.destination(destination));
    let now = use_now();
    let snoozed = move || {
        let until =
            issue.with(|issue| issue.snoozed_until.filter(|_| now.get().is_some_and(|now| issue.is_snoozed(now))));
        until.map(|at| view! { <Fact label="Snoozed"><RelativeTime at=at/></Fact> })
    };
    let resolved = move || {
        let (by, at) = issue.with(|issue| (issue.resolved_by, issue.status_changed_at));
        let words = match by? {
            Resolver::Person => "by hand, ",
            Resolver::Quiet => "by itself, ",
        };
        Some(view! { <Fact label="Resolved">{words} <RelativeTime at=at/></Fact> })
    };
    let regressions = move || {
        let times = issue.with(|issue| issue.regression_count);
        (times > 0).then(|| {
            let words = if times == 1 { "once".to_owned() } else { format!("{} times", count(times)) };
            view! { <Fact label="Came back">{words}</Fact> }
        })
    };
    view! {
        <Card>
            <Facts columns=true>
                <Fact label="Destination"><a href=paths::destination(project.id(), destination)>{name}</a></Fact>
                <Fact label="Cause"><Tag tone=Tone::Failed>{cause.short()}</Tag></Fact>
                <Fact label="In the dead letter queue">{of(held)}</Fact>
                <Fact label="Failures">{of(|issue| count(issue.failure_count))}</Fact>
                {regressions}
                <Fact label="First seen"><RelativeTime at=first/></Fact>
                <Fact label="Last seen"><RelativeTime at=last/></Fact>
                {snoozed}
                {resolved}
            </Facts>
        </Card>
    }
    .into_any()
}

#[component]
fn ExampleCard(example: Example, issue: Memo<Issue>) -> impl IntoView {
    let project = use_project();
    let event = issue.with_untracked(|issue| issue.example_event_id);
    let link = move || {
        view! {
            <ButtonLink href=paths::event(project.id(), event) size=ButtonSize::Small icon=Icon::ArrowRight>"See the event"</ButtonLink>
        }
    };
    let Example { attempt, body } = example;
    view! {
        <Card title="The latest failure" text="The last attempt of the delivery that failed so last." actions=link>
            <AttemptExchange attempt=attempt body=StoredValue::new(body)/>
        </Card>
    }
    .into_any()
}
