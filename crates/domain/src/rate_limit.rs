//! Rate limits: how many deliveries a destination gets in a time, and how many at once.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::field::FieldErrors;

/// At least one of the two is set: `limit` with `per`, or `max_in_flight`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RateLimit {
    /// Deliveries in each `per`.
    pub limit: Option<u32>,
    pub per: Option<Per>,
    /// Deliveries at once.
    pub max_in_flight: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "RatePeriod"))]
#[serde(rename_all = "snake_case")]
pub enum Per {
    Second,
    Minute,
    Hour,
}

impl Per {
    pub const ALL: [Self; 3] = [Self::Second, Self::Minute, Self::Hour];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
        }
    }

    const fn micros(self) -> i64 {
        match self {
            Self::Second => 1_000_000,
            Self::Minute => 60_000_000,
            Self::Hour => 3_600_000_000,
        }
    }
}

impl std::str::FromStr for Per {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|per| per.as_str() == text).ok_or("must be second, minute or hour")
    }
}

impl RateLimit {
    pub const MAX_LIMIT: u32 = 100_000;
    pub const MAX_IN_FLIGHT: u32 = 1_000;

    /// How deliveries follow one another, where that is limited.
    #[must_use]
    pub fn pace(&self) -> Option<Pace> {
        Some(Pace::new(self.limit?, self.per?))
    }
}

/// What sets a rate limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RateLimitInput {
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("minimum" = 1, "maximum" = RateLimit::MAX_LIMIT)))]
    pub limit: Option<u32>,
    /// `second` where it is absent.
    #[serde(default)]
    pub per: Option<Per>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("minimum" = 1, "maximum" = RateLimit::MAX_IN_FLIGHT)))]
    pub max_in_flight: Option<u32>,
}

impl RateLimitInput {
    /// Notes what is wrong under `rate_limit.…`.
    pub fn parse(self, errors: &mut FieldErrors) -> RateLimit {
        if self.limit.is_some_and(|limit| !(1..=RateLimit::MAX_LIMIT).contains(&limit)) {
            errors.push("rate_limit.limit", "must be 1 to 100000");
        }
        if self.max_in_flight.is_some_and(|most| !(1..=RateLimit::MAX_IN_FLIGHT).contains(&most)) {
            errors.push("rate_limit.max_in_flight", "must be 1 to 1000");
        }
        if self.limit.is_none() && (self.per.is_some() || self.max_in_flight.is_none()) {
            errors.push("rate_limit.limit", "must be given");
        }
        let per = self.limit.map(|_| self.per.unwrap_or(Per::Second));
        RateLimit { limit: self.limit, per, max_in_flight: self.max_in_flight }
    }
}

impl From<&RateLimit> for RateLimitInput {
    fn from(limit: &RateLimit) -> Self {
        Self { limit: limit.limit, per: limit.per, max_in_flight: limit.max_in_flight }
    }
}

/// Deliveries that follow one another evenly, by the generic cell rate algorithm. All it remembers is one point in time:
/// when the delivery after the next would be on time (`tat`, in microseconds).
///
/// After a quiet time a twentieth of the limit may go at once, and the rest follows so much more slowly that no period
/// ever holds more than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    interval: i64,
    at_once: i64,
}

/// The share of the limit that may go at once.
const AT_ONCE: i64 = 20;

impl Pace {
    #[must_use]
    pub fn new(limit: u32, per: Per) -> Self {
        let limit = i64::from(limit.max(1));
        let at_once = (limit / AT_ONCE).max(1);
        let evenly = limit - at_once + 1;
        // Rounded up, so that rounding does not let one more pass.
        Self { interval: (per.micros() + evenly - 1) / evenly, at_once }
    }

    /// As many as the limit may go at once after a quiet time, and the rest as evenly as they can. What others send cannot be
    /// spread here, only refused.
    #[must_use]
    pub fn in_bursts(limit: u32, per: Per) -> Self {
        let limit = i64::from(limit.max(1));
        Self { interval: (per.micros() + limit - 1) / limit, at_once: limit }
    }

    /// How many may go now.
    #[must_use]
    pub fn allowed(self, tat: i64, now: i64) -> u32 {
        let ahead = self.ahead(tat, now);
        let free = (self.interval * self.at_once - ahead) / self.interval;
        u32::try_from(free.max(0)).unwrap_or(u32::MAX)
    }

    /// What to remember once `count` of those that may go have gone.
    #[must_use]
    pub fn after(self, tat: i64, now: i64, count: usize) -> i64 {
        now + self.ahead(tat, now) + self.interval * i64::try_from(count).unwrap_or(i64::MAX / self.interval)
    }

