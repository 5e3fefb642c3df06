//! The same measurements on an empty database and on one with many events and waiting deliveries.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::{
    Bench, Database,
    backlog::Backlog,
    connection::{self, Connection},
    e2e::throughput,
    fill::{self, Templates},
    load::{self, Request},
    paced::Latencies,
    receiver::{Manner, Receiver},
    report::Column,
    server::{Installation, Node},
};

pub const COLUMNS: &[Column] = &[
    Column("database", "/database", 0),
    Column("", "/measure", 0),
    Column("empty", "/empty", 2),
    Column("filled", "/filled", 2),
    Column("slower by", "/slowdown", 2),
];

const DEFAULT_EVENTS: u64 = 5_000_000;
const DEFAULT_WAITING: u64 = 1_000_000;
/// Events with each outcome before anything is measured, so that the lists of the empty database fill a page too.
const EACH_OUTCOME: u64 = 60;
/// Deliveries of the backlog that is drained.
const BACKLOG: u64 = 20_000;
/// How often each list is read, after a few times that do not count.
const READS: usize = 40;
const UNCOUNTED: usize = 5;
const OUTCOME_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);

pub fn measure(bench: &Bench<'_>, database: Database) -> Result<Vec<Value>> {
    let events = bench.options.events.unwrap_or(DEFAULT_EVENTS);
    let waiting = bench.options.waiting.unwrap_or(DEFAULT_WAITING).min(events);
    let installation = bench.installation(database)?;
    let receiver = Receiver::start()?;
    let node = installation.start()?;
    let stage = Stage::set(&node, &receiver)?;
    let empty = stage.measure(bench, &installation, &node, &receiver)?;
    node.stop()?;
    let before = installation.bytes_on_disk()?;
    let took = fill::fill(&installation, &stage.templates, events, waiting)?;
    let after = installation.bytes_on_disk()?;
    eprintln!("filled with {events} events in {:.0} s", took.as_secs_f64());
    let node = installation.start()?;
    let filled = stage.measure(bench, &installation, &node, &receiver)?;

    let mut rows: Vec<Value> = empty
        .iter()
        .zip(&filled)
        .map(|((name, empty), (_, filled))| {
            let (measure, slowdown) = match (empty, filled) {
                (Figure::PerSecond(empty), Figure::PerSecond(filled)) => (format!("{name}, /s"), empty / filled),
                _ => (format!("{name}, ms"), filled.number() / empty.number()),
            };
            json!({"measure": measure, "empty": empty.number(), "filled": filled.number(), "slowdown": slowdown})
        })
        .collect();
    let float = |number: u64| u32::try_from(number / 1024).map_or(f64::MAX, f64::from) * 1024.0;
    let bytes = (float(after) - float(before)) / u32::try_from(events).map_or(f64::MAX, f64::from);
    rows.push(json!({"measure": "bytes on disk an event, with its delivery and attempt", "filled": bytes}));
    rows.push(json!({"measure": format!("filled with {events} events, {waiting} deliveries waiting; took s"),
        "filled": took.as_secs_f64(), "events": events, "waiting": waiting}));
    Ok(rows)
}

/// What is measured on, before and after.
pub struct Stage {
    /// Its events go to the receiver.
    routed: String,
    /// Its events go nowhere.
    taken: String,
    /// A source with few events.
    quiet: String,
    destination: String,
    pub templates: Templates,
}

#[derive(Clone, Copy)]
pub enum Figure {
    PerSecond(f64),
    Milliseconds(f64),
}

impl Figure {
    const fn number(self) -> f64 {
        match self {
            Self::PerSecond(number) | Self::Milliseconds(number) => number,
        }
    }
}

impl Stage {
    pub fn set(node: &Node, receiver: &Receiver) -> Result<Self> {
        let api = node.api();
        let (routed, taken, quiet) = (api.source("routed")?, api.source("taken")?, api.source("quiet")?);
        // What the receiver refuses with 410 is given up; everything else waits until long after the measurement.
        let retry = json!({"strategy": "fixed", "base_seconds": 86_400, "max_attempts": 2, "give_up_on": [410]});
        // So many refusals in a row would open its circuit.
        let sink = json!({"name": "sink", "type": "http", "config": {"url": receiver.url()}, "retry": retry,
            "circuit_breaker": {"enabled": false}});
        let destination = api.make("destinations", &sink)?;
        api.connect(&routed, &destination)?;
        let outcome = |answer: u16, status: &str| -> Result<String> {
            receiver.answers(Manner::Status(answer));
            load::post_events(node.address(), &api.inlet(&routed).path, EACH_OUTCOME)?;
            newest_delivery(node, status)
        };
        let templates = Templates {
            failed: outcome(410, "failed")?,
            waiting: outcome(500, "waiting")?,
            delivered: outcome(200, "succeeded")?,
        };
        load::post_events(node.address(), &api.inlet(&quiet).path, EACH_OUTCOME)?;
        Ok(Self { routed, taken, quiet, destination, templates })
    }

