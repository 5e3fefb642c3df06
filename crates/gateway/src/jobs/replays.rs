//! Goes on with replays, all of them in turn, a step each.
//!
//! What a step makes is committed with how far the replay has come, so nothing is made twice, whoever is killed. A replay
//! queues little more than its destinations take within about a second ([`Window`]), so that what comes in live does not
//! wait behind it, and rests after each step in the way of retention.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use domain::{
    id::{EnvId, ReplayId},
    replay::{Replay, ReplayStatus},
    time::Timestamp,
};
use store::{
    Result, Store,
    replays::{Advance, ReplayAtWork},
    scope::Scope,
};

use super::{Job, Progress, Turn, pace::Pace};
use crate::{
    clock,
    pipeline::replay::{Course, Reached},
    registry::Registry,
};

/// How long a run may take.
const RUN: Duration = Duration::from_secs(10);
/// How long to wait when no replay had anything to do just now.
const IDLE: Duration = Duration::from_millis(100);
/// The longest rest after a step: one that had to wait for others long must not keep all replays waiting many times as long.
const MAX_REST: Duration = Duration::from_millis(250);
/// Replays that are read at once.
const AT_ONCE: u32 = 64;
/// Events that a step looks at, at most.
const MAX_STEP: u32 = 256;
/// Deliveries of a replay that may be open at all: those of a destination that is down or paused add up.
const MAX_OPEN: u32 = 10_000;
/// How far ahead deliveries of a replay with a rate are queued.
const AHEAD: Duration = Duration::from_secs(2);
/// Deliveries of a cancelled replay that are withdrawn at once.
const WITHDRAWN: u32 = 64;
const FIRST: ReplayId = ReplayId::from_u128(0);

pub(super) struct Replays {
    registry: Registry,
    pace: Pace,
    windows: HashMap<ReplayId, Window>,
    /// The replay that had its turn last.
    after: ReplayId,
}

impl Job for Replays {
    const NAME: &'static str = "replays";
    const EVERY: Duration = Duration::from_secs(1);

    async fn has_work(&self, store: &Store) -> Result<bool> {
        store.has_active_replays().await
    }

    async fn run(&mut self, turn: &Turn) -> Result<Progress> {
        let begun = Instant::now();
        let mut has_moved = false;
        while !turn.is_over() && begun.elapsed() < RUN {
            let active = turn.store.active_replays(self.after, AT_ONCE).await?;
            if active.is_empty() && self.after == FIRST {
                self.windows.clear();
                return Ok(Progress::Done);
            }
            for (env, id) in active {
                if turn.is_over() {
                    break;
                }
                self.after = id;
                has_moved |= self.step(turn, env, id).await?;
            }
            if turn.store.active_replays(self.after, 1).await?.is_empty() {
                // Once round.
                self.after = FIRST;
                if !std::mem::take(&mut has_moved) {
                    turn.pause(IDLE).await;
                }
            }
        }
        Ok(Progress::More)
    }
}

impl Replays {
    pub fn new(registry: Registry, pace: Pace) -> Self {
        Self { registry, pace, windows: HashMap::new(), after: FIRST }
    }

    /// Goes a step on with a replay. Returns whether there was anything to do. One that cannot go on does not keep others
    /// from it.
    async fn step(&mut self, turn: &Turn, env: EnvId, id: ReplayId) -> Result<bool> {
        let rows = turn.store.scope(env);
        let Some(at) = rows.replay(id).await? else { return Ok(false) };
        if at.replay.status == ReplayStatus::Cancelled {
            let withdrawn = rows.withdraw_replayed(id, at.replay.created_at, WITHDRAWN, clock::now()).await?;
            self.windows.remove(&id);
            return Ok(withdrawn > 0);
        }
        match self.advance(turn, &rows, &at).await {
            Ok(has_moved) => Ok(has_moved),
            Err(error) if error.is_passing() => Err(error),
            Err(error) => {
                tracing::error!(replay.id = %id, %error, "a replay cannot go on");
                rows.fail_replay(id, "something went wrong on the server; its log says what", clock::now()).await?;
                Ok(true)
            }
        }
    }

