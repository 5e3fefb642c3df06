//! How a destination does: figures, the last 24 hours, and what is wrong with it.

use domain::health::{Backlog, Failing, HealthDay, HealthPoint, Seen};
use leptos::prelude::*;

use crate::{components::*, pages::live::Fresh};

/// `99.4 %`, or a dash where nothing was tried.
pub fn rate_words(seen: &Seen) -> String {
    seen.success_rate.map_or_else(|| "–".to_owned(), percent)
}

pub fn latency_words(seen: &Seen) -> String {
    seen.p95_ms.map_or_else(|| "–".to_owned(), |millis| duration_ms(millis.into()))
}

/// `10,000+` where no further was counted.
pub fn backlog_words(backlog: Backlog) -> String {
    format!("{}{}", count(backlog.deliveries), if backlog.is_more { "+" } else { "" })
}

/// The colour of a success rate.
pub fn rate_tone(seen: &Seen) -> Tone {
    match seen.success_rate {
        Some(rate) if rate < 0.9 => Tone::Failed,
        Some(rate) if rate < 0.99 => Tone::Waiting,
        _ => Tone::Neutral,
    }
}

#[component]
pub fn HealthCard(health: Fresh<HealthDay>) -> impl IntoView {
    let data = health.data();
    let seen = move |of_day: bool| data.with(|it| if of_day { it.health.day } else { it.health.hour });
    let rate = move |of_day| Signal::derive(move || rate_words(&seen(of_day)));
    let tone = move |of_day| Signal::derive(move || rate_tone(&seen(of_day)));
    let latency = move |of_day| Signal::derive(move || latency_words(&seen(of_day)));
    let attempts = move |of_day| {
        Signal::derive(move || {
            let seen = seen(of_day);
            Some(format!("{} of {} attempts", count(seen.succeeded), count(seen.attempts)))
        })
    };
    let backlog = Signal::derive(move || backlog_words(data.with(|it| it.health.backlog)));
    let times = Signal::derive(move || data.with(|it| it.hours.iter().map(|hour| hour.at).collect::<Vec<_>>()));
    let series = Signal::derive(move || data.with(|it| outcomes(&it.hours)));
    let latencies = Signal::derive(move || data.with(|it| latencies(&it.hours)));
    view! {
        <Card title="Health">
            <Stats>
                <Stat label="Success, last hour" value=rate(false) note=attempts(false) tone=tone(false)/>
                <Stat label="Success, 24 hours" value=rate(true) note=attempts(true) tone=tone(true)/>
                <Stat label="p95 latency, last hour" value=latency(false)/>
                <Stat label="p95 latency, 24 hours" value=latency(true)/>
                <Stat label="Waiting deliveries" value=backlog/>
            </Stats>
            <div class="columns-2 health-charts">
                <TimeChart title="Attempts" times=times series=series/>
                <TimeChart title="p95 latency" unit=ChartUnit::Millis kind=ChartKind::Lines times=times series=latencies/>
            </div>
        </Card>
    }
    .into_any()
}

#[expect(clippy::cast_precision_loss, reason = "a chart shows no more than some digits")]
fn outcomes(hours: &[HealthPoint]) -> Vec<Series> {
    let of = |label: &str, tone, number: fn(&Seen) -> u64| Series {
        label: label.to_owned(),
        tone,
        values: hours.iter().map(|hour| number(&hour.seen) as f64).collect(),
    };
    vec![
        of("Succeeded", Tone::Delivered, |seen| seen.succeeded),
        of("Failed", Tone::Failed, |seen| seen.attempts - seen.succeeded),
    ]
}

fn latencies(hours: &[HealthPoint]) -> Vec<Series> {
    let values = hours.iter().map(|hour| hour.seen.p95_ms.map_or(f64::NAN, f64::from)).collect();
    vec![Series { label: "p95".to_owned(), tone: Tone::Accent, values }]
}

/// What went wrong last, where nothing has succeeded since.
#[component]
pub fn FailingNote(failing: Memo<Option<Failing>>) -> impl IntoView {
    move || failing.get().map(failing_note)
}

fn failing_note(failing: Failing) -> impl IntoView {
    let since = match failing.succeeded_at {
        Some(at) => view! { "Nothing has succeeded since " <RelativeTime at=at/> "." }.into_any(),
        None => view! { "No attempt has succeeded yet." }.into_any(),
    };
    view! {
        <Alert tone=AlertTone::Danger title="The last attempt failed">
            <p>{failing.error}</p>
            <p><RelativeTime at=failing.at/> ", class " <span class="mono">{failing.error_class.as_str()}</span> ". " {since}</p>
        </Alert>
    }
    .into_any()
}
