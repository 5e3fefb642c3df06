//! Resolves issues whose destination works again: nothing has failed so for [`QUIET`], and a delivery was taken since. From time to
//! time it forgets those that were resolved long ago.
//!
//! A run looks at a few of the quiet ones, and the next run goes on behind them: those that cannot be resolved do not keep the
//! others from it.

use std::time::{Duration, Instant};

use domain::{id::IssueId, issue::QUIET, time::Timestamp};
use store::Result;

use super::{Job, Progress, Turn};

/// Issues that a run looks at.
const LOOK_AT: u32 = 200;
/// How often it is looked for what may be forgotten.
const FORGET_EVERY: Duration = Duration::from_hours(1);

#[derive(Default)]
pub(super) struct Issues {
    after: Option<(Timestamp, IssueId)>,
    forgot: Option<Instant>,
}

impl Job for Issues {
    const NAME: &'static str = "issues";
    const EVERY: Duration = Duration::from_secs(10);

    async fn run(&mut self, turn: &Turn) -> Result<Progress> {
        let now = turn.now().await?;
        let found = turn.store.quiet_issues(now.minus(QUIET), self.after, LOOK_AT).await?;
        let is_all = found.len() < LOOK_AT as usize;
        self.after = found.last().filter(|_| !is_all).map(|last| (last.last_seen_at, last.id));
        for quiet in found.iter().filter(|quiet| quiet.is_over) {
            if turn.store.resolve_quiet(quiet, now).await? {
                tracing::info!(issue.id = %quiet.id, "an issue is resolved: its destination works again");
            }
        }
        if self.forgot.is_none_or(|at| at.elapsed() > FORGET_EVERY) {
            self.forgot = Some(Instant::now());
            for (env, kept) in turn.store.retentions().await? {
                if turn.is_over() {
                    break;
                }
                turn.store.scope(env).forget_issues(kept.cutoff(now)).await?;
            }
        }
        Ok(Progress::Done)
    }
}