    /// How long until it is worth asking again: until one may go, or half of those that may go at once.
    #[must_use]
    pub fn wait(self, tat: i64, now: i64) -> Duration {
        let wanted = (self.at_once / 2).max(1);
        let micros = self.ahead(tat, now) - self.interval * (self.at_once - wanted);
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    /// How long until one may go.
    #[must_use]
    pub fn until_next(self, tat: i64, now: i64) -> Duration {
        let micros = self.ahead(tat, now) - self.interval * (self.at_once - 1);
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    /// How far what has gone is ahead of its time. Never more than is possible; what lies much further ahead was left by
    /// another limit, or before the clock was set back, and says nothing.
    fn ahead(self, tat: i64, now: i64) -> i64 {
        let most = self.interval * self.at_once;
        let ahead = tat.saturating_sub(now).max(0);
        if ahead > 2 * most { 0 } else { ahead.min(most) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When deliveries go if there are always some, in microseconds.
    fn times(pace: Pace, until: i64) -> Vec<i64> {
        let (mut tat, mut now, mut times) = (0, 0, Vec::new());
        while now < until {
            let allowed = pace.allowed(tat, now);
            times.extend((0..allowed).map(|_| now));
            tat = pace.after(tat, now, allowed as usize);
            let wait = i64::try_from(pace.wait(tat, now).as_micros()).expect("short");
            assert!(wait > 0, "asked in a loop at {now}");
            now += wait;
        }
        times
    }

    #[test]
    fn no_period_holds_more_than_the_limit() {
        for limit in [1_u32, 2, 3, 7, 10, 39, 40, 100, 999, 5_000] {
            for per in Per::ALL {
                let times = times(Pace::new(limit, per), 3 * per.micros());
                let most = (0..times.len())
                    .map(|start| times[start..].iter().take_while(|at| **at < times[start] + per.micros()).count())
                    .max();
                assert!(most <= Some(limit as usize), "{most:?} of {limit} per {per:?}");
                // And the limit is made use of.
                assert!(times.len() * 100 >= limit as usize * 3 * 94, "{} of 3 × {limit}", times.len());
            }
        }
    }

    #[test]
    fn what_was_not_taken_can_be_taken_later() {
        let pace = Pace::new(100, Per::Second);
        assert_eq!(pace.allowed(0, 5_000_000), 5);
        let tat = pace.after(0, 5_000_000, 2);
        assert_eq!(pace.allowed(tat, 5_000_000), 3);
        assert_eq!(pace.allowed(pace.after(tat, 5_000_000, 3), 5_000_000), 0);
    }

    #[test]
    fn a_burst_is_as_large_as_the_limit() {
        let pace = Pace::in_bursts(10, Per::Second);
        assert_eq!(pace.allowed(0, 5_000_000), 10);
        let tat = pace.after(0, 5_000_000, 10);
        assert_eq!((pace.allowed(tat, 5_000_000), pace.until_next(tat, 5_000_000)), (0, Duration::from_millis(100)));
        assert_eq!(pace.allowed(tat, 5_100_000), 1);
        assert_eq!(pace.until_next(0, 5_000_000), Duration::ZERO);
    }

    #[test]
    fn a_clock_that_was_set_back_stops_nothing_for_long() {
        let pace = Pace::new(1, Per::Second);
        assert_eq!((pace.allowed(1_500_000, 0), pace.wait(1_500_000, 0)), (0, Duration::from_secs(1)));
        assert_eq!((pace.allowed(1_500_000, 1_500_000), pace.allowed(i64::MAX, 0)), (1, 1));
    }

    #[test]
    fn what_was_used_of_a_longer_period_does_not_stop_a_shorter_one() {
        let hourly = Pace::in_bursts(5, Per::Hour);
        let tat = hourly.after(0, 0, 5);
        assert_eq!(Pace::in_bursts(50, Per::Second).allowed(tat, 0), 50);
        assert_eq!(Pace::new(100, Per::Second).allowed(tat, 0), 5);
    }

    #[test]
    fn settings_have_bounds() {
        let parse = |limit, per, max_in_flight| {
            let mut errors = FieldErrors::default();
            let limit = RateLimitInput { limit, per, max_in_flight }.parse(&mut errors);
            errors.into_result().map(|()| limit)
        };
        assert_eq!(parse(Some(5), None, None).map(|limit| limit.per), Ok(Some(Per::Second)));
        assert_eq!(parse(None, None, Some(3)).map(|limit| limit.pace()), Ok(None));
        for (limit, per, most, field) in [
            (None, None, None, "rate_limit.limit"),
            (None, Some(Per::Hour), Some(1), "rate_limit.limit"),
            (Some(0), None, None, "rate_limit.limit"),
            (Some(100_001), None, None, "rate_limit.limit"),
            (Some(1), None, Some(0), "rate_limit.max_in_flight"),
            (Some(1), None, Some(1_001), "rate_limit.max_in_flight"),
        ] {
            let errors = parse(limit, per, most).expect_err("is refused");
            assert!(errors.at(field).is_some(), "{errors}");
        }
    }
}
