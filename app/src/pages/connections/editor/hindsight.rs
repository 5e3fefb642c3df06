//! What would have become of the last events: counted, compared with the connection as it is saved, and one by one.

use domain::rehearsal::{Preview, PreviewInput, PreviewLine, PreviewVerdict};
use leptos::prelude::*;

use super::bench::{Bench, Subject};
use crate::{components::*, pages::counted, paths};

/// Lines that are shown before more are asked for.
const FEW: usize = 8;

/// Which of the events are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    All,
    Delivered,
    NotMatched,
    Schema,
    Failed,
    /// What would be sent now and was not, the other way round, or otherwise.
    Changed,
}

#[component]
pub fn Hindsight() -> impl IntoView {
    let bench: Bench = expect_context();
    let answer = bench.preview.answer();
    // While the rules cannot be saved, what was last said of them stays.
    let shown = Memo::new(move |before: Option<&Option<Preview>>| match answer.get() {
        Some(Ok(Some(preview))) => Some(preview),
        _ => before.cloned().flatten(),
    });
    let kind = RwSignal::new(Kind::All);
    let all = RwSignal::new(false);
    let title = move || {
        let looked_at = shown.with(|preview| preview.as_ref().map_or(0, |preview| preview.counts.events));
        if looked_at == 0 {
            "The last events".to_owned()
        } else {
            format!("The last {}", counted(looked_at.into(), "event"))
        }
    };
    let state = move || {
        if bench.preview.is_open() {
            "evaluating…"
        } else {
            match answer.get() {
                Some(Err(_)) => "could not be evaluated",
                Some(Ok(None)) => "as before: the rules cannot be saved yet",
                _ => "",
            }
        }
    };
    let actions = move || view! { <span class="trial-state" role="status" data-tone="neutral">{state}</span> };
    view! {
        <Card title=Signal::derive(title) text="What would have become of them." actions=actions flush=true>
            <div class="hindsight" data-open=move || bench.preview.is_open().then_some("true")>
                {move || match shown.get() {
                    None => view! { <div class="verdicts-wait"><Skeleton lines=4/></div> }.into_any(),
                    Some(preview) => view! { <Counted preview=preview kind=kind all=all/> }.into_any(),
                }}
            </div>
        </Card>
    }
    .into_any()
}

