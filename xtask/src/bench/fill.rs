//! Fills a database with copies of events that the server itself has stored, by bulk statements while no process runs.
//!
//! Everything of an event is copied as it is, whatever columns it has, except for what must differ: ids and times.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::server::Installation;

/// What is copied: the ids (32 hexadecimal digits) of one event for each outcome, all of one source.
pub struct Templates {
    pub delivered: String,
    /// Given up.
    pub failed: String,
    /// To be tried again some time.
    pub waiting: String,
}

/// Events that are made in one transaction.
const CHUNK: u64 = 100_000;
/// The copies are as if received evenly over so long, up to now.
const SPAN_MICROS: u64 = 5 * 24 * 3600 * 1_000_000;
/// Of so many events, one has failed.
const FAILED_EVERY: u64 = 100;

/// A table, how its rows belong to an event, and what is not copied.
struct Table {
    name: &'static str,
    of_event: &'static str,
    own: &'static [(&'static str, &'static str)],
}

const TABLES: [Table; 4] = [
    Table { name: "events", of_event: "id = {event}", own: &[("id", "i.event_id"), ("received_at", "i.micros")] },
    Table { name: "event_bodies", of_event: "event_id = {event}", own: &[("event_id", "i.event_id")] },
    Table {
        name: "deliveries",
        of_event: "event_id = {event}",
        own: &[
            ("id", "i.delivery_id"),
            ("event_id", "i.event_id"),
            // No two at one moment; none where there is none.
            ("due_at", "t.due_at + i.n"),
            ("created_at", "i.micros"),
            ("updated_at", "i.micros"),
        ],
    },
    Table {
        name: "attempts",
        of_event: "delivery_id IN (SELECT id FROM deliveries WHERE event_id = {event})",
        own: &[("id", "i.attempt_id"), ("delivery_id", "i.delivery_id"), ("started_at", "i.micros")],
    },
];

/// Adds so many events, of which `waiting` wait. Returns how long it took.
pub fn fill(installation: &Installation, templates: &Templates, events: u64, waiting: u64) -> Result<Duration> {
    let started = Instant::now();
    let script = script(installation, templates, events, waiting)?;
    installation.sql(&script).context("the database could not be filled")?;
    let stored: u64 = installation.sql("SELECT count(*) FROM events;")?.parse()?;
    if stored < events {
        bail!("of {events} events only {stored} were made");
    }
    Ok(started.elapsed())
}

fn script(installation: &Installation, templates: &Templates, events: u64, waiting: u64) -> Result<String> {
    let is_postgres = installation.is_postgres();
    let now: u64 = installation
        .sql(if is_postgres {
            "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;"
        } else {
            "SELECT CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER);"
        })?
        .parse()?;
    let step = (SPAN_MICROS / events.max(1)).max(1);
    let first = now - events * step;
    let mut script = if is_postgres { postgres_opening() } else { sqlite_opening() };
    let id = if is_postgres { "uuid" } else { "BLOB" };
    script.push(format!(
        "CREATE TEMP TABLE fill_ids (n BIGINT, kind BIGINT, micros BIGINT, event_id {id}, delivery_id {id}, attempt_id {id});"
    ));
    let mut copies = String::new();
    for table in &TABLES {
        script.push(template_table(table, templates, is_postgres));
        copies += &copy(table, &columns_of(installation, table.name)?);
    }
    // Every so many events wait; those that failed never fall on one of them.
    let waiting_every = events.checked_div(waiting).unwrap_or(u64::MAX >> 1).max(1);
    for start in (0..events).step_by(usize::try_from(CHUNK)?) {
        let end = (start + CHUNK).min(events) - 1;
        let (series, new_id) = if is_postgres {
            (format!("SELECT n FROM generate_series({start}::bigint, {end}) n"), POSTGRES_ID)
        } else {
            let more = format!("SELECT n + 1 FROM s WHERE n < {end}");
            (format!("WITH RECURSIVE s(n) AS (VALUES ({start}) UNION ALL {more}) SELECT n FROM s"), SQLITE_ID)
        };
        script.push(format!(
            "BEGIN;\n\
             INSERT INTO fill_ids SELECT n, kind, micros, {new_id}, {new_id}, {new_id} FROM (\
             SELECT n, {first} + n * {step} AS micros, CASE WHEN n % {waiting_every} = 0 THEN 2 \
             WHEN n % {FAILED_EVERY} = 1 THEN 1 ELSE 0 END AS kind FROM ({series}) AS numbers) AS given;\n\
             {copies}DELETE FROM fill_ids;\nCOMMIT;"
        ));
    }
    let source = format!("SELECT source_id FROM events WHERE id = {}", literal(&templates.delivered, is_postgres));
    script.push(format!("UPDATE sources SET event_count = event_count + {events} WHERE id = ({source});"));
    script.push(if is_postgres { "VACUUM ANALYZE;" } else { "PRAGMA journal_mode = WAL;" }.to_owned());
    Ok(script.join("\n"))
}

