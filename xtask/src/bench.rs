//! Measurements of the release build. Machines are noisy, so each figure stands beside what the same server does with
//! `/healthz` in the same run, and what counts is the ratio.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use serde_json::{Value, json};

use crate::{
    command, packages,
    postgres::{Cluster, Disk, free_port},
};

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Requests to a source without connections, each acknowledged only when it is on disk
    Ingest,
    /// The same with one destination that answers at once: accepted, delivered and recorded
    E2e,
}

const CONNECTIONS: u32 = 128;
const BODY_BYTES: usize = 1000;
const START_LIMIT: Duration = Duration::from_secs(20);
/// How long the backlog of deliveries may take to drain after the load.
const DRAIN_LIMIT: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(50);

pub fn run(scenario: Scenario, binary: &Path, seconds: u32) -> Result<()> {
    if packages::find_program("wrk").is_none() {
        packages::install(&["wrk"])?;
    }
    let mut reports = Vec::new();
    for database in ["sqlite", "postgres"] {
        let cluster = if database == "postgres" { Some(Cluster::start(Disk::Synced)?) } else { None };
        let server = Server::start(binary, cluster.as_ref())?;
        let mut report = measure(scenario, &server, seconds)?;
        report["database"] = database.into();
        eprintln!("{database}: {}", serde_json::to_string_pretty(&report)?);
        reports.push(report);
    }
    print_table(&reports);
    Ok(())
}

fn measure(scenario: Scenario, server: &Server, seconds: u32) -> Result<Value> {
    let source = server.post("/v1/sources", &json!({"name": "bench"}))?;
    let source_url = format!("/v1/sources/{}", text(&source, "id")?);
    let ingest = format!("{}/v1/ingest/{}", server.url, text(&source, "id")?);
    let receiver = (scenario == Scenario::E2e).then(|| server.url.clone() + "/healthz");
    if let Some(url) = &receiver {
        // The server's own health answers at once: a receiver that costs as little as one can.
        let config = json!({"url": url, "method": "GET"});
        let destination =
            server.post("/v1/destinations", &json!({"name": "sink", "type": "http", "config": config}))?;
        let ends = json!({"source_id": source["id"], "destination_id": destination["id"]});
        server.post("/v1/connections", &ends)?;
    }
    let idle_memory = server.memory_mib()?;
    let health = load(&format!("{}/healthz", server.url), None, seconds)?;
    let started = Instant::now();
    let taken = load(&ingest, Some(&server.script), seconds)?;
    let middle_memory = server.memory_mib()?;
    let mut report = json!({
        "healthz_per_second": health.per_second,
        "ingest_per_second": taken.per_second,
        "ingest_ratio": taken.per_second / health.per_second,
        "ingest_p50_ms": taken.p50_ms,
        "ingest_p99_ms": taken.p99_ms,
        "acknowledged": taken.requests - taken.errors,
        "not_acknowledged": taken.errors,
    });
    if receiver.is_some() {
        let delivered = server.wait_until_drained()?;
        let rate = delivered / started.elapsed().as_secs_f64();
        report["delivered_per_second"] = rate.into();
        report["e2e_ratio"] = (rate / health.per_second).into();
    }
    // Memory that grows with what was taken would show here.
    let again = load(&ingest, Some(&server.script), seconds)?;
    let stored = server.get(&source_url)?["event_count"].as_f64().context("no event_count")?;
    let acknowledged = (taken.requests - taken.errors) + (again.requests - again.errors);
    if stored < acknowledged {
        bail!("{acknowledged} events were acknowledged, but only {stored} are stored");
    }
    report["stored"] = stored.into();
    report["acknowledged_in_both_loads"] = acknowledged.into();
    report["memory_mib"] = json!([idle_memory, middle_memory, server.memory_mib()?]);
    Ok(report)
}

/// What `wrk` has measured.
struct Load {
    requests: f64,
    errors: f64,
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

fn load(url: &str, script: Option<&Path>, seconds: u32) -> Result<Load> {
    let mut wrk = Command::new("wrk");
    wrk.args(["-t2", &format!("-c{CONNECTIONS}"), &format!("-d{seconds}s"), "--latency"]);
    if let Some(script) = script {
        wrk.arg("-s").arg(script);
    }
    let said = command::output(wrk.arg(url))?;
    let after = |label: &str| said.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim);
    let number = |text: Option<&str>| text.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    let requests = said.lines().find(|line| line.contains(" requests in "));
    let refused = number(after("Non-2xx or 3xx responses:")).unwrap_or(0.0);
    Ok(Load {
        requests: number(requests).context("wrk counted no requests")?,
        errors: refused,
        per_second: number(after("Requests/sec:")).context("wrk told no rate")?,
        p50_ms: after("50%").and_then(milliseconds).context("wrk told no median")?,
        p99_ms: after("99%").and_then(milliseconds).context("wrk told no 99th percentile")?,
    })
}