#[component]
fn Counted(preview: Preview, kind: RwSignal<Kind>, all: RwSignal<bool>) -> impl IntoView {
    let bench: Bench = expect_context();
    let counts = preview.counts;
    let is_cut = !preview.is_complete;
    let difference = difference(&preview);
    let looks_at_more =
        preview.is_complete && counts.events == bench.limit.get_untracked() && counts.events < PreviewInput::MAX_LIMIT;
    let is_compared = bench.saved.with_value(Option::is_some);
    let chips = [
        (Kind::All, "All", counts.events, None),
        (Kind::Delivered, "Delivered", counts.matched, Some(Tone::Delivered)),
        (Kind::NotMatched, "Not matched", counts.not_matched, Some(Tone::Neutral)),
        (Kind::Schema, "Against the schema", counts.schema_invalid, Some(Tone::Waiting)),
        (Kind::Failed, "Fail", counts.failed, Some(Tone::Failed)),
        (
            Kind::Changed,
            if is_compared { "Otherwise than saved" } else { "Transformed" },
            counts.changed,
            Some(Tone::Accent),
        ),
    ]
    .into_iter()
    .filter(|(of, _, count, _)| *count > 0 || matches!(of, Kind::All | Kind::Delivered))
    .collect::<Vec<_>>();
    let chip = move |(of, label, count, tone): (Kind, &'static str, u32, Option<Tone>)| {
        let pressed = move || if kind.get() == of { "true" } else { "false" };
        view! {
            <button class="chip" type="button" aria-pressed=pressed on:click=move |_| kind.set(of)>
                {tone.map(|tone| view! { <span class="chip-dot" data-tone=tone.as_str() aria-hidden="true"></span> })}
                {label} " "
                <span class="chip-count num">{self::count(count.into())}</span>
            </button>
        }
    };
    let lines = StoredValue::new(preview.events);
    let listed = Memo::new(move |_| {
        let of = kind.get();
        lines.with_value(|lines| lines.iter().filter(|line| is_of(of, line)).cloned().collect::<Vec<_>>())
    });
    let hidden = move || listed.with(Vec::len).saturating_sub(FEW);
    let rows = move || {
        let most = if all.get() { usize::MAX } else { FEW };
        listed.get().into_iter().take(most).collect::<Vec<_>>()
    };
    view! {
        <div class="hindsight-head">
            <div class="chips" role="group" aria-label="Which events are listed">
                <For each=move || chips.clone() key=|(_, label, count, _)| (*label, *count) let:it>
                    {chip(it)}
                </For>
            </div>
            {difference.map(|words| view! { <p class="hindsight-difference">{words}</p> })}
            {is_cut.then(|| view! { <p class="muted small">"Time ran out before all of them were looked at."</p> })}
        </div>
        <ol class="hindsight-list">
            <For each=rows key=|line| format!("{line:?}") let:line>
                <Line line=line/>
            </For>
        </ol>
        {move || listed.with(Vec::is_empty).then(|| view! { <p class="trial-note">"None of them."</p> })}
        <div class="hindsight-foot">
            {move || {
                (hidden() > 0 && !all.get())
                    .then(|| {
                        let words = format!("Show {} more", hidden());
                        view! { <Button kind=ButtonKind::Ghost size=ButtonSize::Small on:click=move |_| all.set(true)>{words}</Button> }
                    })
            }}
            {looks_at_more
                .then(|| {
                    view! {
                        <Button kind=ButtonKind::Ghost size=ButtonSize::Small icon=Icon::Search on:click=move |_| bench.limit.set(PreviewInput::MAX_LIMIT)>
                            "Look at the last 1,000"
                        </Button>
                    }
                })}
        </div>
    }
    .into_any()
}

fn is_of(kind: Kind, line: &PreviewLine) -> bool {
    match kind {
        Kind::All => true,
        Kind::Delivered => line.verdict == PreviewVerdict::Matched,
        Kind::NotMatched => line.verdict == PreviewVerdict::NotMatched,
        Kind::Schema => line.schema_invalid,
        Kind::Failed => line.verdict == PreviewVerdict::Failed,
        Kind::Changed => line.output_differs || line.was.is_some_and(|was| was != line.verdict),
    }
}

/// How many more would be delivered than by the saved connection, and how many fewer.
fn gained_and_lost(preview: &Preview) -> Option<(usize, usize)> {
    let delivered = |verdict| verdict == PreviewVerdict::Matched;
    if preview.events.iter().all(|line| line.was.is_none()) {
        return None;
    }
    let of = |now: bool| {
        preview
            .events
            .iter()
            .filter(move |line| line.was.is_some_and(|was| delivered(line.verdict) == now && delivered(was) != now))
    };
    Some((of(true).count(), of(false).count()))
}

fn difference(preview: &Preview) -> Option<String> {
    let (more, fewer) = gained_and_lost(preview)?;
    let otherwise = preview.events.iter().filter(|line| line.output_differs).count();
    let mut parts = Vec::new();
    if more > 0 {
        parts.push(format!("{more} more would be delivered"));
    }
    if fewer > 0 {
        parts.push(format!("{fewer} fewer{}", if more > 0 { "" } else { " would be delivered" }));
    }
    if otherwise > 0 {
        let be = if parts.is_empty() { " would be sent" } else { "" };
        parts.push(format!("{otherwise}{be} with another payload"));
    }
    Some(if parts.is_empty() {
        "The same as the saved connection.".to_owned()
    } else {
        format!("Compared with what is saved, {}.", parts.join(", "))
    })
}

