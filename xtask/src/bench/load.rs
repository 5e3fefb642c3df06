//! Load that goes as fast as it is answered: `wrk` for measuring, and a poster of a given number of events for filling.

use std::{
    fmt::Write as _,
    fs,
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::connection::{self, Connection};
use crate::packages;

/// Connections of all loads together.
pub const CONNECTIONS: u32 = 128;
const THREADS: u32 = 2;
const BODY_BYTES: usize = 1000;
/// The places of the poster: enough that the server always has something to commit together.
const POSTERS: usize = 64;

/// What `wrk` has measured.
#[derive(Clone, Copy)]
pub struct Load {
    pub acknowledged: u64,
    pub refused: u64,
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

impl Load {
    pub fn to_json(self) -> Value {
        json!({
            "per_second": self.per_second,
            "p50_ms": self.p50_ms,
            "p99_ms": self.p99_ms,
            "acknowledged": self.acknowledged,
            "not_acknowledged": self.refused,
        })
    }
}

/// What is sent.
#[derive(Clone, Copy)]
pub enum Request<'a> {
    Get,
    /// A webhook, by the script that [`write_script`] has written.
    Post(&'a Path),
}

pub fn require_wrk() -> Result<()> {
    if packages::find_program("wrk").is_some() { Ok(()) } else { packages::install(&["wrk"]) }
}

/// Loads all addresses at once, with equal parts of the connections.
pub fn run(urls: &[String], request: Request<'_>, seconds: u32) -> Result<Load> {
    let connections = CONNECTIONS / u32::try_from(urls.len())?.max(1);
    let threads = if urls.len() == 1 { THREADS } else { 1 };
    let start = |url: &String| {
        let mut wrk = Command::new("wrk");
        wrk.args([format!("-t{threads}"), format!("-c{connections}"), format!("-d{seconds}s"), "--latency".into()]);
        if let Request::Post(script) = request {
            wrk.arg("-s").arg(script);
        }
        wrk.arg(url).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("wrk cannot be started")
    };
    let running = urls.iter().map(start).collect::<Result<Vec<_>>>()?;
    let mut total: Option<Load> = None;
    for process in running {
        let said = process.wait_with_output()?;
        if !said.status.success() {
            bail!("wrk ended with {}", said.status);
        }
        let load = read(&String::from_utf8_lossy(&said.stdout))?;
        total = Some(total.map_or(load, |sum| together(sum, load)));
    }
    total.context("there is nothing to load")
}

/// Percentiles of several loads cannot be added; the worst is told.
fn together(a: Load, b: Load) -> Load {
    Load {
        acknowledged: a.acknowledged + b.acknowledged,
        refused: a.refused + b.refused,
        per_second: a.per_second + b.per_second,
        p50_ms: a.p50_ms.max(b.p50_ms),
        p99_ms: a.p99_ms.max(b.p99_ms),
    }
}

/// Of two that ran equally long, one after the other.
pub fn mean(a: Load, b: Load) -> Load {
    let both = together(a, b);
    Load { per_second: both.per_second / 2.0, ..both }
}

fn read(said: &str) -> Result<Load> {
    let after = |label: &str| said.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim);
    let first = |text: &str| text.split_whitespace().next().map(str::to_owned);
    let count = |text: Option<&str>| text.and_then(first)?.parse::<u64>().ok();
    let requests =
        count(said.lines().find(|line| line.contains(" requests in "))).context("wrk counted no requests")?;
    let refused = count(after("Non-2xx or 3xx responses:")).unwrap_or(0);
    Ok(Load {
        acknowledged: requests - refused,
        refused,
        per_second: after("Requests/sec:").and_then(|text| text.parse().ok()).context("wrk told no rate")?,
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

/// What makes `wrk` post webhooks.
pub fn write_script(file: &Path) -> Result<()> {
    let head = "wrk.method = \"POST\"\nwrk.headers[\"content-type\"] = \"application/json\"";
    fs::write(file, format!("{head}\nwrk.body = [==[{}]==]\n", body()))?;
    Ok(())
}

/// Posts so many events as fast as they are taken; every one must be.
pub fn post_events(address: SocketAddr, path: &str, count: u64) -> Result<()> {
    let request = connection::post(path, &body());
    let left = AtomicU64::new(count);
    let take = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
    thread::scope(|scope| {
        let post = || -> Result<()> {
            let mut connection = Connection::open(address)?;
            while take() {
                let answer = connection.exchange(&request)?;
                if answer.status != 200 {
                    bail!("an event was answered with {}", answer.status);
                }
            }
            Ok(())
        };
        let posters: Vec<_> = (0..POSTERS).map(|_| scope.spawn(post)).collect();
        posters.into_iter().try_for_each(|poster| match poster.join() {
            Ok(result) => result,
            Err(_) => bail!("a poster has panicked"),
        })
    })
}

/// A JSON document of a thousand bytes that compresses no better than invoices do.
pub fn body() -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut body = format!(
        "{{\"id\":\"evt_{:016x}\",\"type\":\"invoice.paid\",\"customer\":\"cus_{:016x}\",\"lines\":[",
        random(),
        random()
    );
    while body.len() < BODY_BYTES - 170 {
        let (id, product, amount) = (random(), random(), random() % 100_000);
        let _ = write!(body, "{{\"id\":\"il_{id:016x}\",\"product\":\"prod_{product:016x}\",\"amount\":{amount}}},");
    }
    body += "{}],\"memo\":\"";
    while body.len() < BODY_BYTES - 2 {
        body.push(char::from(b'a' + u8::try_from(random() % 26).unwrap_or(0)));
    }
    body + "\"}"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_time_are_read() {
        assert_eq!(milliseconds("500.00us"), Some(0.5));
        assert_eq!(milliseconds("12.5ms"), Some(12.5));
        assert_eq!(milliseconds("1.50s"), Some(1500.0));
    }

    #[test]
    fn the_body_is_json_of_a_thousand_bytes() {
        let body = body();
        assert_eq!(body.len(), BODY_BYTES);
        let value: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(value["type"], "invoice.paid");
    }

    #[test]
    fn refused_requests_are_not_acknowledged() {
        let said = "  Thread Stats   Avg      Stdev     Max   +/- Stdev\n  Latency Distribution\n     50%    7.10ms\n     \
            75%    8.00ms\n     90%    9.00ms\n     99%   20.50ms\n  1000 requests in 2.00s, 1.00MB read\n  \
            Non-2xx or 3xx responses: 10\nRequests/sec:    500.00\n";
        let load = read(said).expect("read");
        assert_eq!((load.acknowledged, load.refused), (990, 10));
        assert!((load.p99_ms - 20.5).abs() < 1e-9);
    }
}
