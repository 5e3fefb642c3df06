//! When a failed delivery is tried again, and when it is given up.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::field::FieldErrors;

/// How often and when a delivery is tried. `max_attempts` counts every try, the first included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RetryPolicy {
    pub strategy: RetryStrategy,
    /// For `schedule`: the wait before the 2nd, 3rd, … try. The last one repeats when there are more tries.
    pub intervals_seconds: Option<Vec<u32>>,
    /// For the other strategies: the wait before the 2nd try.
    pub base_seconds: Option<u32>,
    pub max_attempts: u32,
    /// Each wait is moved by up to this share of itself, either way: 0.1 is ±10 %.
    pub jitter: f64,
    /// Response statuses after which there is no further try.
    pub give_up_on: Vec<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RetryStrategy {
    /// base, 2·base, 4·base, …
    Exponential,
    /// base, 2·base, 3·base, …
    Linear,
    /// base, base, base, …
    Fixed,
    /// As `intervals_seconds` says.
    Schedule,
}

/// No wait is longer than this, whatever the strategy.
pub const MAX_INTERVAL: Duration = Duration::from_hours(7 * 24);
const DEFAULT_SCHEDULE: [u32; 5] = [30, 300, 1_800, 7_200, 86_400];

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            strategy: RetryStrategy::Schedule,
            intervals_seconds: Some(DEFAULT_SCHEDULE.to_vec()),
            base_seconds: None,
            max_attempts: 6,
            jitter: 0.1,
            give_up_on: vec![410],
        }
    }
}

impl RetryPolicy {
    /// The wait after the failed try number `attempt` (1 is the first), or `None` when that was the last.
    /// `spread` is evenly random in -1 to 1.
    #[must_use]
    pub fn wait_after(&self, attempt: u32, spread: f64) -> Option<Duration> {
        if attempt >= self.max_attempts {
            return None;
        }
        let seconds = self.interval(attempt).mul_f64((1.0 + self.jitter * spread.clamp(-1.0, 1.0)).max(0.0));
        Some(seconds.min(MAX_INTERVAL))
    }

    /// When its tries come after the first one began, the first included: were each to fail at once, and were no receiver to
    /// ask for more time.
    #[must_use]
    pub fn tries(&self) -> Vec<Try> {
        let mut tries = vec![Try::default()];
        for attempt in 1..self.max_attempts {
            let wait = |spread| self.wait_after(attempt, spread).unwrap_or_default();
            let before = tries[tries.len() - 1];
            tries.push(Try {
                earliest: before.earliest + wait(-1.0),
                usual: before.usual + wait(0.0),
                latest: before.latest + wait(1.0),
            });
        }
        tries
    }

    /// How long a receiver may ask us to wait by `Retry-After`: up to the next two intervals.
    #[must_use]
    pub fn longest_asked_wait(&self, attempt: u32) -> Duration {
        self.interval(attempt).saturating_add(self.interval(attempt + 1)).min(MAX_INTERVAL)
    }

    fn interval(&self, attempt: u32) -> Duration {
        let base = u64::from(self.base_seconds.unwrap_or(30));
        let index = attempt.saturating_sub(1);
        let seconds = match self.strategy {
            RetryStrategy::Fixed => base,
            RetryStrategy::Linear => base.saturating_mul(u64::from(index) + 1),
            RetryStrategy::Exponential => base.saturating_mul(1_u64.checked_shl(index).unwrap_or(u64::MAX)),
            RetryStrategy::Schedule => {
                let steps = self.intervals_seconds.as_deref().unwrap_or(&DEFAULT_SCHEDULE);
                let step = steps.get(index as usize).or(steps.last());
                step.map_or(base, |seconds| u64::from(*seconds))
            }
        };
        Duration::from_secs(seconds).min(MAX_INTERVAL)
    }
}

/// When a try comes, counted from the first: within its jitter, and in the middle of that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Try {
    pub earliest: Duration,
    pub usual: Duration,
    pub latest: Duration,
}

/// Waits as people write them: `30 s, 5 min, 2 h, 1 d`; a bare number is seconds.
///
/// # Errors
/// Says what they look like.
pub fn parse_waits(text: &str) -> Result<Vec<u32>, &'static str> {
    const WANTED: &str = "must be waits such as 30 s, 5 min, 2 h, 1 d";
    let wait = |text: &str| {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let unit = match unit.trim() {
            "" | "s" | "sec" => 1,
            "m" | "min" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return None,
        };
        number.parse::<u32>().ok()?.checked_mul(unit)
    };
    text.split(',').map(wait).collect::<Option<_>>().ok_or(WANTED)
}

/// What sets a retry policy; what is absent has its default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RetryInput {
    #[serde(default)]
    pub strategy: Option<RetryStrategy>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("items" = {"type": "integer", "minimum": 0, "maximum": 604_800})))]
    pub intervals_seconds: Option<Vec<u32>>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("minimum" = 1, "maximum" = 604_800)))]
    pub base_seconds: Option<u32>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("minimum" = 1, "maximum" = 50)))]
    pub max_attempts: Option<u32>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("minimum" = 0, "maximum" = 1)))]
    pub jitter: Option<f64>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("maxItems" = 50, "items" = {"type": "integer", "minimum": 300, "maximum": 599})))]
    pub give_up_on: Option<Vec<u16>>,
}

