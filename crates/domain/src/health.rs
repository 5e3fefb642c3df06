//! How a destination does, from counts of its attempts by how long they took.

use serde::{Deserialize, Serialize};

use crate::{
    circuit::CircuitState, delivery::ErrorClass, destination::DestinationType, id::DestinationId, time::Timestamp,
};

/// A class of attempts by their latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket(u8);

/// Where each class but the last ends, in milliseconds. A percentile that is read from them is off by less than a third.
const BOUNDS: [u32; 24] = [
    5, 10, 15, 20, 30, 40, 60, 80, 100, 150, 200, 300, 400, 600, 800, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000,
    20_000, 40_000, 80_000,
];
/// The longest that an attempt may take: [`crate::destination`]'s longest timeout.
const LONGEST_MS: u32 = 120_000;
/// How a class is stored that is none: the attempt got no answer that it waited for.
const NONE: i64 = -1;

impl Bucket {
    #[must_use]
    pub fn of(latency_ms: u32) -> Self {
        let place = BOUNDS.partition_point(|bound| *bound <= latency_ms);
        Self(u8::try_from(place).unwrap_or(u8::MAX))
    }

    /// As it is stored; `None` for attempts that got no answer that they waited for.
    #[must_use]
    pub fn stored(this: Option<Self>) -> i64 {
        this.map_or(NONE, |bucket| i64::from(bucket.0))
    }

    /// From what is stored.
    #[must_use]
    pub fn read(stored: i64) -> Option<Self> {
        let place = u8::try_from(stored).ok()?;
        (usize::from(place) <= BOUNDS.len()).then_some(Self(place))
    }

    const fn range(self) -> (u32, u32) {
        let place = self.0 as usize;
        let from = if place == 0 { 0 } else { BOUNDS[place - 1] };
        let to = if place == BOUNDS.len() { LONGEST_MS } else { BOUNDS[place] };
        (from, to)
    }
}

/// Attempts that were counted together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    succeeded: u64,
    failed: u64,
    by_latency: [u64; BOUNDS.len() + 1],
}

impl Counted {
    pub fn add(&mut self, bucket: Option<Bucket>, succeeded: u64, failed: u64) {
        self.succeeded += succeeded;
        self.failed += failed;
        if let Some(count) = bucket.and_then(|bucket| self.by_latency.get_mut(usize::from(bucket.0))) {
            *count += succeeded + failed;
        }
    }

    /// The latency that a share of the attempts stays below, evenly spread within its class.
    #[must_use]
    pub fn percentile_ms(&self, share: f64) -> Option<u32> {
        let total: u64 = self.by_latency.iter().sum();
        let mut left = share.clamp(0.0, 1.0) * number(total);
        for (place, count) in self.by_latency.iter().enumerate().filter(|(_, count)| **count > 0) {
            if left <= number(*count) {
                let (from, to) = Bucket(u8::try_from(place).ok()?).range();
                return Some(whole(f64::from(from) + f64::from(to - from) * left / number(*count)));
            }
            left -= number(*count);
        }
        None
    }

    #[must_use]
    pub fn seen(&self) -> Seen {
        let attempts = self.succeeded + self.failed;
        Seen {
            attempts,
            succeeded: self.succeeded,
            success_rate: (attempts > 0).then(|| number(self.succeeded) / number(attempts)),
            p95_ms: self.percentile_ms(0.95),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share of so many is as good as exact")]
fn number(count: u64) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it lies between 0 and the longest latency"
)]
fn whole(value: f64) -> u32 {
    value.round() as u32
}

/// What became of the attempts of a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "HealthFigures"))]
pub struct Seen {
    pub attempts: u64,
    pub succeeded: u64,
    /// 0 to 1; `null` without attempts.
    pub success_rate: Option<f64>,
    /// The latency that 95 of 100 attempts stay below, in milliseconds; of those that got an answer or waited for one.
    pub p95_ms: Option<u32>,
}

/// Deliveries that wait: for their time, for their turn, or for the end of a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "HealthBacklog"))]
pub struct Backlog {
    /// Not counted beyond [`Backlog::MOST`].
    pub deliveries: u64,
    /// There are more.
    pub is_more: bool,
}

impl Backlog {
    pub const MOST: u64 = 10_000;

    #[must_use]
    pub const fn new(counted: u64) -> Self {
        let is_more = counted > Self::MOST;
        Self { deliveries: if is_more { Self::MOST } else { counted }, is_more }
    }
}

/// How a destination does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "DestinationHealth"))]
pub struct Health {
    pub destination_id: DestinationId,
    /// The last hour, to five minutes.
    pub hour: Seen,
    /// The last 24 hours, to the hour.
    pub day: Seen,
    pub backlog: Backlog,
    pub circuit: CircuitState,
}

/// An hour of a destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HealthPoint {
    /// When it begins.
    pub at: Timestamp,
    #[serde(flatten)]
    pub seen: Seen,
}

