//! Circuit breakers: a destination that fails again and again is left alone for a while, and then tried with one delivery.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{delivery::ErrorClass, field::FieldErrors, time::Timestamp};

/// When a destination's circuit opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct CircuitBreaker {
    pub enabled: bool,
    /// Failures in a row after which it opens.
    pub failure_threshold: u32,
    /// How long it stays open before one delivery is tried.
    pub reset_seconds: u32,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self { enabled: true, failure_threshold: 5, reset_seconds: 60 }
    }
}

impl CircuitBreaker {
    pub const MAX_THRESHOLD: u32 = 1_000;
    pub const MAX_RESET_SECONDS: u32 = 86_400;

    #[must_use]
    pub fn reset_after(&self) -> Duration {
        Duration::from_secs(self.reset_seconds.into())
    }
}

/// What sets a circuit breaker; what is absent has its default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CircuitBreakerInput {
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = true)))]
    pub enabled: Option<bool>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("minimum" = 1, "maximum" = CircuitBreaker::MAX_THRESHOLD, "default" = 5)))]
    pub failure_threshold: Option<u32>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("minimum" = 1, "maximum" = CircuitBreaker::MAX_RESET_SECONDS, "default" = 60)))]
    pub reset_seconds: Option<u32>,
}

impl CircuitBreakerInput {
    /// Notes what is wrong under `circuit_breaker.…`.
    pub fn parse(self, errors: &mut FieldErrors) -> CircuitBreaker {
        let default = CircuitBreaker::default();
        let breaker = CircuitBreaker {
            enabled: self.enabled.unwrap_or(default.enabled),
            failure_threshold: self.failure_threshold.unwrap_or(default.failure_threshold),
            reset_seconds: self.reset_seconds.unwrap_or(default.reset_seconds),
        };
        if !(1..=CircuitBreaker::MAX_THRESHOLD).contains(&breaker.failure_threshold) {
            errors.push("circuit_breaker.failure_threshold", "must be 1 to 1000");
        }
        if !(1..=CircuitBreaker::MAX_RESET_SECONDS).contains(&breaker.reset_seconds) {
            errors.push("circuit_breaker.reset_seconds", "must be 1 to 86400 (a day)");
        }
        breaker
    }
}

impl From<&CircuitBreaker> for CircuitBreakerInput {
    fn from(breaker: &CircuitBreaker) -> Self {
        Self {
            enabled: Some(breaker.enabled),
            failure_threshold: Some(breaker.failure_threshold),
            reset_seconds: Some(breaker.reset_seconds),
        }
    }
}

/// A circuit as answers show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CircuitStatus {
    pub state: CircuitState,
    /// Failures in a row, up to now or up to when it opened.
    pub failure_count: u32,
    /// When the state changed last; `None` when it never did.
    pub changed_at: Option<Timestamp>,
    /// When one delivery is tried again, while it is open.
    pub retry_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CircuitState {
    Closed,
    Open,
    HalfOpen,
}

impl CircuitState {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

impl std::str::FromStr for CircuitState {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Closed, Self::Open, Self::HalfOpen]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or("must be closed, open or half_open")
    }
}

/// Where a destination's circuit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Circuit {
    /// Deliveries go out.
    Closed { failures: u32 },
    /// None goes out until `retry_at`.
    Open { failures: u32, retry_at: Timestamp },
    /// One goes out, and what becomes of it decides.
    HalfOpen { failures: u32, probe: Probe },
}

/// The one delivery that is tried, and until when its outcome is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// The node that tries it.
    pub owner: i64,
    pub until: Timestamp,
}

/// What an attempt says of its receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// It does its part.
    Works,
    /// It does not, or cannot be reached.
    Fails,
    /// The attempt did not come that far.
    Nothing,
}

impl Finding {
    /// From how an attempt failed, or that it did not. A status after which nobody tries again is an answer as good
    /// as any: the receiver works, and does not want this event.
    #[must_use]
    pub fn of(failed: Option<ErrorClass>, is_final_answer: bool) -> Self {
        match failed {
            None => Self::Works,
            Some(ErrorClass::Status) if is_final_answer => Self::Works,
            Some(
                ErrorClass::Dns
                | ErrorClass::Connect
                | ErrorClass::Tls
                | ErrorClass::Timeout
                | ErrorClass::Status
                | ErrorClass::Protocol,
            ) => Self::Fails,
            Some(ErrorClass::Transform | ErrorClass::Schema | ErrorClass::Config | ErrorClass::Blocked) => {
                Self::Nothing
            }
        }
    }
}

