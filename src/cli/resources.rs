//! `hookstream sources`, `destinations` and `connections`: list, get, create, update, delete. Flags stand for the fields that
//! most need; a file has all of them.

use std::path::PathBuf;

use domain::page::Page;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{
    Failure,
    client::{Api, Server},
    document,
    output::{Output, json as print_json, table},
};

/// What kind of thing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Source,
    Destination,
    Connection,
}

#[derive(clap::Subcommand)]
pub enum Sources {
    /// Show the sources, newest first
    List(List),
    /// Show one
    Get(One),
    /// Make one
    Create(Box<Change<SourceFields>>),
    /// Change one; what is not given stays
    Update(Box<Update<SourceFields>>),
    /// Delete one
    Delete(One),
}

#[derive(clap::Subcommand)]
pub enum Destinations {
    /// Show the destinations, newest first
    List(List),
    /// Show one
    Get(One),
    /// Make one
    Create(Box<Change<DestinationFields>>),
    /// Change one; what is not given stays
    Update(Box<Update<DestinationFields>>),
    /// Delete one
    Delete(One),
}

#[derive(clap::Subcommand)]
pub enum Connections {
    /// Show the connections, newest first
    List(List),
    /// Show one
    Get(One),
    /// Make one
    Create(Box<Change<ConnectionFields>>),
    /// Change one; what is not given stays
    Update(Box<Update<ConnectionFields>>),
    /// Delete one
    Delete(One),
}

#[derive(clap::Args)]
pub struct List {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    output: Output,
    /// No more than so many
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

#[derive(clap::Args)]
pub struct One {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    output: Output,
    /// Its id or slug; of a connection its id or name
    #[arg(value_name = "NAME")]
    name: String,
}

#[derive(clap::Args)]
pub struct Change<F: clap::Args> {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    output: Output,
    /// Its fields as the API has them, in YAML or JSON; - for the standard input. Flags go over it
    #[arg(short = 'f', long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    fields: F,
}

#[derive(clap::Args)]
pub struct Update<F: clap::Args> {
    /// Its id or slug; of a connection its id or name
    #[arg(value_name = "WHICH")]
    which: String,
    #[command(flatten)]
    change: Change<F>,
}

/// What flags say of a thing.
pub trait Fields {
    /// Puts what was given into `body`.
    async fn put(&self, api: &Api, body: &mut Map<String, Value>) -> anyhow::Result<()>;
}

#[derive(clap::Args)]
pub struct SourceFields {
    #[arg(long)]
    name: Option<String>,
    #[arg(long)]
    slug: Option<String>,
    #[arg(long)]
    description: Option<String>,
    /// The provider whose webhooks it takes, such as stripe or github
    #[arg(long)]
    template: Option<String>,
    /// A secret of the provider, by which signatures are verified; may be given several times
    #[arg(long = "secret", value_name = "SECRET")]
    secrets: Vec<String>,
}

#[derive(clap::Args)]
pub struct DestinationFields {
    #[arg(long)]
    name: Option<String>,
    #[arg(long)]
    slug: Option<String>,
    /// http, aws_sqs, kafka …; docs/destinations.md has all of them
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Of an http destination: where it sends to
    #[arg(long)]
    url: Option<String>,
    /// Another setting of its type, such as queue_url=https://…; may be given several times
    #[arg(long = "setting", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// A header that is sent along, as name=value; may be given several times
    #[arg(long = "header", value_name = "NAME=VALUE")]
    headers: Vec<String>,
    #[arg(long, value_name = "MILLISECONDS")]
    timeout_ms: Option<u64>,
    /// How often a delivery is tried
    #[arg(long, value_name = "NUMBER")]
    max_attempts: Option<u64>,
}

#[derive(clap::Args)]
pub struct ConnectionFields {
    /// The source, by slug or id
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// The destination, by slug or id
    #[arg(long, value_name = "DESTINATION")]
    destination: Option<String>,
    #[arg(long)]
    name: Option<String>,
    /// Which events it takes, as JSON; null for all
    #[arg(long, value_name = "JSON")]
    filter: Option<String>,
    /// What it makes of them, as a JSONata expression; empty for what they are
    #[arg(long, value_name = "EXPRESSION")]
    transform: Option<String>,
    #[arg(long, value_name = "SECONDS")]
    delay_seconds: Option<u64>,
    /// active, paused or disabled
    #[arg(long)]
    status: Option<String>,
}

impl Kind {
    const fn path(self) -> &'static str {
        match self {
            Self::Source => "/v1/sources",
            Self::Destination => "/v1/destinations",
            Self::Connection => "/v1/connections",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Destination => "destination",
            Self::Connection => "connection",
        }
    }

    const fn id_prefix(self) -> &'static str {
        match self {
            Self::Source => "src_",
            Self::Destination => "dst_",
            Self::Connection => "conn_",
        }
    }

    /// By what people name it.
    const fn name_field(self) -> &'static str {
        match self {
            Self::Source | Self::Destination => "slug",
            Self::Connection => "name",
        }
    }

    const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Source => &["id", "slug", "name", "template", "status", "event_count"],
            Self::Destination => &["id", "slug", "name", "type", "status"],
            Self::Connection => &["id", "name", "source_id", "destination_id", "status"],
        }
    }
}

