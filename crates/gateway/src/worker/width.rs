//! How many deliveries one destination is sent at once, found out by trying.
//!
//! It grows while the receiver keeps up: quickly at first, and slowly once the receiver was seen to be overcharged. It is
//! halved when the receiver does not answer, cannot be connected to, or asks to be spared (429, 503). It does not grow while
//! answers take much longer than they did at best: more at once would only wait at the receiver.

use std::time::{Duration, Instant};

/// What a lane begins with.
const FIRST: f64 = 16.0;
pub(super) const LEAST: f64 = 2.0;
const MOST: f64 = 256.0;
/// Answers that take longer than this beside twice the shortest time show that they wait at the receiver.
const TOLERATED: Duration = Duration::from_millis(50);
/// The shortest time is forgotten slowly: by one part of so many with each answer.
const FORGETTING: u32 = 1000;

#[derive(Debug, Clone)]
pub(super) struct Width {
    limit: f64,
    /// No sign of overcharging was seen yet.
    is_doubling: bool,
    shortest: Option<Duration>,
    /// How long answers take of late.
    usual: Option<Duration>,
    last_cut: Option<Instant>,
}

/// What this node has taken waits in it for no longer than about so long; what is beyond that another node may take.
const AHEAD: Duration = Duration::from_secs(1);
/// The same, counted in widths.
const LEAST_ROUNDS: usize = 2;
const MOST_ROUNDS: usize = 128;
const UNKNOWN_ROUNDS: u128 = 3;

/// How a receiver took a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Response {
    /// It answered after so long, and may have refused the delivery for what it is.
    Answered(Duration),
    /// It had no room for it.
    Overcharged,
}

impl Width {
    pub fn new() -> Self {
        Self { limit: FIRST, is_doubling: true, shortest: None, usual: None, last_cut: None }
    }

    /// For a receiver that has just come back.
    pub fn low() -> Self {
        Self { limit: LEAST, ..Self::new() }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 2 and 256")]
    pub fn limit(&self) -> usize {
        self.limit as usize
    }

    /// How many may wait for their turn: what is sent within about a second.
    pub fn ahead(&self) -> usize {
        let rounds = self.usual.map_or(UNKNOWN_ROUNDS, |usual| AHEAD.as_micros() / usual.as_micros().max(1));
        self.limit() * usize::try_from(rounds).unwrap_or(usize::MAX).clamp(LEAST_ROUNDS, MOST_ROUNDS)
    }

    /// `started` and `now` are those of the delivery; `was_full` tells that as many were sent at once as may be.
    pub fn learn(&mut self, response: Response, started: Instant, now: Instant, was_full: bool) {
        match response {
            Response::Answered(took) => {
                let shortest = self.shortest.map_or(took, |shortest| shortest + shortest / FORGETTING).min(took);
                self.shortest = Some(shortest);
                self.usual = Some(self.usual.map_or(took, |usual| (usual * 7 + took) / 8));
                if was_full && took <= shortest * 2 + TOLERATED {
                    self.limit = (self.limit + if self.is_doubling { 1.0 } else { 1.0 / self.limit }).min(MOST);
                }
            }
            // Those that were begun before the last cut tell nothing new.
            Response::Overcharged if self.last_cut.is_none_or(|cut| started >= cut) => {
                self.limit = (self.limit / 2.0).max(LEAST);
                self.is_doubling = false;
                self.last_cut = Some(now);
            }
            Response::Overcharged => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Response = Response::Answered(Duration::from_millis(5));

    #[test]
    fn it_grows_only_while_all_of_it_is_used() {
        let (mut width, at) = (Width::new(), Instant::now());
        width.learn(QUICK, at, at, false);
        assert_eq!(width.limit(), 16);
        for _ in 0..16 {
            width.learn(QUICK, at, at, true);
        }
        assert_eq!(width.limit(), 32);
        for _ in 0..1000 {
            width.learn(QUICK, at, at, true);
        }
        assert_eq!(width.limit(), 256);
    }

    #[test]
    fn one_breakdown_halves_it_once() {
        let (mut width, start) = (Width::new(), Instant::now());
        let later = |millis| start + Duration::from_millis(millis);
        for _ in 0..16 {
            width.learn(Response::Overcharged, start, later(10), true);
        }
        assert_eq!(width.limit(), 8);
        width.learn(Response::Overcharged, later(11), later(20), true);
        assert_eq!(width.limit(), 4);
        for number in 0..10 {
            width.learn(Response::Overcharged, later(21 + number), later(21 + number), true);
        }
        assert_eq!(width.limit(), 2);
        width.learn(QUICK, later(50), later(55), true);
        width.learn(QUICK, later(50), later(55), true);
        assert_eq!(width.limit(), 2, "afterwards it grows slowly");
        for _ in 0..20 {
            width.learn(QUICK, later(60), later(65), true);
        }
        assert!((5..=8).contains(&width.limit()), "{}", width.limit());
    }

    #[test]
    fn what_waits_is_what_is_sent_within_a_second() {
        let (mut width, at) = (Width::new(), Instant::now());
        assert_eq!(width.ahead(), 48);
        width.learn(Response::Answered(Duration::from_millis(700)), at, at, false);
        assert_eq!(width.ahead(), 32);
        for _ in 0..50 {
            width.learn(Response::Answered(Duration::from_millis(10)), at, at, false);
        }
        assert!((1200..=1600).contains(&width.ahead()), "{}", width.ahead());
    }

    #[test]
    fn it_does_not_grow_when_answers_wait() {
        let (mut width, at) = (Width::new(), Instant::now());
        width.learn(QUICK, at, at, true);
        for _ in 0..100 {
            width.learn(Response::Answered(Duration::from_millis(300)), at, at, true);
        }
        assert_eq!(width.limit(), 17);
    }
}