/// What several attempts say together, in the order in which they ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// One of them worked, so that what was before it counts no more.
    pub worked: bool,
    /// Failures after that.
    pub failures: u32,
}

impl Tally {
    /// With one more. So many failures in a row that the circuit opens are not undone by what comes after them.
    #[must_use]
    pub fn with(self, finding: Finding, breaker: &CircuitBreaker) -> Self {
        match finding {
            Finding::Fails => Self { failures: self.failures.saturating_add(1), ..self },
            Finding::Works if self.failures < breaker.failure_threshold => Self { worked: true, failures: 0 },
            Finding::Works | Finding::Nothing => self,
        }
    }
}

/// Why nothing may go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shut {
    /// Nothing before then.
    Until(Timestamp),
    /// One delivery is being tried, whose outcome is awaited until then.
    Probing(Timestamp),
}

impl Circuit {
    /// As one that never saw a failure.
    pub const NEW: Self = Self::Closed { failures: 0 };

    #[must_use]
    pub const fn state(self) -> CircuitState {
        match self {
            Self::Closed { .. } => CircuitState::Closed,
            Self::Open { .. } => CircuitState::Open,
            Self::HalfOpen { .. } => CircuitState::HalfOpen,
        }
    }

    #[must_use]
    pub const fn failures(self) -> u32 {
        match self {
            Self::Closed { failures } | Self::Open { failures, .. } | Self::HalfOpen { failures, .. } => failures,
        }
    }

    /// After attempts that were no probe. What began before the circuit opened and ends after it changes nothing more.
    #[must_use]
    pub fn after(self, tally: Tally, breaker: &CircuitBreaker, now: Timestamp) -> Self {
        let Self::Closed { failures } = self else { return self };
        let before = if tally.worked { 0 } else { failures };
        let failures = before.saturating_add(tally.failures);
        if failures >= breaker.failure_threshold {
            Self::Open { failures, retry_at: now.plus(breaker.reset_after()) }
        } else {
            Self::Closed { failures }
        }
    }

    /// Before a delivery is taken: lets all pass, or makes the one that is taken the `probe`. `owner_is_gone` when the
    /// node of a probe that was begun is no longer alive.
    ///
    /// # Errors
    /// When none may be taken.
    pub fn passing(self, probe: Probe, owner_is_gone: bool, now: Timestamp) -> Result<Self, Shut> {
        match self {
            Self::Closed { .. } => Ok(self),
            Self::Open { retry_at, .. } if retry_at > now => Err(Shut::Until(retry_at)),
            Self::HalfOpen { probe: begun, .. } if begun.until > now && !owner_is_gone => {
                Err(Shut::Probing(begun.until))
            }
            Self::Open { failures, .. } | Self::HalfOpen { failures, .. } => Ok(Self::HalfOpen { failures, probe }),
        }
    }

