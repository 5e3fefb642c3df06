//! Removes what deleted projects have left: their events and deliveries a few at a time, then their configuration and
//! keys, then themselves.

use std::time::{Duration, Instant};

use domain::id::EnvId;
use store::{Result, retention::Table};

use super::{Job, Progress, Turn, pace::Pace};

/// How long after its deletion nothing of a project is being accepted or sent any more, on any node.
const DRAINED: Duration = Duration::from_mins(10);
/// How long a run may take.
const RUN: Duration = Duration::from_secs(10);

pub(super) struct DeletedProjects {
    pace: Pace,
}

impl Job for DeletedProjects {
    const NAME: &'static str = "deleted_projects";
    const EVERY: Duration = Duration::from_mins(1);

    async fn run(&mut self, turn: &Turn) -> Result<Progress> {
        let begun = Instant::now();
        let deleted = turn.store.deleted_environments(turn.now().await?.minus(DRAINED)).await?;
        for env in deleted {
            if self.remove(turn, env, begun).await? == Progress::More {
                return Ok(Progress::More);
            }
        }
        Ok(Progress::Done)
    }
}

impl DeletedProjects {
    pub fn new(pace: Pace) -> Self {
        Self { pace }
    }

    async fn remove(&mut self, turn: &Turn, env: EnvId, begun: Instant) -> Result<Progress> {
        let rows = turn.store.scope(env);
        for table in Table::ALL {
            let mut from = 0;
            loop {
                if turn.is_over() || begun.elapsed() > RUN {
                    return Ok(Progress::More);
                }
                let step = Instant::now();
                let (next, held) = rows.remove_rows(table, from, self.pace.size()).await?;
                turn.pause(self.pace.after(held, step.elapsed())).await;
                let Some(next) = next else { break };
                from = next;
            }
        }
        rows.remove_environment().await?;
        tracing::info!(env.id = %env, "removed what a deleted project had left");
        Ok(Progress::Done)
    }
}