pub async fn sources(command: Sources) -> anyhow::Result<()> {
    match command {
        Sources::List(list) => show_list(Kind::Source, &list).await,
        Sources::Get(one) => get(Kind::Source, &one).await,
        Sources::Create(change) => create(Kind::Source, &change).await,
        Sources::Update(update) => change_one(Kind::Source, &update).await,
        Sources::Delete(one) => delete(Kind::Source, &one).await,
    }
}

pub async fn destinations(command: Destinations) -> anyhow::Result<()> {
    match command {
        Destinations::List(list) => show_list(Kind::Destination, &list).await,
        Destinations::Get(one) => get(Kind::Destination, &one).await,
        Destinations::Create(change) => create(Kind::Destination, &change).await,
        Destinations::Update(update) => change_one(Kind::Destination, &update).await,
        Destinations::Delete(one) => delete(Kind::Destination, &one).await,
    }
}

pub async fn connections(command: Connections) -> anyhow::Result<()> {
    match command {
        Connections::List(list) => show_list(Kind::Connection, &list).await,
        Connections::Get(one) => get(Kind::Connection, &one).await,
        Connections::Create(change) => create(Kind::Connection, &change).await,
        Connections::Update(update) => change_one(Kind::Connection, &update).await,
        Connections::Delete(one) => delete(Kind::Connection, &one).await,
    }
}

async fn show_list(kind: Kind, list: &List) -> anyhow::Result<()> {
    let found = pages(&list.server.api()?, kind.path(), list.limit).await?;
    show_rows(list.output, kind.columns(), &found)
}

async fn get(kind: Kind, one: &One) -> anyhow::Result<()> {
    let api = one.server.api()?;
    let id = id_of(&api, kind, &one.name).await?;
    show_one(one.output, kind.columns(), &api.read(&format!("{}/{id}", kind.path())).await?)
}

async fn create<F: clap::Args + Fields>(kind: Kind, change: &Change<F>) -> anyhow::Result<()> {
    let api = change.server.api()?;
    let body = body_of(&api, change).await?;
    let made: Value = api.change(Method::POST, kind.path(), Some(&body)).await?;
    show_one(change.output, kind.columns(), &made)
}

async fn change_one<F: clap::Args + Fields>(kind: Kind, update: &Update<F>) -> anyhow::Result<()> {
    let api = update.change.server.api()?;
    let id = id_of(&api, kind, &update.which).await?;
    let body = body_of(&api, &update.change).await?;
    if body.as_object().is_some_and(Map::is_empty) {
        return Err(Failure::invalid("nothing is to be changed: give a flag or a file").into());
    }
    let changed: Value = api.change(Method::PATCH, &format!("{}/{id}", kind.path()), Some(&body)).await?;
    show_one(update.change.output, kind.columns(), &changed)
}

async fn delete(kind: Kind, one: &One) -> anyhow::Result<()> {
    let api = one.server.api()?;
    let id = id_of(&api, kind, &one.name).await?;
    let _: Value = api.change(Method::DELETE, &format!("{}/{id}", kind.path()), None).await?;
    if one.output.is_json() {
        print_json(&json!({ "id": id, "deleted": true }))
    } else {
        println!("The {} {} is deleted.", kind.word(), one.name);
        Ok(())
    }
}

async fn body_of<F: clap::Args + Fields>(api: &Api, change: &Change<F>) -> anyhow::Result<Value> {
    let mut body = match &change.file {
        Some(path) => document::read_object(path)?,
        None => Map::new(),
    };
    change.fields.put(api, &mut body).await?;
    Ok(Value::Object(body))
}

/// Everything of a list, page after page, but no more than `limit`.
pub async fn pages(api: &Api, path: &str, limit: u32) -> anyhow::Result<Vec<Value>> {
    let limit = usize::try_from(limit)?;
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let sign = if path.contains('?') { '&' } else { '?' };
        let size = (limit - found.len()).min(250);
        let page: Page<Value> = api.read(&format!("{path}{sign}limit={size}&cursor={cursor}")).await?;
        found.extend(page.data);
        match page.next_cursor {
            Some(next) if found.len() < limit => cursor = next,
            _ => return Ok(found),
        }
    }
}

/// The most that is looked through for a name.
const LOOKED_THROUGH: u32 = 10_000;

/// The id of what is named by its id, slug or name.
pub async fn id_of(api: &Api, kind: Kind, name: &str) -> anyhow::Result<String> {
    if name.starts_with(kind.id_prefix()) {
        // It goes into an address.
        let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        return if is_plain { Ok(name.to_owned()) } else { Err(none_such(kind, name)) };
    }
    let found = pages(api, kind.path(), LOOKED_THROUGH).await?;
    let mut named = found.iter().filter(|thing| thing[kind.name_field()] == name);
    match (named.next().and_then(|thing| thing["id"].as_str()), named.next()) {
        (Some(id), None) => Ok(id.to_owned()),
        (Some(_), Some(_)) => {
            Err(Failure::refused(format!("several are named {name}; use the id of the {}", kind.word())).into())
        }
        (None, _) => Err(none_such(kind, name)),
    }
}

