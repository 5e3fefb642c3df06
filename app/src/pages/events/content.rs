//! What was received: body, headers, query, raw.

use domain::event::{EventSummary, VerificationStatus};
use leptos::prelude::*;
use leptos_router::location::Url;

use super::event_title;
use crate::{
    api::{
        events::{Body, EventContent},
        names::Names,
    },
    components::*,
    pages::project::use_project,
    paths,
};

/// The facts of the event's head.
#[component]
pub fn EventFacts(event: EventSummary, names: Names) -> impl IntoView {
    let env = use_project().id();
    let verified = match event.verification_status {
        VerificationStatus::Verified => "verified",
        VerificationStatus::NotRequired => "not required",
    };
    view! {
        <Facts columns=true>
            <Fact label="Source">
                <a href=paths::source(&env, event.source_id)>{names.source(event.source_id)}</a>
            </Fact>
            <Fact label="Received"><RelativeTime at=event.received_at/></Fact>
            <Fact label="Id"><Id value=event.id.to_string()/></Fact>
            <Fact label="Size"><span class="num">{bytes(event.content_length)}</span></Fact>
            <Fact label="Signature">{verified}</Fact>
            {event.content_type.map(|it| view! { <Fact label="Content type"><span class="mono">{it}</span></Fact> })}
            {event.source_ip.map(|it| view! { <Fact label="From"><span class="mono">{it}</span></Fact> })}
            {event.provider_event_id.map(|it| view! { <Fact label="Provider's id"><Id value=it/></Fact> })}
        </Facts>
    }
    .into_any()
}

/// What is not as usual about an event: that it is a duplicate, or not what its source's schema allows.
#[component]
pub fn EventNotes(content: EventContent) -> impl IntoView {
    let env = use_project().id();
    let duplicate = content.summary.duplicate_of.map(|first| {
        view! {
            <Alert tone=AlertTone::Info title="A duplicate">
                "It repeats "
                <a href=paths::event(&env, first)>"an event that came before"</a>
                ", and was not delivered again."
            </Alert>
        }
    });
    let errors = content.schema_errors;
    let schema = (!errors.is_empty()).then(|| {
        let errors: Vec<_> = errors
            .into_iter()
            .map(|error| {
                let place = if error.pointer.is_empty() { "(the whole body)".to_owned() } else { error.pointer };
                view! { <li><code>{place}</code> " " {error.message}</li> }
            })
            .collect();
        view! {
            <Alert tone=AlertTone::Warning title="The source's schema does not allow this body">
                <ul>{errors}</ul>
            </Alert>
        }
    });
    view! {
        {duplicate}
        {schema}
    }
    .into_any()
}

/// The tabs.
#[component]
pub fn EventTabs(content: EventContent) -> impl IntoView {
    let EventContent { summary, headers, body, decoded, schema_errors: _ } = content;
    let request_line = format!(
        "{} {}{}",
        summary.method,
        summary.path,
        summary.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default()
    );
    let query = query_pairs(summary.query.as_deref().unwrap_or_default());
    let (header_count, query_count) = (headers.len().to_string(), query.len());
    let raw = StoredValue::new((request_line, headers.clone(), body.clone()));
    let was_encoded = decoded.is_some();
    let body = StoredValue::new(decoded.unwrap_or(body));
    let (headers, query) = (StoredValue::new(headers), StoredValue::new(query));
    let query_tab = Tab::new(
        "query",
        "Query",
        move || view! { <HeaderList headers=query.get_value() empty="The URL had no query."/> },
    );
    let tabs = vec![
        Tab::new("body", "Body", move || view! { <PrettyBody body=body.get_value() was_encoded=was_encoded/> }),
        Tab::new("headers", "Headers", move || view! { <HeaderList headers=headers.get_value()/> }).count(header_count),
        if query_count > 0 { query_tab.count(query_count.to_string()) } else { query_tab },
        Tab::new("raw", "Raw", move || raw.with_value(|(line, headers, body)| raw_view(line, headers, body))),
    ];
    let label = format!("What was received: {}", event_title(&summary));
    view! {
        <Card flush=true>
            <Tabs label=label tabs=tabs/>
        </Card>
    }
    .into_any()
}

#[component]
fn PrettyBody(body: Body, was_encoded: bool) -> impl IntoView {
    let note = was_encoded.then(|| view! { <p class="card-note">"It came compressed, and is shown without."</p> });
    let body = match body {
        Body::Empty => view! { <p class="card-note">"The body is empty."</p> }.into_any(),
        Body::Text { text, is_json: true, .. } => view! { <JsonView source=text/> }.into_any(),
        Body::Text { text, cut, .. } => view! { <CutNote cut=cut/> <CodeBlock code=text bounded=true/> }.into_any(),
        Body::Binary { dump, base64 } => view! {
            <div class="row">
                <p class="card-note">"The body is not text. These are its first bytes."</p>
                {base64.map(|base64| view! { <CopyButton text=base64 label="Copy as base64" word=true/> })}
            </div>
            <CodeBlock code=dump bounded=true/>
        }
        .into_any(),
    };
    view! {
        {note}
        {body}
    }
    .into_any()
}

/// The request as it was, line by line.
fn raw_view(line: &str, headers: &[(String, String)], body: &Body) -> impl IntoView + use<> {
    let headers: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let (body, cut) = match body {
        Body::Empty => (String::new(), false),
        Body::Text { text, cut, .. } => (text.clone(), *cut),
        Body::Binary { dump, .. } => (dump.clone(), false),
    };
    let whole = format!("{line}\n{}\n\n{body}", headers.join("\n"));
    view! {
        <CutNote cut=cut/>
        <CodeBlock code=whole bounded=true wrap=true/>
    }
    .into_any()
}

#[component]
fn CutNote(cut: bool) -> impl IntoView {
    cut.then(|| {
        view! { <p class="card-note">"The first 256 KiB are shown. The REST API has all of it: GET /v1/events/{id}."</p> }
    })
}

/// Names and values of a query, decoded.
fn query_pairs(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| Url::unescape(&text.replace('+', " "));
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}