/// `t` is given all rows to copy from, with the kind of their event.
fn template_table(table: &Table, templates: &Templates, is_postgres: bool) -> String {
    let kinds = [&templates.delivered, &templates.failed, &templates.waiting];
    let rows: Vec<_> = kinds
        .iter()
        .enumerate()
        .map(|(kind, event)| {
            let of_event = table.of_event.replace("{event}", &literal(event, is_postgres));
            format!("SELECT {kind} AS fill_kind, t.* FROM {} t WHERE {of_event}", table.name)
        })
        .collect();
    format!("CREATE TEMP TABLE fill_{} AS {};", table.name, rows.join(" UNION ALL "))
}

fn copy(table: &Table, columns: &[String]) -> String {
    let values: Vec<_> = columns
        .iter()
        .map(|column| match table.own.iter().find(|(own, _)| own == column) {
            Some((_, value)) => (*value).to_owned(),
            None => format!("t.{column}"),
        })
        .collect();
    let (name, columns, values) = (table.name, columns.join(", "), values.join(", "));
    format!(
        "INSERT INTO {name} ({columns}) SELECT {values} FROM fill_ids i JOIN fill_{name} t ON t.fill_kind = i.kind \
         ORDER BY i.n;\n"
    )
}

fn columns_of(installation: &Installation, table: &str) -> Result<Vec<String>> {
    let sql = if installation.is_postgres() {
        format!(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '{table}' \
             AND is_generated = 'NEVER' ORDER BY ordinal_position;"
        )
    } else {
        format!("SELECT name FROM pragma_table_info('{table}');")
    };
    Ok(installation.sql(&sql)?.lines().map(str::to_owned).collect())
}

fn literal(id: &str, is_postgres: bool) -> String {
    if is_postgres { format!("'{id}'::uuid") } else { format!("x'{id}'") }
}

const POSTGRES_ID: &str =
    "(lpad(to_hex(micros / 1000), 12, '0') || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid";

fn postgres_opening() -> Vec<String> {
    vec!["SET synchronous_commit = off; SET client_min_messages = warning;".to_owned()]
}

/// `fill_words` has all pairs of bytes, of which the time is put together; old versions of SQLite cannot read hexadecimal.
const SQLITE_ID: &str = "CAST((SELECT b FROM fill_words WHERE n = (micros / 1000) >> 32) \
    || (SELECT b FROM fill_words WHERE n = ((micros / 1000) >> 16) & 65535) \
    || (SELECT b FROM fill_words WHERE n = (micros / 1000) & 65535) || x'70008000' || randomblob(6) AS BLOB)";

fn sqlite_opening() -> Vec<String> {
    let words: Vec<_> = (0..=u16::MAX).map(|word| format!("({word},x'{word:04x}')")).collect();
    // A fill that breaks off is thrown away, so nothing has to survive it.
    let opening = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;\n\
        PRAGMA cache_size = -500000; PRAGMA temp_store = MEMORY;\n\
        CREATE TEMP TABLE fill_words (n INTEGER PRIMARY KEY, b BLOB);";
    let words = words.chunks(4096).map(|words| format!("INSERT INTO fill_words VALUES {};", words.join(",")));
    [opening.to_owned()].into_iter().chain(words).collect()
}
