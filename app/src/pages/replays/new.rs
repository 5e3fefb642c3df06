//! A new replay. The form is one that only asks (its fields stand in the address), and what comes back is what the replay
//! would do, with the button that starts exactly that.

use domain::replay::{DryRun, ReplayCounts};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    api::{
        ApiError,
        replays::{OTHER_RANGE, ReplayForm, ReplayWays, StartReplay, count_replay, ranges, replay_choices},
    },
    components::*,
    pages::{
        counted,
        forms::{FormState, Hidden, use_form},
        loaded::Loaded,
        project::use_project,
    },
    paths,
};

/// What was counted, or why nothing could be; `None` before anybody asked.
type Counted = Option<Result<DryRun, ApiError>>;

#[component]
pub fn NewReplayPage() -> impl IntoView {
    let project = use_project();
    let query = use_query_map();
    let asked = Memo::new(move |_| query.with(ReplayForm::from_params));
    let counts = Memo::new(move |_| query.with(|query| query.get("count").is_some()));
    let choices = Resource::new(|| (), move |()| replay_choices(project.id()));
    let counted = Resource::new(
        move || (counts.get(), asked.get()),
        move |(counts, form)| async move { if counts { Some(count_replay(project.id(), form).await) } else { None } },
    );
    view! {
        <Loaded
            load=move || async move {
                let (choices, counted) = (choices.await?, counted.await);
                Ok((asked.get_untracked(), choices, counted))
            }
            children={|(asked, choices, counted): (ReplayForm, ReplayWays, Counted)| {
                view! { <NewReplay asked=asked choices=choices counted=counted/> }.into_any()
            }}
        />
    }
    .into_any()
}

#[component]
fn NewReplay(asked: ReplayForm, choices: ReplayWays, counted: Counted) -> impl IntoView {
    let env = use_project().id();
    let problem = Signal::stored(match &counted {
        Some(Err(ApiError::Invalid(errors))) => Problem::from(errors.clone()),
        Some(Err(error)) => Problem::of(error.to_string()),
        _ => Problem::default(),
    });
    let was_counted = matches!(counted, Some(Ok(_)));
    let kind = if was_counted { ButtonKind::Secondary } else { ButtonKind::Primary };
    let list = paths::replays(&env);
    let started = asked.clone();
    view! {
        <PageHeader
            title="New replay"
            subtitle="Stored events go once more through the connections as they are now: their filters, transforms and schemas. Their delays are left out."
            crumbs=vec![Crumb::new("Replays", list.clone())]
        />
        <Card>
            // The button that counts leads to where the counts are.
            <form class="replay-form" method="get" action=format!("{}#counts", paths::new_replay(&env))>
                <FormBody problem=problem>
                    <ReplayFields asked=asked choices=choices/>
                    <Hidden name="count" value="1".to_owned()/>
                    <FormActions>
                        <Button kind=kind submit=true icon=Icon::Search>{if was_counted { "Count again" } else { "Count what would be sent" }}</Button>
                        <ButtonLink href=list kind=ButtonKind::Ghost>"Cancel"</ButtonLink>
                    </FormActions>
                </FormBody>
            </form>
        </Card>
        {match counted {
            Some(Ok(counted)) => view! { <StartCard asked=started counted=counted/> }.into_any(),
            _ => ().into_any(),
        }}
    }
    .into_any()
}

#[component]
fn ReplayFields(asked: ReplayForm, choices: ReplayWays) -> impl IntoView {
    let through: Vec<_> = std::iter::once(Choice::new("", "Everything of this project"))
        .chain(choices.sources.into_iter().map(|named| Choice::new(named.id, format!("All of {}", named.name))))
        .chain(choices.connections.into_iter().map(|named| Choice::new(named.id, named.name)))
        .collect();
    let ranges: Vec<_> = ranges()
        .map(|(word, label, _)| Choice::new(word, label))
        .chain([Choice::new(OTHER_RANGE, "From … to …")])
        .collect();
    let number = |text: &str| text.parse::<i64>().ok();
    let (rate, limit) = (number(&asked.rate_per_second), number(&asked.limit));
    view! {
        <FieldRow>
            <Field name="through" label="Send" help="The events of a source go through all of its connections.">
                <Select options=through value=asked.through/>
            </Field>
            <Field name="range" label="Received">
                <Select options=ranges value=asked.range/>
            </Field>
        </FieldRow>
        <div class="replay-range">
            <FieldRow>
                <Field name="from" label="From, in UTC">
                    <TextInput kind="datetime-local" value=asked.from/>
                </Field>
                <Field name="to" label="To, in UTC" help="Events of this very moment are not sent any more.">
                    <TextInput kind="datetime-local" value=asked.to/>
                </Field>
            </FieldRow>
        </div>
        <Field
            name="filter"
            label="Filter"
            optional_mark=true
            help="As JSON, in the language of connections' filters. An event has to fit it and the filter of the connection."
        >
            <TextArea
                value=asked.filter
                rows=3
                mono=true
                placeholder=r#"{"all": [{"field": "payload.type", "op": "eq", "value": "invoice.paid"}]}"#
            />
        </Field>
        <FieldRow>
            <Field name="rate_per_second" label="At most" optional_mark=true help="Without a rate, as quickly as the receivers take them beside what comes in live.">
                <NumberInput value=rate min=1 unit="deliveries a second"/>
            </Field>
            <Field name="limit" label="No more than" optional_mark=true help="The oldest of the range come first.">
                <NumberInput value=limit min=1 unit="events"/>
            </Field>
        </FieldRow>
        <Checkbox
            name="include_duplicates"
            label="Duplicates as well"
            help="A source's repeated requests are stored and were not delivered."
            checked=asked.include_duplicates == "true"
        />
    }
    .into_any()
}