    pub fn routed(&self) -> &str {
        &self.routed
    }

    pub fn destination(&self) -> &str {
        &self.destination
    }

    pub fn measure(
        &self,
        bench: &Bench<'_>,
        installation: &Installation,
        node: &Node,
        receiver: &Receiver,
    ) -> Result<Vec<(String, Figure)>> {
        let mut figures = vec![("`/healthz`".to_owned(), Figure::PerSecond(bench.healthz(node)?.per_second))];
        figures.extend(self.read_lists(installation, node)?);
        let stored = node.api().stored(&self.taken)?;
        let url = node.url(&node.api().inlet(&self.taken).path);
        let load = load::run(&[url], Request::Post(&installation.script()), bench.seconds())?;
        node.api().check_stored(&self.taken, stored + load.acknowledged)?;
        figures.push(("acknowledged".to_owned(), Figure::PerSecond(load.per_second)));
        figures.push(("acknowledged, p99".to_owned(), Figure::Milliseconds(load.p99_ms)));
        let (_, through) = throughput(bench, installation, &[node], &self.routed, receiver)?;
        figures.push(("delivered and recorded".to_owned(), Figure::PerSecond(through.per_second())));
        let backlog = Backlog::of(node, receiver, &self.routed, &self.destination)?;
        backlog.gather(BACKLOG)?;
        let drained = f64::from(u32::try_from(BACKLOG)?) / backlog.drain(BACKLOG)?.as_secs_f64();
        figures.push((format!("delivered of {BACKLOG} that waited for a pause to end"), Figure::PerSecond(drained)));
        Ok(figures)
    }

    /// The median time of each page that people look at.
    pub fn read_lists(&self, installation: &Installation, node: &Node) -> Result<Vec<(String, Figure)>> {
        let middle = installation.sql(&middle_of_time(installation.is_postgres()))?;
        let page = node.api().get(&format!("/v1/events?before={middle}"))?;
        let cursor = page["next_cursor"].as_str().context("there is no second page before the middle")?;
        let in_middle = page["data"][0]["id"].as_str().context("there is no event before the middle")?;
        let (quiet, routed, destination) = (&self.quiet, &self.routed, &self.destination);
        let mut connection = Connection::open(node.address())?;
        [
            ("events, first page", "/v1/events".to_owned()),
            ("events, a page in the middle by cursor", format!("/v1/events?cursor={cursor}")),
            ("events, failed", "/v1/events?status=failed".to_owned()),
            ("events of a busy source", format!("/v1/events?source_id={routed}")),
            ("events of a quiet source", format!("/v1/events?source_id={quiet}")),
            ("an event", format!("/v1/events/{in_middle}")),
            ("deliveries, first page", "/v1/deliveries".to_owned()),
            ("deliveries of a destination", format!("/v1/deliveries?destination_id={destination}")),
            ("deliveries given up", "/v1/deliveries?is_dlq=true".to_owned()),
        ]
        .into_iter()
        .map(|(name, path)| Ok((name.to_owned(), Figure::Milliseconds(median(&mut connection, node, &path)?))))
        .collect()
    }
}

fn median(connection: &mut Connection, node: &Node, path: &str) -> Result<f64> {
    let request = connection::get(path, node.api().key());
    let mut times = Vec::with_capacity(READS);
    for round in 0..UNCOUNTED + READS {
        let start = Instant::now();
        let answer = connection.exchange(&request)?;
        if answer.status != 200 {
            bail!("{path} was answered with {}", answer.status);
        }
        if round >= UNCOUNTED {
            times.push(start.elapsed());
        }
    }
    Ok(Latencies::from_iter(times).percentile(50))
}

/// The event of the newest delivery once that has this status.
fn newest_delivery(node: &Node, status: &str) -> Result<String> {
    let start = Instant::now();
    loop {
        let page = node.api().get("/v1/deliveries?limit=250")?;
        let all = page["data"].as_array().context("no list")?;
        let of_status = |delivery: &&Value| delivery["status"] == status;
        if all.iter().filter(of_status).count() >= usize::try_from(EACH_OUTCOME)?
            && let Some(id) = all.iter().find(of_status).and_then(|delivery| delivery["event_id"].as_str())
        {
            return Ok(id.trim_start_matches("evt_").to_owned());
        }
        if start.elapsed() > OUTCOME_LIMIT {
            bail!("no delivery became {status}{}", node.said());
        }
        thread::sleep(POLL);
    }
}

/// When the middle one of all events was received, as RFC 3339.
fn middle_of_time(is_postgres: bool) -> String {
    const MIDDLE: &str = "(SELECT received_at / 1000000.0 FROM events ORDER BY env_id, id \
        LIMIT 1 OFFSET (SELECT count(*) / 2 FROM events))";
    if is_postgres {
        format!("SELECT to_char(to_timestamp({MIDDLE}) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"');")
    } else {
        format!("SELECT strftime('%Y-%m-%dT%H:%M:%fZ', {MIDDLE}, 'unixepoch');")
    }
}