    /// After the probe of `owner`. One that was given up for lost changes nothing any more.
    #[must_use]
    pub fn probed(self, owner: i64, finding: Finding, breaker: &CircuitBreaker, now: Timestamp) -> Self {
        match self {
            Self::HalfOpen { failures, probe } if probe.owner == owner => match finding {
                Finding::Works => Self::NEW,
                Finding::Fails => {
                    Self::Open { failures: failures.saturating_add(1), retry_at: now.plus(breaker.reset_after()) }
                }
                // It said nothing of the receiver: the next one may be tried at once.
                Finding::Nothing => Self::Open { failures, retry_at: now },
            },
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BREAKER: CircuitBreaker = CircuitBreaker { enabled: true, failure_threshold: 3, reset_seconds: 60 };
    const NOW: Timestamp = Timestamp::from_micros(1_000_000);
    const MINE: Probe = Probe { owner: 7, until: Timestamp::from_micros(9_000_000) };

    fn later(seconds: u64) -> Timestamp {
        NOW.plus(Duration::from_secs(seconds))
    }

    fn tally(findings: &[Finding]) -> Tally {
        findings.iter().fold(Tally::default(), |tally, finding| tally.with(*finding, &BREAKER))
    }

    #[test]
    fn failures_in_a_row_open_it() {
        use Finding::{Fails, Nothing, Works};
        let circuit = Circuit::NEW.after(tally(&[Fails, Nothing, Fails]), &BREAKER, NOW);
        assert_eq!(circuit, Circuit::Closed { failures: 2 });
        assert_eq!(circuit.after(tally(&[Works, Fails]), &BREAKER, NOW), Circuit::Closed { failures: 1 });
        let open = circuit.after(tally(&[Fails]), &BREAKER, NOW);
        assert_eq!(open, Circuit::Open { failures: 3, retry_at: later(60) });
        // Stragglers change nothing.
        assert_eq!(open.after(tally(&[Works]), &BREAKER, later(1)), open);
        assert_eq!(open.after(tally(&[Fails]), &BREAKER, later(1)), open);
        // Three in a row within one batch open it, whatever comes behind them.
        assert_eq!(tally(&[Works, Fails, Fails, Fails, Works]), Tally { worked: true, failures: 3 });
    }

    #[test]
    fn one_probe_decides() {
        let open = Circuit::Open { failures: 3, retry_at: later(60) };
        assert_eq!(open.passing(MINE, false, later(59)), Err(Shut::Until(later(60))));
        let half = open.passing(MINE, false, later(60)).expect("its time has come");
        assert_eq!(half, Circuit::HalfOpen { failures: 3, probe: MINE });
        let theirs = Probe { owner: 8, until: later(100) };
        assert_eq!(half.passing(theirs, false, later(7)), Err(Shut::Probing(MINE.until)));
        assert_eq!(half.probed(7, Finding::Works, &BREAKER, later(61)), Circuit::NEW);
        let again = Circuit::Open { failures: 4, retry_at: later(121) };
        assert_eq!(half.probed(7, Finding::Fails, &BREAKER, later(61)), again);
        let at_once = Circuit::Open { failures: 3, retry_at: later(61) };
        assert_eq!(half.probed(7, Finding::Nothing, &BREAKER, later(61)), at_once);
    }

    #[test]
    fn a_probe_that_is_lost_is_taken_over() {
        let half = Circuit::HalfOpen { failures: 3, probe: MINE };
        let theirs = Probe { owner: 8, until: later(100) };
        let taken = Circuit::HalfOpen { failures: 3, probe: theirs };
        assert_eq!(half.passing(theirs, false, later(8)), Ok(taken), "its time is over");
        assert_eq!(half.passing(theirs, true, NOW), Ok(taken), "its node is gone");
        assert_eq!(taken.probed(7, Finding::Works, &BREAKER, later(9)), taken);
        assert_eq!(Circuit::NEW.probed(7, Finding::Fails, &BREAKER, later(9)), Circuit::NEW, "reset meanwhile");
    }

    #[test]
    fn what_the_receiver_is_not_to_blame_for_does_not_count() {
        assert_eq!(Finding::of(None, false), Finding::Works);
        assert_eq!(Finding::of(Some(ErrorClass::Status), false), Finding::Fails);
        assert_eq!(Finding::of(Some(ErrorClass::Status), true), Finding::Works);
        for class in ErrorClass::ALL {
            let counts = Finding::of(Some(class), false) == Finding::Fails;
            let is_ours = matches!(class.as_str(), "transform" | "schema" | "config" | "blocked");
            assert_eq!(counts, !is_ours, "{class:?}");
        }
    }

    #[test]
    fn settings_have_bounds() {
        let parse = |threshold, seconds| {
            let mut errors = FieldErrors::default();
            let input =
                CircuitBreakerInput { enabled: None, failure_threshold: Some(threshold), reset_seconds: Some(seconds) };
            let breaker = input.parse(&mut errors);
            errors.into_result().map(|()| breaker)
        };
        assert!(parse(1, 1).expect("the least").enabled);
        assert!(parse(1_000, 86_400).is_ok());
        let errors = parse(0, 86_401).expect_err("too little and too much");
        assert!(errors.at("circuit_breaker.failure_threshold").is_some());
        assert!(errors.at("circuit_breaker.reset_seconds").is_some());
    }
}