/// How a destination does, hour by hour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "DestinationHealthDay"))]
pub struct HealthDay {
    #[serde(flatten)]
    pub health: Health,
    /// The last 24 hours, oldest first, those without attempts included.
    pub hours: Vec<HealthPoint>,
    /// What went wrong last, where nothing has succeeded since.
    pub failing: Option<Failing>,
}

/// What is wrong with a destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "DestinationFailure"))]
pub struct Failing {
    /// When the newest attempt failed.
    pub at: Timestamp,
    /// When one succeeded last; `null` when none has.
    pub succeeded_at: Option<Timestamp>,
    pub error: String,
    pub error_class: ErrorClass,
    /// The settings that it has to do with: `config.queue_url`.
    pub settings: Vec<String>,
}

impl Failing {
    /// The settings that an error has to do with: those that it names; where it names none and nobody was reached, the
    /// one that holds the address.
    #[must_use]
    pub fn settings_of(kind: DestinationType, error: &str, class: ErrorClass) -> Vec<String> {
        let words = error.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_')));
        let mut named: Vec<String> = words
            .map(|word| word.trim_end_matches('.'))
            .filter(|word| word.starts_with("config.") || word.starts_with("auth."))
            .map(str::to_owned)
            .collect();
        named.dedup();
        let is_unreached =
            matches!(class, ErrorClass::Dns | ErrorClass::Connect | ErrorClass::Tls | ErrorClass::Blocked);
        if named.is_empty() && is_unreached {
            let is_of_token = error.starts_with("no token from");
            let address = if is_of_token && kind == DestinationType::Http {
                Some("auth.token_url".to_owned())
            } else {
                kind.address_setting().map(|name| format!("config.{name}"))
            };
            named.extend(address);
        }
        named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_latency_has_a_class_that_holds_it() {
        for latency in (0..2_000).chain([9_999, 10_000, 79_999, 80_000, 119_999]) {
            let (from, to) = Bucket::of(latency).range();
            assert!((from..to).contains(&latency), "{latency} in {from}..{to}");
            assert_eq!(Bucket::read(Bucket::stored(Some(Bucket::of(latency)))), Some(Bucket::of(latency)));
        }
        assert_eq!(Bucket::of(u32::MAX), Bucket::of(119_999));
        assert_eq!(Bucket::read(Bucket::stored(None)), None);
        assert_eq!(Bucket::read(25), None);
    }

    #[test]
    fn percentiles_are_close_to_what_was_counted() {
        let mut counted = Counted::default();
        let latencies: Vec<u32> = (0..10_000_u32).map(|n| 3 + n * n / 40_000).collect();
        for latency in &latencies {
            counted.add(Some(Bucket::of(*latency)), 1, 0);
        }
        for (share, place) in [(0.5, 5_000), (0.95, 9_500), (0.99, 9_900)] {
            let (read, is) = (counted.percentile_ms(share).expect("one"), latencies[place]);
            assert!(f64::from(read.abs_diff(is)) <= f64::from(is) * 0.34, "{share}: {read} for {is}");
        }
        assert_eq!(Counted::default().percentile_ms(0.95), None);
    }

    #[test]
    fn what_got_no_answer_counts_and_has_no_latency() {
        let mut counted = Counted::default();
        counted.add(Some(Bucket::of(100)), 3, 0);
        counted.add(None, 0, 1);
        let seen = counted.seen();
        assert_eq!((seen.attempts, seen.succeeded, seen.success_rate), (4, 3, Some(0.75)));
        assert!(seen.p95_ms.is_some_and(|p95| (100..=150).contains(&p95)));
        assert_eq!(Counted::default().seen().success_rate, None);
    }

    #[test]
    fn an_error_leads_to_its_setting() {
        let of = |kind, error: &str, class| Failing::settings_of(kind, error, class);
        let named = "AWS refuses the signature: config.secret_access_key does not belong to config.access_key_id (x.y)";
        let settings = of(DestinationType::AwsSqs, named, ErrorClass::Status);
        assert_eq!(settings, ["config.secret_access_key", "config.access_key_id"]);
        let gone = "the name x.test could not be resolved";
        assert_eq!(of(DestinationType::Http, gone, ErrorClass::Dns), ["config.url"]);
        assert_eq!(of(DestinationType::Kafka, gone, ErrorClass::Connect), ["config.rest_url"]);
        let token = "no token from https://x.test/: the connection failed";
        assert_eq!(of(DestinationType::Http, token, ErrorClass::Connect), ["auth.token_url"]);
        assert!(of(DestinationType::Http, "the receiver answered 500", ErrorClass::Status).is_empty());
        assert!(of(DestinationType::Websocket, gone, ErrorClass::Dns).is_empty());
    }

    #[test]
    fn a_backlog_is_counted_to_a_bound() {
        assert_eq!(Backlog::new(10_000), Backlog { deliveries: 10_000, is_more: false });
        assert_eq!(Backlog::new(10_001), Backlog { deliveries: 10_000, is_more: true });
    }
}