    async fn advance(&mut self, turn: &Turn, rows: &Scope, at: &ReplayAtWork) -> Result<bool> {
        let (replay, now) = (&at.replay, clock::now());
        let window = self.windows.entry(replay.id).or_default();
        let Some(rate_room) = room_by_rate(at, now) else { return Ok(false) };
        let queued_by_rate = replay.rate_per_second.map_or(0, |rate| rate.saturating_mul(2));
        let most = window.size.saturating_add(queued_by_rate);
        let (pending, open) = rows.replay_backlog(replay.id, most, MAX_OPEN).await?;
        let room = window.room(pending.saturating_sub(queued_by_rate), Instant::now());
        if room == 0 || open >= MAX_OPEN {
            return Ok(false);
        }
        // Now, not when the replay was made: it goes by what the configuration is.
        let snapshot = self.registry.snapshot();
        let course = match course_of(replay, &snapshot) {
            Ok(course) => course,
            Err(why) => {
                rows.fail_replay(replay.id, &why, now).await?;
                return Ok(true);
            }
        };
        let size = self.pace.size().min(MAX_STEP).min(room).min(rate_room);
        let reached = Reached { last: at.reached, matched: replay.counts.matched };
        let looked = course.look(rows, &snapshot, reached, size).await?;
        let begun = Instant::now();
        let advance = rows.advance_replay(at, &looked, clock::now()).await?;
        let held = begun.elapsed();
        let Advance::Done(step) = advance else { return Ok(false) };
        if step.made > 0 {
            window.filled = Some(begun);
        }
        if looked.is_end {
            self.windows.remove(&replay.id);
            tracing::info!(replay.id = %replay.id, "a replay has come to its end");
        }
        let pause = self.pace.after(held, held);
        turn.pause(pause.min(MAX_REST)).await;
        Ok(true)
    }
}

/// What the replay goes through; else why it cannot.
fn course_of(replay: &Replay, snapshot: &crate::registry::Snapshot) -> std::result::Result<Course, String> {
    let source = match replay.connection_id {
        Some(id) => Some(snapshot.connection(id).ok_or("the connection was deleted")?.source_id),
        None => replay.source_id,
    };
    let course = Course::new(&replay.spec(), source)
        .map_err(|errors| format!("its filter cannot be used any more: {errors}"))?;
    course.lacks(snapshot).map_or(Ok(course), |why| Err(why.to_owned()))
}

/// How many deliveries a replay's rate lets it queue now: about those of the time ahead. `None` when enough are queued.
fn room_by_rate(at: &ReplayAtWork, now: Timestamp) -> Option<u32> {
    let Some(rate) = at.replay.rate_per_second else { return Some(u32::MAX) };
    let ahead = at.paced_until.map_or(Duration::ZERO, |until| until.since(now));
    if ahead > AHEAD / 2 {
        // A clock that was put back leaves times behind that are far ahead of it; those count for nothing.
        return (ahead > 5 * AHEAD).then_some(1);
    }
    let room = (AHEAD.saturating_sub(ahead)).as_millis() * u128::from(rate) / 1000;
    Some(u32::try_from(room).unwrap_or(u32::MAX).max(1))
}

/// How much a replay may have waiting: about what its destinations take within a second.
struct Window {
    size: u32,
    /// When it was last filled.
    filled: Option<Instant>,
}

impl Default for Window {
    fn default() -> Self {
        Self { size: 4 * Self::SMALLEST, filled: None }
    }
}

impl Window {
    const SMALLEST: u32 = 8;
    const LARGEST: u32 = 512;
    /// What was filled in should be gone by then.
    const WANTED: Duration = Duration::from_secs(1);

    /// How many deliveries may be added to those that are `waiting`.
    fn room(&mut self, waiting: u32, now: Instant) -> u32 {
        let since = self.filled.map(|filled| now.saturating_duration_since(filled));
        if waiting == 0 && since.is_some_and(|since| since < Self::WANTED) {
            self.size = (self.size * 2).min(Self::LARGEST);
        } else if waiting * 2 > self.size {
            if since.is_some_and(|since| since > Self::WANTED) {
                self.size = (self.size / 2).max(Self::SMALLEST);
                self.filled = Some(now);
            }
            return 0;
        }
        self.size.saturating_sub(waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_grows_with_what_is_taken_and_shrinks_with_what_is_not() {
        let mut window = Window::default();
        let mut now = Instant::now();
        for _ in 0..10 {
            assert!(window.room(0, now) > 0);
            window.filled = Some(now);
            now += Duration::from_millis(50);
        }
        assert_eq!(window.room(0, now), Window::LARGEST);
        for _ in 0..10 {
            now += Duration::from_millis(1100);
            assert_eq!(window.room(Window::LARGEST, now), 0, "it is full");
        }
        assert_eq!(window.size, Window::SMALLEST);
        assert_eq!(window.room(3, now), Window::SMALLEST - 3);
    }
}