/// `812.00us`, `8.12ms`, `1.20s`.
fn milliseconds(text: &str) -> Option<f64> {
    let (number, factor) = [("us", 0.001), ("ms", 1.0), ("s", 1000.0)]
        .into_iter()
        .find_map(|(unit, factor)| text.strip_suffix(unit).map(|number| (number, factor)))?;
    number.parse::<f64>().ok().map(|number| number * factor)
}

/// A server with an empty database of its own; dropping it ends it.
struct Server {
    process: Child,
    url: String,
    key: String,
    script: std::path::PathBuf,
    folder: std::path::PathBuf,
}

impl Server {
    fn start(binary: &Path, cluster: Option<&Cluster>) -> Result<Self> {
        let folder = command::output(Command::new("mktemp").args(["-d", "-t", "hookstream-bench-XXXXXX"]))?;
        let folder = Path::new(folder.trim()).to_owned();
        let address = format!("127.0.0.1:{}", free_port()?);
        let url = format!("http://{address}");
        let hookstream = |command: &str| {
            let mut process = Command::new(binary);
            process
                .arg(command)
                .current_dir(&folder)
                .env("HOOKSTREAM_DATA_DIR", &folder)
                .env("HOOKSTREAM_ADDR", &address)
                .env("HOOKSTREAM_ALLOW_TARGETS", "127.0.0.0/8")
                .env("HOOKSTREAM_LOG", "warn")
                .stdin(Stdio::null());
            if let Some(cluster) = cluster {
                process.env("HOOKSTREAM_DATABASE_URL", cluster.url()).env("HOOKSTREAM_SECRET_KEY", "5e".repeat(32));
            }
            process
        };
        let made = command::output(hookstream("bootstrap").args(["--email", "bench@example.com", "--org", "Bench"]))?;
        let made: Value = serde_json::from_str(&made)?;
        let script = folder.join("post.lua");
        fs::write(&script, post_script())?;
        let process = hookstream("serve").stderr(Stdio::null()).spawn().context("the server cannot be started")?;
        let server = Self { process, url, key: text(&made, "api_key")?.to_owned(), script, folder };
        let start = Instant::now();
        while ureq::get(format!("{}/readyz", server.url)).call().is_err() {
            if start.elapsed() > START_LIMIT {
                bail!("the server did not become ready");
            }
            thread::sleep(POLL);
        }
        Ok(server)
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request = ureq::post(format!("{}{path}", self.url)).header("x-api-key", &self.key);
        Ok(request.send_json(body)?.body_mut().read_json()?)
    }

    fn get(&self, path: &str) -> Result<Value> {
        let request = ureq::get(format!("{}{path}", self.url)).header("x-api-key", &self.key);
        Ok(request.call()?.body_mut().read_json()?)
    }

    /// Waits until every delivery has succeeded, and returns how many events there are.
    fn wait_until_drained(&self) -> Result<f64> {
        let start = Instant::now();
        while ["processing", "failed"].iter().any(|status| {
            self.get(&format!("/v1/events?limit=1&status={status}"))
                .map_or(true, |page| page["data"].as_array().is_none_or(|data| !data.is_empty()))
        }) {
            if start.elapsed() > DRAIN_LIMIT {
                bail!("not everything was delivered within {} s", DRAIN_LIMIT.as_secs());
            }
            thread::sleep(POLL);
        }
        let sources = self.get("/v1/sources")?;
        sources["data"][0]["event_count"].as_f64().context("no event_count")
    }

    /// Resident memory.
    fn memory_mib(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib / 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing is left to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn text<'a>(value: &'a Value, field: &str) -> Result<&'a str> {
    value[field].as_str().with_context(|| format!("an answer has no {field}"))
}

/// Posts a JSON body of about a thousand bytes.
fn post_script() -> String {
    let filler = "x".repeat(BODY_BYTES - 60);
    format!(
        "wrk.method = \"POST\"\nwrk.headers[\"content-type\"] = \"application/json\"\n\
         wrk.body = '{{\"id\":\"evt_1\",\"type\":\"invoice.paid\",\"data\":\"{filler}\"}}'\n"
    )
}

fn print_table(reports: &[Value]) {
    println!(
        "\n| database | /healthz /s | ingest /s | ratio | p50 ms | p99 ms | delivered /s | ratio | MiB idle, after one load, after two |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for report in reports {
        let number = |field: &str, digits: usize| {
            report[field].as_f64().map_or_else(|| "–".to_owned(), |number| format!("{number:.digits$}"))
        };
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            report["database"].as_str().unwrap_or_default(),
            number("healthz_per_second", 0),
            number("ingest_per_second", 0),
            number("ingest_ratio", 3),
            number("ingest_p50_ms", 2),
            number("ingest_p99_ms", 2),
            number("delivered_per_second", 0),
            number("e2e_ratio", 3),
            report["memory_mib"],
        );
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn units_of_time_are_read() {
        assert_eq!(super::milliseconds("500.00us"), Some(0.5));
        assert_eq!(super::milliseconds("12.5ms"), Some(12.5));
        assert_eq!(super::milliseconds("1.50s"), Some(1500.0));
    }
}
