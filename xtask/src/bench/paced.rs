//! Load at a given rate. Each request has a time at which it is meant to be sent, whatever became of those before it, and
//! its latency counts from then: a server that stalls cannot keep its senders from noticing.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::{
    connection::{self, Connection},
    load::{self, CONNECTIONS},
};

/// A connection is asked for no more than this many requests a second, while there are connections left.
const PER_CONNECTION: f64 = 20.0;

/// Where events are posted to.
#[derive(Clone)]
pub struct Inlet {
    pub address: SocketAddr,
    pub path: String,
}

/// An acknowledged event.
#[derive(Clone, Copy)]
pub struct Sample {
    pub event: u128,
    /// When it was meant to be sent.
    pub intended: Instant,
    pub answered: Instant,
}

#[derive(Default)]
pub struct Paced {
    pub samples: Vec<Sample>,
    /// Answered with something else than 200, or not at all.
    pub refused: u64,
}

impl Paced {
    pub fn latencies(&self) -> Latencies {
        self.samples.iter().map(|sample| sample.answered - sample.intended).collect()
    }
}

/// Posts `rate` events a second for so long, to the inlets in turn.
pub fn run(inlets: &[Inlet], rate: f64, duration: Duration) -> Result<Paced> {
    let connections = connections_for(rate);
    let between = Duration::from_secs_f64(f64::from(connections) / rate);
    // The senders need a moment to begin together.
    let start = Instant::now() + Duration::from_millis(50);
    let body = load::body();
    let parts = thread::scope(|scope| {
        let senders: Vec<_> = (0..connections)
            .map(|number| {
                let inlet = &inlets[number as usize % inlets.len()];
                let request = connection::post(&inlet.path, &body);
                let first = start + Duration::from_secs_f64(f64::from(number) / rate);
                scope.spawn(move || send(inlet.address, &request, first, between, start + duration))
            })
            .collect();
        senders.into_iter().map(thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    let mut all = Paced::default();
    for part in parts {
        let Ok(part) = part else { bail!("a sender has panicked") };
        all.samples.extend(part.samples);
        all.refused += part.refused;
    }
    Ok(all)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate gives a small positive number")]
fn connections_for(rate: f64) -> u32 {
    ((rate / PER_CONNECTION).ceil() as u32).clamp(1, CONNECTIONS)
}

fn send(address: SocketAddr, request: &[u8], first: Instant, between: Duration, end: Instant) -> Paced {
    let mut paced = Paced::default();
    let mut connection = None;
    let mut intended = first;
    while intended < end {
        thread::sleep(intended.saturating_duration_since(Instant::now()));
        match exchange(&mut connection, address, request) {
            Some(event) => paced.samples.push(Sample { event, intended, answered: Instant::now() }),
            None => paced.refused += 1,
        }
        intended += between;
    }
    paced
}

/// The id of the event that was taken. A connection that failed is made anew for the next one.
fn exchange(connection: &mut Option<Connection>, address: SocketAddr, request: &[u8]) -> Option<u128> {
    let mut open = match connection.take() {
        Some(open) => open,
        None => Connection::open(address).ok()?,
    };
    let answer = open.exchange(request).ok()?;
    *connection = Some(open);
    if answer.status == 200 { connection::id_in(&answer.body, "evt_") } else { None }
}

/// Durations, sorted.
pub struct Latencies(Vec<Duration>);

impl FromIterator<Duration> for Latencies {
    fn from_iter<I: IntoIterator<Item = Duration>>(durations: I) -> Self {
        let mut durations: Vec<_> = durations.into_iter().collect();
        durations.sort_unstable();
        Self(durations)
    }
}

impl Latencies {
    /// The smallest that so many per cent of all do not exceed; 0 when there are none.
    pub fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100);
        self.0.get(rank.saturating_sub(1)).map_or(0.0, |duration| duration.as_secs_f64() * 1000.0)
    }

    pub fn to_json(&self) -> Value {
        json!({
            "count": self.0.len(),
            "p50_ms": self.percentile(50),
            "p90_ms": self.percentile(90),
            "p99_ms": self.percentile(99),
            "max_ms": self.percentile(100),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let latencies: Latencies = (1..=200).rev().map(Duration::from_millis).collect();
        for (percent, expected) in [(50, 100.0), (99, 198.0), (100, 200.0)] {
            assert!((latencies.percentile(percent) - expected).abs() < 1e-9, "{percent}");
        }
        assert!(Latencies::from_iter([]).percentile(99) < 1e-9);
    }

    #[test]
    fn slow_rates_need_few_connections() {
        assert_eq!(connections_for(5.0), 1);
        assert_eq!(connections_for(200.0), 10);
        assert_eq!(connections_for(1e6), CONNECTIONS);
    }
}
