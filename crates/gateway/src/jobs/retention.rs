//! Removes events that are older than their project keeps them.
//!
//! Each project is walked from its oldest event on up to its cutoff, a few events at a time, all projects in turn. An
//! event with a delivery that has not ended stays. So behind the front of the walk there are only such events, and a
//! second walk goes round among them, slowly: whatever their number, a run looks at few of them.
//!
//! How far the walks have come is kept in memory. Another node, or this one after a restart, begins at the beginning.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use domain::{
    id::{EnvId, EventId},
    project::RetentionDays,
    time::Timestamp,
};
use store::{Result, retention::Removal};

use super::{Job, Progress, Turn, pace::Pace};

/// How long a run may take.
const RUN: Duration = Duration::from_secs(10);
/// Events with open deliveries of one project that a round looks at again.
const KEPT: u32 = 500;
const FIRST: EventId = EventId::from_u128(0);

pub(super) struct Retention {
    pace: Pace,
    walks: HashMap<EnvId, Walk>,
    /// Events that this run has removed.
    removed: u64,
}

/// How far a project was walked.
#[derive(Clone, Copy)]
struct Walk {
    /// What is older was looked at.
    front: EventId,
    /// Where the second walk goes on.
    kept: EventId,
}

impl Default for Walk {
    fn default() -> Self {
        Self { front: FIRST, kept: FIRST }
    }
}

impl Job for Retention {
    const NAME: &'static str = "retention";
    const EVERY: Duration = Duration::from_mins(1);

    async fn run(&mut self, turn: &Turn) -> Result<Progress> {
        let begun = Instant::now();
        // Read anew each time: one that was made longer must hold at once.
        let now = turn.now().await?;
        let kept: HashMap<EnvId, RetentionDays> = turn.store.retentions().await?.into_iter().collect();
        turn.store.remove_ended_replays(now).await?;
        self.walks.retain(|env, _| kept.contains_key(env));
        // In no order: when there is not time for all of them, others come first the next time.
        let mut left: VecDeque<_> = kept.into_iter().map(|(env, kept)| (env, first_of(kept.cutoff(now)))).collect();
        self.removed = 0;
        let mut progress = Progress::Done;
        while let Some((env, cutoff)) = left.pop_front() {
            if turn.is_over() || begun.elapsed() > RUN {
                progress = Progress::More;
                break;
            }
            if self.step(turn, env, cutoff).await? {
                left.push_back((env, cutoff));
            }
        }
        if self.removed > 0 {
            tracing::info!(events = self.removed, "removed events that are no longer kept");
        }
        Ok(progress)
    }
}

/// No event of this moment or later has a smaller id.
fn first_of(moment: Timestamp) -> EventId {
    EventId::new(moment, 0)
}

impl Retention {
    pub fn new(pace: Pace) -> Self {
        Self { pace, walks: HashMap::new(), removed: 0 }
    }

    /// Goes a step forward in a project. Returns whether there is more to walk; where there is not, looks at some of what
    /// was kept.
    async fn step(&mut self, turn: &Turn, env: EnvId, cutoff: EventId) -> Result<bool> {
        let mut walk = self.walks.get(&env).copied().unwrap_or_default();
        let next = self.remove(turn, env, walk.front, cutoff).await?;
        walk.front = next.unwrap_or(cutoff).max(walk.front);
        if next.is_none() {
            // A retention that was made longer spares what had a delivery to make until now.
            let behind = walk.front.min(cutoff);
            let mut looked = 0;
            while looked < KEPT && !turn.is_over() {
                looked += self.pace.size();
                let next = self.remove(turn, env, walk.kept, behind).await?;
                walk.kept = next.unwrap_or(FIRST);
                if next.is_none() {
                    break;
                }
            }
        }
        self.walks.insert(env, walk);
        Ok(next.is_some())
    }

    /// Removes what has ended of the oldest events from `from` on and before `before`, and gives others time. Returns
    /// where to go on.
    async fn remove(&mut self, turn: &Turn, env: EnvId, from: EventId, before: EventId) -> Result<Option<EventId>> {
        let begun = Instant::now();
        let Removal { next, events, held } =
            turn.store.scope(env).remove_ended_events(from, before, self.pace.size()).await?;
        self.removed += events;
        let pause = self.pace.after(held, begun.elapsed());
        turn.pause(pause).await;
        Ok(next)
    }
}