fn none_such(kind: Kind, name: &str) -> anyhow::Error {
    let word = kind.word();
    Failure::refused(format!("there is no {word} {name}; `hookstream {word}s list` shows all")).into()
}

pub fn show_rows(output: Output, columns: &[&str], rows: &[Value]) -> anyhow::Result<()> {
    if output.is_json() {
        return print_json(&json!({ "data": rows }));
    }
    if rows.is_empty() {
        eprintln!("hookstream: there is none");
        return Ok(());
    }
    let cells = |row: &Value| columns.iter().map(|column| shown(&row[*column])).collect();
    table(columns, &rows.iter().map(cells).collect::<Vec<_>>());
    Ok(())
}

pub fn show_one(output: Output, columns: &[&str], thing: &Value) -> anyhow::Result<()> {
    if output.is_json() {
        return print_json(thing);
    }
    let Value::Object(fields) = thing else { return print_json(thing) };
    // The usual ones first, and then what else there is to it.
    let first = columns.iter().filter_map(|name| Some((*name, fields.get(*name)?)));
    let rest = fields.iter().filter(|(name, value)| !columns.contains(&name.as_str()) && !value.is_null());
    let rest = rest.map(|(name, value)| (name.as_str(), value));
    let facts: Vec<(&str, String)> = first.chain(rest).map(|(name, value)| (name, shown(value))).collect();
    super::output::facts(&facts);
    Ok(())
}

/// A value as a cell.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Fields for SourceFields {
    async fn put(&self, _: &Api, body: &mut Map<String, Value>) -> anyhow::Result<()> {
        put(body, "name", self.name.as_ref());
        put(body, "slug", self.slug.as_ref());
        put(body, "description", self.description.as_ref());
        put(body, "template", self.template.as_ref());
        if !self.secrets.is_empty() {
            object(body, "verification").insert("secrets".to_owned(), json!(self.secrets));
        }
        Ok(())
    }
}

impl Fields for DestinationFields {
    async fn put(&self, _: &Api, body: &mut Map<String, Value>) -> anyhow::Result<()> {
        put(body, "name", self.name.as_ref());
        put(body, "slug", self.slug.as_ref());
        put(body, "type", self.kind.as_ref());
        if let Some(url) = &self.url {
            object(body, "config").insert("url".to_owned(), json!(url));
            body.entry("type").or_insert(json!("http"));
        }
        for pair in &self.settings {
            let (name, text) = in_two(pair, "--setting")?;
            // A number or a truth value is meant as one.
            let value = serde_json::from_str::<Value>(text).ok().filter(|it| it.is_number() || it.is_boolean());
            object(body, "config").insert(name.to_owned(), value.unwrap_or_else(|| json!(text)));
        }
        for pair in &self.headers {
            let (name, value) = in_two(pair, "--header")?;
            object(body, "headers").insert(name.to_owned(), json!(value));
        }
        put(body, "timeout_ms", self.timeout_ms.as_ref());
        if let Some(attempts) = self.max_attempts {
            object(body, "retry").insert("max_attempts".to_owned(), json!(attempts));
        }
        Ok(())
    }
}

impl Fields for ConnectionFields {
    async fn put(&self, api: &Api, body: &mut Map<String, Value>) -> anyhow::Result<()> {
        if let Some(source) = &self.source {
            body.insert("source_id".to_owned(), json!(id_of(api, Kind::Source, source).await?));
        }
        if let Some(destination) = &self.destination {
            body.insert("destination_id".to_owned(), json!(id_of(api, Kind::Destination, destination).await?));
        }
        put(body, "name", self.name.as_ref());
        if let Some(filter) = &self.filter {
            let filter: Value = serde_json::from_str(filter)
                .map_err(|error| Failure::invalid(format!("--filter is not JSON: {error}")))?;
            body.insert("filter".to_owned(), filter);
        }
        if let Some(transform) = &self.transform {
            let transform = if transform.is_empty() { Value::Null } else { json!(transform) };
            body.insert("transform".to_owned(), transform);
        }
        put(body, "delay_seconds", self.delay_seconds.as_ref());
        put(body, "status", self.status.as_ref());
        Ok(())
    }
}

fn put<T: serde::Serialize>(body: &mut Map<String, Value>, name: &str, value: Option<&T>) {
    if let Some(value) = value {
        body.insert(name.to_owned(), json!(value));
    }
}

/// The object of this name, made where there is none.
fn object<'a>(body: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let value = body.entry(name.to_owned()).or_insert_with(|| json!({}));
    if !value.is_object() {
        *value = json!({});
    }
    match value {
        Value::Object(fields) => fields,
        _ => unreachable!("it is one now"),
    }
}

fn in_two<'a>(pair: &'a str, flag: &str) -> anyhow::Result<(&'a str, &'a str)> {
    let wrong = || Failure::invalid(format!("{flag} is to be NAME=VALUE, and not {pair:?}"));
    Ok(pair.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(wrong)?)
}
