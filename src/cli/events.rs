//! `hookstream events` and `hookstream deliveries`.

use domain::event::Event;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    client::Server,
    listen::{News, follow, since},
    output::{Output, Paint, json as print_json, one_line},
    resources::{Kind, id_of, pages, show_one, show_rows},
};

#[derive(clap::Subcommand)]
pub enum Events {
    /// Show events, newest first
    List(EventList),
    /// Show one, with its headers, its body and its deliveries
    Get(ById),
    /// Print events as they come
    Tail(Tail),
    /// Queue all deliveries of an event that have ended or wait
    Retry(ById),
}

#[derive(clap::Subcommand)]
pub enum Deliveries {
    /// Show deliveries, newest first
    List(DeliveryList),
    /// Show one
    Get(ById),
    /// Show what was sent and what came back, oldest first
    Attempts(ById),
    /// Try one once more, now
    Retry(ById),
    /// End one that waits
    Cancel(ById),
}

#[derive(clap::Args)]
pub struct EventList {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    output: Output,
    /// Of this source, by slug or id
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// received, processing, delivered or failed
    #[arg(long)]
    status: Option<String>,
    /// Of this type
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// With this in the body or a header
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Received since then: 10m, 2h, 1d, or a time such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// No more than so many
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

#[derive(clap::Args)]
pub struct DeliveryList {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    output: Output,
    /// To this destination, by slug or id
    #[arg(long, value_name = "DESTINATION")]
    destination: Option<String>,
    /// Over this connection, by name or id
    #[arg(long, value_name = "CONNECTION")]
    connection: Option<String>,
    /// Such as pending, waiting, succeeded or failed
    #[arg(long)]
    status: Option<String>,
    /// Only those in the dead letter queue
    #[arg(long)]
    dlq: bool,
    /// No more than so many
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

#[derive(clap::Args)]
pub struct ById {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    output: Output,
    #[arg(value_name = "ID", value_parser = id)]
    id: String,
}

#[derive(clap::Args)]
pub struct Tail {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    output: Output,
    /// Of this source, by slug or id
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Also what came since then
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
}

/// An id goes into an address.
fn id(text: &str) -> Result<String, &'static str> {
    let is_plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_plain { Ok(text.to_owned()) } else { Err("must be an id such as evt_0198…") }
}

const EVENT_COLUMNS: [&str; 6] = ["received_at", "id", "type", "status", "method", "content_length"];
const DELIVERY_COLUMNS: [&str; 6] = ["created_at", "id", "status", "attempt_count", "destination_id", "last_error"];
const ATTEMPT_COLUMNS: [&str; 6] =
    ["attempt_number", "started_at", "trigger", "response_status", "latency_ms", "error"];

pub async fn events(command: Events) -> anyhow::Result<()> {
    match command {
        Events::List(list) => {
            let api = list.server.api()?;
            let source = match &list.source {
                Some(source) => Some(id_of(&api, Kind::Source, source).await?),
                None => None,
            };
            let after = list.since.as_deref().map(since::parse).transpose()?.map(|time| time.to_string());
            let path = with_query(
                "/v1/events",
                &[
                    ("source_id", source.as_deref()),
                    ("status", list.status.as_deref()),
                    ("type", list.kind.as_deref()),
                    ("search", list.search.as_deref()),
                    ("after", after.as_deref()),
                ],
            );
            show_rows(list.output, &EVENT_COLUMNS, &pages(&api, &path, list.limit).await?)
        }
        Events::Get(one) => {
            let event: Value = one.server.api()?.read(&format!("/v1/events/{}", one.id)).await?;
            if one.output.is_json() { print_json(&event) } else { print_event(event) }
        }
        Events::Retry(one) => {
            let path = format!("/v1/events/{}/retry", one.id);
            let done: Value = one.server.api()?.change(Method::POST, &path, None).await?;
            if one.output.is_json() {
                return print_json(&done);
            }
            println!("{} deliveries are queued.", done["retried"]);
            Ok(())
        }
        Events::Tail(tail) => self::tail(&tail).await,
    }
}

fn print_event(event: Value) -> anyhow::Result<()> {
    let whole: Event = serde_json::from_value(event.clone())?;
    let mut fields = event;
    if let Some(fields) = fields.as_object_mut() {
        for shown_below in ["headers", "payload", "body_base64", "deliveries"] {
            fields.remove(shown_below);
        }
    }
    show_one(Output::table(), &EVENT_COLUMNS, &fields)?;
    let paint = Paint::of_stdout();
    println!("\n{}", paint.bold("Headers"));
    for (name, value) in &whole.headers {
        println!("{}: {}", one_line(name), one_line(value));
    }
    println!("\n{}", paint.bold("Body"));
    match &whole.payload {
        Some(payload) => println!("{}", serde_json::to_string_pretty(payload)?),
        None => println!("{} bytes that are no JSON; --output json has them", whole.summary.content_length),
    }
    if !whole.deliveries.is_empty() {
        println!("\n{}", paint.bold("Deliveries"));
        let rows = whole.deliveries.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>()?;
        show_rows(Output::table(), &DELIVERY_COLUMNS, &rows)?;
    }
    Ok(())
}

async fn tail(tail: &Tail) -> anyhow::Result<()> {
    let api = tail.server.api()?;
    let topic = match &tail.source {
        Some(source) => format!("events:{}", id_of(&api, Kind::Source, source).await?),
        None => "events".to_owned(),
    };
    let since = tail.since.as_deref().map(since::parse).transpose()?;
    let (news, mut heard) = mpsc::channel(256);
    let following = tokio::spawn(follow(api, vec![topic], since, news));
    let paint = Paint::of_stdout();
    let stop = crate::shutdown::requested();
    tokio::pin!(stop);
    let ended = loop {
        let heard = tokio::select! {
            () = &mut stop => break Ok(()),
            heard = heard.recv() => heard,
        };
        match heard {
            Some(News::Event(event)) if tail.output.is_json() => println!("{}", json!(event)),
            Some(News::Event(event)) => println!(
                "{}  {}  {}  {} bytes",
                paint.dim(&event.received_at.to_string()),
                event.id,
                paint.bold(&one_line(event.event_type.as_deref().unwrap_or("-"))),
                event.content_length
            ),
            Some(News::Connected) => eprintln!("hookstream: connected; waiting for events"),
            Some(News::Lost { why, wait }) => {
                eprintln!(
                    "hookstream: the connection is lost ({}); trying again in {:.1} s",
                    one_line(&why),
                    wait.as_secs_f64()
                );
            }
            Some(News::Gap) => eprintln!("hookstream: more was missed than the server tells"),
            Some(News::Ended(error)) => break Err(error),
            None => break Err(anyhow::anyhow!("the connection could not be kept")),
        }
    };
    following.abort();
    ended
}

pub async fn deliveries(command: Deliveries) -> anyhow::Result<()> {
    match command {
        Deliveries::List(list) => {
            let api = list.server.api()?;
            let destination = match &list.destination {
                Some(name) => Some(id_of(&api, Kind::Destination, name).await?),
                None => None,
            };
            let connection = match &list.connection {
                Some(name) => Some(id_of(&api, Kind::Connection, name).await?),
                None => None,
            };
            let path = with_query(
                "/v1/deliveries",
                &[
                    ("destination_id", destination.as_deref()),
                    ("connection_id", connection.as_deref()),
                    ("status", list.status.as_deref()),
                    ("is_dlq", list.dlq.then_some("true")),
                ],
            );
            show_rows(list.output, &DELIVERY_COLUMNS, &pages(&api, &path, list.limit).await?)
        }
        Deliveries::Get(one) => {
            let delivery: Value = one.server.api()?.read(&format!("/v1/deliveries/{}", one.id)).await?;
            show_one(one.output, &DELIVERY_COLUMNS, &delivery)
        }
        Deliveries::Attempts(one) => {
            let page: Value = one.server.api()?.read(&format!("/v1/deliveries/{}/attempts", one.id)).await?;
            show_rows(one.output, &ATTEMPT_COLUMNS, page["data"].as_array().map(Vec::as_slice).unwrap_or_default())
        }
        Deliveries::Retry(one) => change(&one, "retry").await,
        Deliveries::Cancel(one) => change(&one, "cancel").await,
    }
}

async fn change(one: &ById, action: &str) -> anyhow::Result<()> {
    let path = format!("/v1/deliveries/{}/{action}", one.id);
    let delivery: Value = one.server.api()?.change(Method::POST, &path, None).await?;
    show_one(one.output, &DELIVERY_COLUMNS, &delivery)
}

/// `path` with those parameters that are there.
pub fn with_query(path: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in parameters {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}