/// The difference that saving makes, beside the button that saves.
#[component]
pub fn Difference() -> impl IntoView {
    let bench: Bench = expect_context();
    let answer = bench.preview.answer();
    move || {
        let words = match answer.get() {
            Some(Ok(Some(preview))) if !bench.preview.is_open() => difference(&preview),
            _ => None,
        };
        words.map(|words| view! { <span class="muted small needs-script">{words}</span> })
    }
}

#[component]
fn Line(line: PreviewLine) -> impl IntoView {
    let bench: Bench = expect_context();
    let id = line.event_id.to_string();
    let (status, word) = match line.verdict {
        PreviewVerdict::Matched => (Status::Delivered, "delivered"),
        PreviewVerdict::NotMatched => (Status::Skipped, "not matched"),
        PreviewVerdict::SchemaRejected => (Status::Skipped, "rejected by the schema"),
        PreviewVerdict::Failed => (Status::Failed, "fails"),
    };
    let delivered = line.verdict == PreviewVerdict::Matched;
    let was = line.was.map(|was| was == PreviewVerdict::Matched);
    let note = match was {
        Some(false) if delivered => Some((Tone::Delivered, "more")),
        Some(true) if !delivered => Some((Tone::Failed, "fewer")),
        _ if line.output_differs => Some((Tone::Accent, if was.is_some() { "otherwise" } else { "transformed" })),
        _ if line.schema_invalid && delivered => Some((Tone::Waiting, "marked")),
        _ => None,
    };
    let is_tried = {
        let id = id.clone();
        move || bench.event.with(|event| event.as_ref() == Some(&id)).then_some("true")
    };
    let label = format!("Try {}", shortened(&id));
    let try_it = {
        let id = id.clone();
        move |_| bench.subject.set(Subject::Stored(id.clone()))
    };
    view! {
        <li class="hindsight-line" aria-current=is_tried>
            <StatusBadge status=status plain=true shape_only=true/>
            <span class="visually-hidden">{word}</span>
            <a class="hindsight-event truncate" href=paths::event(bench.project.id(), &id)>
                {line.event_type.unwrap_or_else(|| shortened(&id))}
            </a>
            {note.map(|(tone, word)| view! { <Tag tone=tone>{word}</Tag> })}
            <span class="hindsight-time"><RelativeTime at=line.received_at quiet=true/></span>
            <Button kind=ButtonKind::Ghost size=ButtonSize::Small label=label.clone() on:click=try_it>"Try"</Button>
            {line.reason.map(|reason| view! { <span class="hindsight-reason">{reason}</span> })}
        </li>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use domain::{id::EventId, rehearsal::PreviewCounts, time::Timestamp};

    use super::*;

    fn preview(lines: &[(PreviewVerdict, Option<PreviewVerdict>, bool)]) -> Preview {
        let line = |(verdict, was, output_differs): &(PreviewVerdict, Option<PreviewVerdict>, bool)| PreviewLine {
            event_id: EventId::from_u128(1),
            received_at: Timestamp::from_micros(0),
            event_type: None,
            verdict: *verdict,
            reason: None,
            schema_invalid: false,
            was: *was,
            output_differs: *output_differs,
        };
        Preview { counts: PreviewCounts::default(), events: lines.iter().map(line).collect(), is_complete: true }
    }

    #[test]
    fn the_difference_is_said_in_one_sentence() {
        use PreviewVerdict::{Failed, Matched, NotMatched};
        let words = |lines: &[_]| difference(&preview(lines));
        assert_eq!(words(&[(Matched, None, true)]), None);
        assert_eq!(words(&[(Matched, Some(Matched), false)]).as_deref(), Some("The same as the saved connection."));
        assert_eq!(
            words(&[
                (Matched, Some(NotMatched), false),
                (Failed, Some(Matched), false),
                (Matched, Some(Matched), true)
            ])
            .as_deref(),
            Some("Compared with what is saved, 1 more would be delivered, 1 fewer, 1 with another payload.")
        );
        assert_eq!(
            words(&[(NotMatched, Some(Matched), false)]).as_deref(),
            Some("Compared with what is saved, 1 fewer would be delivered.")
        );
    }
}