impl RetryInput {
    /// Notes what is wrong under `retry.…`.
    pub fn parse(self, errors: &mut FieldErrors) -> RetryPolicy {
        let defaults = RetryPolicy::default();
        let strategy = self.strategy.unwrap_or(if self.base_seconds.is_some() {
            RetryStrategy::Exponential
        } else {
            RetryStrategy::Schedule
        });
        let max_seconds = MAX_INTERVAL.as_secs();
        let (intervals_seconds, base_seconds) = if strategy == RetryStrategy::Schedule {
            if self.base_seconds.is_some() {
                errors.push("retry.base_seconds", "has no use with the strategy schedule");
            }
            let intervals = self.intervals_seconds.unwrap_or_else(|| DEFAULT_SCHEDULE.to_vec());
            if intervals.is_empty() || intervals.len() > 49 {
                errors.push("retry.intervals_seconds", "must hold 1 to 49 waits");
            }
            if intervals.iter().any(|seconds| u64::from(*seconds) > max_seconds) {
                errors.push("retry.intervals_seconds", "must each be at most 604800 (7 days)");
            }
            (Some(intervals), None)
        } else {
            if self.intervals_seconds.is_some() {
                errors.push("retry.intervals_seconds", "need the strategy schedule");
            }
            let base = self.base_seconds.unwrap_or(30);
            if base == 0 || u64::from(base) > max_seconds {
                errors.push("retry.base_seconds", "must be 1 to 604800 (7 days)");
            }
            (None, Some(base))
        };
        let max_attempts = self.max_attempts.unwrap_or(defaults.max_attempts);
        if !(1..=50).contains(&max_attempts) {
            errors.push("retry.max_attempts", "must be 1 to 50");
        }
        let jitter = self.jitter.unwrap_or(defaults.jitter);
        if !(0.0..=1.0).contains(&jitter) {
            errors.push("retry.jitter", "must be 0 to 1");
        }
        let give_up_on = self.give_up_on.unwrap_or(defaults.give_up_on);
        if give_up_on.len() > 50 || give_up_on.iter().any(|status| !(300..=599).contains(status)) {
            errors.push("retry.give_up_on", "must be statuses from 300 to 599, at most 50");
        }
        RetryPolicy { strategy, intervals_seconds, base_seconds, max_attempts, jitter, give_up_on }
    }
}

impl From<&RetryPolicy> for RetryInput {
    fn from(policy: &RetryPolicy) -> Self {
        Self {
            strategy: Some(policy.strategy),
            intervals_seconds: policy.intervals_seconds.clone(),
            base_seconds: policy.base_seconds,
            max_attempts: Some(policy.max_attempts),
            jitter: Some(policy.jitter),
            give_up_on: Some(policy.give_up_on.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_schedule_is_that_of_the_product() {
        let policy = RetryPolicy::default();
        let waits: Vec<_> = (1..=6).map(|n| policy.wait_after(n, 0.0).map(|wait| wait.as_secs())).collect();
        assert_eq!(waits, [Some(30), Some(300), Some(1_800), Some(7_200), Some(86_400), None]);
        assert_eq!(policy.wait_after(1, 1.0), Some(Duration::from_secs(33)));
        assert_eq!(policy.wait_after(1, -1.0), Some(Duration::from_secs(27)));
        assert_eq!(policy.longest_asked_wait(1), Duration::from_secs(330));
    }

    #[test]
    fn tries_stand_within_their_jitter() {
        let tries = RetryPolicy::default().tries();
        let usual: Vec<_> = tries.iter().map(|it| it.usual.as_secs()).collect();
        assert_eq!(usual, [0, 30, 330, 2_130, 9_330, 95_730]);
        assert_eq!((tries[1].earliest.as_secs(), tries[1].latest.as_secs()), (27, 33));
        assert_eq!((tries[5].earliest.as_secs(), tries[5].latest.as_secs()), (86_157, 105_303));
        let once = RetryPolicy { max_attempts: 1, ..RetryPolicy::default() };
        assert_eq!(once.tries(), [Try::default()]);
    }

    #[test]
    fn waits_have_units() {
        assert_eq!(parse_waits("30, 5 min,2h, 1 d"), Ok(vec![30, 300, 7_200, 86_400]));
        assert!(parse_waits("soon").is_err());
        assert!(parse_waits("").is_err());
    }

    #[test]
    fn strategies_grow_as_named_and_never_overflow() {
        let policy = |strategy| RetryPolicy {
            strategy,
            intervals_seconds: None,
            base_seconds: Some(10),
            max_attempts: 50,
            jitter: 0.0,
            give_up_on: vec![],
        };
        let third = |strategy| policy(strategy).wait_after(3, 0.0).map(|wait| wait.as_secs());
        assert_eq!(third(RetryStrategy::Exponential), Some(40));
        assert_eq!(third(RetryStrategy::Linear), Some(30));
        assert_eq!(third(RetryStrategy::Fixed), Some(10));
        assert_eq!(policy(RetryStrategy::Exponential).wait_after(49, 1.0), Some(MAX_INTERVAL));
    }

    #[test]
    fn bad_policies_name_their_fields() {
        let mut errors = FieldErrors::default();
        let input = RetryInput {
            max_attempts: Some(0),
            jitter: Some(f64::NAN),
            give_up_on: Some(vec![200]),
            intervals_seconds: Some(vec![]),
            ..RetryInput::default()
        };
        input.parse(&mut errors);
        for path in ["retry.max_attempts", "retry.jitter", "retry.give_up_on", "retry.intervals_seconds"] {
            assert!(errors.at(path).is_some(), "{path}");
        }
    }
}
