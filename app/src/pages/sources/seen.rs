//! What a source checks, which types of events it has seen, and how many requests it refused.

use std::fmt::Write;

use domain::{
    checks::{Checks, SchemaAction},
    dedup::{Dedup, DedupStrategy},
    event_type::{EventType, Kind},
    id::SourceId,
    ip_rules::IpRange,
    rejection::RejectedRequest,
};
use leptos::prelude::*;

use super::rejected::reason_words;
use crate::{
    api::{
        events::EventQuery,
        sources::{event_types, rejected_requests},
    },
    components::*,
    pages::{
        live::{use_changes, use_fresh},
        project::use_project,
    },
    paths,
};

/// Only what is checked at all.
#[component]
pub fn SourceChecks(checks: Checks) -> impl IntoView {
    let ranges = |ranges: &[IpRange]| ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join("  ");
    let addresses = |label: &'static str, list: &[IpRange]| {
        let text = ranges(list);
        (!list.is_empty()).then(|| view! { <Fact label=label><span class="mono lines">{text}</span></Fact> })
    };
    let (allow, deny) = (addresses("Only from", &checks.ip.allow), addresses("Not from", &checks.ip.deny));
    let schema = checks.schema.as_ref().map(|_| match checks.schema_action {
        SchemaAction::Reject => "Bodies have to satisfy it",
        SchemaAction::Warn => "Events whose bodies do not satisfy it are marked",
    });
    view! {
        {allow}
        {deny}
        {checks.dedup.map(|dedup| view! { <Fact label="Duplicates">{dedup_words(&dedup)}</Fact> })}
        {schema.map(|words| view! { <Fact label="Schema">{words}</Fact> })}
        {checks.rate_limit.map(|rate| view! { <Fact label="Rate limit">{format!("{} a {}", rate.limit, rate.per.as_str())}</Fact> })}
        {checks.response.map(|response| view! { <Fact label="Answer">{format!("{}, {}", response.status, response.content_type)}</Fact> })}
    }
    .into_any()
}

fn dedup_words(dedup: &Dedup) -> String {
    let what = match dedup.strategy {
        DedupStrategy::PayloadHash => "The same body".to_owned(),
        DedupStrategy::Header => format!("The same {}", dedup.header.as_deref().unwrap_or_default()),
        DedupStrategy::BodyField => format!("The same {} in the body", dedup.field.as_deref().unwrap_or_default()),
    };
    format!("{what} within {}", window_words(dedup.window_seconds))
}

fn window_words(seconds: u32) -> String {
    let (number, unit) = match seconds {
        s if s % 86_400 == 0 => (s / 86_400, "day"),
        s if s % 3600 == 0 => (s / 3600, "hour"),
        s if s % 60 == 0 => (s / 60, "minute"),
        s => (s, "second"),
    };
    if number == 1 { format!("a {unit}").replace("a hour", "an hour") } else { format!("{number} {unit}s") }
}

/// The types of events, each with what its payloads have in them.
#[component]
pub fn SeenTypes(source: SourceId, seen: Vec<EventType>) -> impl IntoView {
    let project = use_project();
    let id = StoredValue::new(source.to_string());
    let fresh = use_fresh(seen, move || event_types(project.id(), id.get_value()));
    let changes = use_changes(|| true);
    fresh.when(move || changes.get());
    let data = fresh.data();
    let rows = move || {
        data.get()
            .into_iter()
            .map(|seen| {
                let query = EventQuery {
                    source: id.get_value(),
                    event_type: seen.name.clone().unwrap_or_default(),
                    ..EventQuery::default()
                };
                let href = query.list(&project.id());
                view! { <SeenType seen=seen href=href/> }
            })
            .collect_view()
    };
    move || {
        let is_empty = data.with(Vec::is_empty);
        (!is_empty).then(|| {
            view! {
                <Card title="Event types" text="What has come so far, and what was in it. Counted every few seconds." flush=true>
                    {rows}
                </Card>
            }
        })
    }
}

#[component]
fn SeenType(seen: EventType, href: String) -> impl IntoView {
    let name = seen.name.unwrap_or_else(|| "without a type".to_owned());
    let fields = seen.shape.fields().fold(String::new(), |mut text, (path, kinds)| {
        let kinds = kinds.map(Kind::as_str).collect::<Vec<_>>().join(" | ");
        let _ = writeln!(text, "{path}: {kinds}");
        text
    });
    let shape = if fields.is_empty() {
        view! { <p class="muted">"None of the bodies looked at was JSON."</p> }.into_any()
    } else {
        view! { <CodeBlock code=fields bounded=true/> }.into_any()
    };
    view! {
        <details class="attempt" data-tone="received">
            <summary>
                <span class="attempt-arrow"><Glyph icon=Icon::ChevronRight size=14/></span>
                <span class="attempt-said mono">{name}</span>
                <span class="attempt-latency num">{count(seen.count)}</span>
                <span class="attempt-time"><RelativeTime at=seen.last_seen_at quiet=true/></span>
            </summary>
            <div class="attempt-body stack">
                {shape}
                <p><a href=href>"Events of this type"</a></p>
            </div>
        </details>
    }
    .into_any()
}

/// Says when requests were refused, and leads to them.
#[component]
pub fn RefusedNote(source: SourceId, rejected: Vec<RejectedRequest>) -> impl IntoView {
    let project = use_project();
    let id = StoredValue::new(source.to_string());
    let fresh = use_fresh(rejected, move || rejected_requests(project.id(), id.get_value()));
    let changes = use_changes(|| true);
    fresh.when(move || changes.get());
    let data = fresh.data();
    move || {
        data.with(|rejected| {
            let last = rejected.first()?;
            let title = match rejected.len() {
                1 => "One request was refused in the last 24 hours".to_owned(),
                number => format!("{number} requests were refused in the last 24 hours"),
            };
            let words = format!("The last one: {}. ", reason_words(last.reason).to_lowercase());
            Some(view! {
                <Alert tone=AlertTone::Warning title=title>
                    {words}
                    <a href=paths::rejected_requests(project.id(), id.get_value())>"See what was wrong"</a>
                </Alert>
            })
        })
    }
}