/// What would be sent, and the button that does it.
#[component]
fn StartCard(asked: ReplayForm, counted: DryRun) -> impl IntoView {
    let env = use_project().id();
    let FormState { action, problem, .. } = use_form::<StartReplay>();
    let DryRun { from, to, counts, is_complete, counted_until, total_events, .. } = counted;
    let none = counts.deliveries == 0 && is_complete;
    let start = if is_complete {
        format!("Start: {}", counted_deliveries(counts.deliveries))
    } else {
        format!("Start: more than {}", counted_deliveries(counts.deliveries))
    };
    let rest = counted_until.map(|until| {
        let total = total_events.map(|total| format!(" of {}", counted_events(total))).unwrap_or_default();
        view! {
            <Alert title="Only the beginning was counted">
                {format!("These are the counts of the first {}{total}, up to ", counted_events(counts.events))}
                <RelativeTime at=until/>
                ". The replay goes on from there to the end of its range."
            </Alert>
        }
    });
    let kept = [
        ("through", asked.through),
        ("range", OTHER_RANGE.to_owned()),
        ("from", from.to_rfc3339()),
        ("to", to.to_rfc3339()),
        ("filter", asked.filter),
        ("rate_per_second", asked.rate_per_second),
        ("limit", asked.limit),
        ("include_duplicates", asked.include_duplicates),
    ];
    let kept: Vec<_> = kept.into_iter().map(|(name, value)| view! { <Hidden name=name value=value/> }).collect();
    view! {
        <div id="counts" tabindex="-1">
            <Card title="What would be sent">
                <div class="stack">
                    <Stats>
                        <Stat label="Events in the range" value=count(counts.events)/>
                        <Stat label="Events that fit" value=count(counts.matched)/>
                        <Stat label="Deliveries" value=count(counts.deliveries)/>
                    </Stats>
                    <LeftOut counts=counts/>
                    {rest}
                    <ActionForm action=action>
                        <FormBody problem=problem>
                            <Hidden name="env" value=env/>
                            {kept}
                            <FormActions>
                                <Button kind=ButtonKind::Primary submit=true icon=Icon::RotateCcw pending=action.pending() disabled=none>{start}</Button>
                                {none.then(|| view! { <p class="muted">"There is nothing to send."</p> })}
                            </FormActions>
                        </FormBody>
                    </ActionForm>
                </div>
            </Card>
        </div>
    }
    .into_any()
}

/// What is not sent, and why.
#[component]
pub(super) fn LeftOut(counts: ReplayCounts) -> impl IntoView {
    let reasons = [
        (counts.duplicates, "duplicate", "left out: the event that they repeat counts"),
        (counts.no_route, "event", "with no connection that takes them"),
        (counts.filtered, "delivery", "not made, since the connection's own filter or schema says no"),
        (counts.still_open, "delivery", "not made, since an earlier one of the event is still to be made"),
    ];
    let lines: Vec<_> = reasons
        .into_iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, thing, why)| {
            let what = if thing == "delivery" { counted_deliveries(number) } else { counted(number, thing) };
            view! { <li>{what} " " {why}</li> }
        })
        .collect();
    (!lines.is_empty()).then(|| view! { <ul class="replay-left-out">{lines}</ul> })
}

fn counted_events(number: u64) -> String {
    counted(number, "event")
}

fn counted_deliveries(number: u64) -> String {
    if number == 1 { "1 delivery".to_owned() } else { format!("{} deliveries", count(number)) }
}
