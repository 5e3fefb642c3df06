//! How many requests a key may make: a bucket of tokens for each, in the memory of this node. Several nodes have a bucket
//! each, so that together they let through as many times more.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use domain::{id::ApiKeyId, rate_limit::Per};

/// Buckets that are kept. Beyond it those that are full again are forgotten: they are what a new one is.
const MAX_BUCKETS: usize = 10_000;

/// Requests in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiRate {
    pub limit: u32,
    pub per: Per,
}

impl Default for ApiRate {
    fn default() -> Self {
        Self { limit: 6_000, per: Per::Minute }
    }
}

impl std::fmt::Display for ApiRate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.limit, self.per.as_str())
    }
}

impl std::str::FromStr for ApiRate {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANTED: &str = "must be a rate such as 6000/minute or 100/second, or off";
        let (limit, per) = text.split_once('/').ok_or(WANTED)?;
        let limit = limit.trim().parse().ok().filter(|limit| *limit > 0).ok_or(WANTED)?;
        Ok(Self { limit, per: per.trim().parse().map_err(|_| WANTED)? })
    }
}

impl ApiRate {
    fn window(self) -> Duration {
        Duration::from_secs(match self.per {
            Per::Second => 1,
            Per::Minute => 60,
            Per::Hour => 3_600,
        })
    }
}

pub struct ApiRates {
    rate: ApiRate,
    policy: HeaderValue,
    buckets: Mutex<HashMap<ApiKeyId, Bucket>>,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

/// What a key is told of its rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    limit: u32,
    remaining: u32,
    /// Until all is there again.
    reset: Duration,
    policy: HeaderValue,
}

impl ApiRates {
    pub fn new(rate: ApiRate) -> Self {
        let policy = format!("{};w={}", rate.limit, rate.window().as_secs());
        let policy = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static(""));
        Self { rate, policy, buckets: Mutex::new(HashMap::new()) }
    }

    /// Takes a token of this key's.
    ///
    /// # Errors
    /// When there is none: how many there may be, and after how long there is one.
    pub fn take(&self, key: ApiKeyId, now: Instant) -> Result<Allowance, (u32, Duration)> {
        let most = f64::from(self.rate.limit);
        let each_second = most / self.rate.window().as_secs_f64();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_BUCKETS && !buckets.contains_key(&key) {
            let is_full = |bucket: &Bucket| bucket.refilled(now, each_second) >= most;
            buckets.retain(|_, bucket| !is_full(bucket));
        }
        let bucket = buckets.entry(key).or_insert(Bucket { tokens: most, at: now });
        bucket.tokens = bucket.refilled(now, each_second).min(most);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            return Err((self.rate.limit, Duration::from_secs_f64((1.0 - bucket.tokens) / each_second)));
        }
        bucket.tokens -= 1.0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the limit, a u32")]
        let remaining = bucket.tokens as u32;
        let reset = Duration::from_secs_f64((most - bucket.tokens) / each_second);
        Ok(Allowance { limit: self.rate.limit, remaining, reset, policy: self.policy.clone() })
    }
}

impl Bucket {
    fn refilled(&self, now: Instant, each_second: f64) -> f64 {
        now.saturating_duration_since(self.at).as_secs_f64().mul_add(each_second, self.tokens)
    }
}

impl Allowance {
    pub fn tell(&self, headers: &mut HeaderMap) {
        let numbers = [
            ("ratelimit-limit", u64::from(self.limit)),
            ("ratelimit-remaining", u64::from(self.remaining)),
            ("ratelimit-reset", u64::try_from(self.reset.as_millis().div_ceil(1000)).unwrap_or(u64::MAX)),
        ];
        for (name, number) in numbers {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(number));
        }
        headers.insert(HeaderName::from_static("ratelimit-policy"), self.policy.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let rates = ApiRates::new("60/minute".parse().expect("a rate"));
        let (key, begun) = (ApiKeyId::from_u128(1), Instant::now());
        for left in (0..60).rev() {
            assert_eq!(rates.take(key, begun).expect("there is one").remaining, left);
        }
        let (limit, wait) = rates.take(key, begun).expect_err("there is none");
        assert_eq!((limit, wait.as_secs_f64().ceil()), (60, 1.0));
        assert!(rates.take(ApiKeyId::from_u128(2), begun).is_ok(), "another key has its own");
        assert!(rates.take(key, begun + Duration::from_millis(500)).is_err());
        assert_eq!(rates.take(key, begun + Duration::from_secs(11)).expect("some are there again").remaining, 10);
        assert_eq!(rates.take(key, begun + Duration::from_hours(1)).expect("all are").remaining, 59);
    }

    #[test]
    fn buckets_are_bounded_by_forgetting_full_ones() {
        let rates = ApiRates::new(ApiRate { limit: 1, per: Per::Second });
        let begun = Instant::now();
        for key in 0..MAX_BUCKETS {
            let _ = rates.take(ApiKeyId::from_u128(key as u128), begun);
        }
        let _ = rates.take(ApiKeyId::from_u128(u128::MAX), begun + Duration::from_secs(5));
        assert_eq!(rates.buckets.lock().expect("whole").len(), 1);
    }

    #[test]
    fn a_rate_is_read_as_it_is_written() {
        let rate = ApiRate::default();
        assert_eq!(rate.to_string().parse(), Ok(rate));
        for wrong in ["", "0/second", "10", "10/day", "x/second", "-1/hour"] {
            assert!(wrong.parse::<ApiRate>().is_err(), "{wrong}");
        }
    }
}
