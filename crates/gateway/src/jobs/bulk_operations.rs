//! Works off bulk operations, a few deliveries of each in turn, and forgets those that have ended long ago.

use std::time::{Duration, Instant};

use domain::bulk::BulkStatus;
use store::Result;

use super::{Job, Progress, Turn, pace::Pace};
use crate::clock;

/// How long a run may take.
const RUN: Duration = Duration::from_secs(10);
/// Operations that have their turns side by side.
const SIDE_BY_SIDE: u32 = 32;
/// How long those that have ended can be read.
const KEPT: Duration = Duration::from_hours(7 * 24);
/// How often it is looked for those that may be forgotten.
const FORGET_EVERY: Duration = Duration::from_hours(1);

pub(super) struct BulkOperations {
    pace: Pace,
    forgot: Option<Instant>,
}

impl BulkOperations {
    pub fn new(pace: Pace) -> Self {
        Self { pace, forgot: None }
    }
}

impl Job for BulkOperations {
    const NAME: &'static str = "bulk_operations";
    const EVERY: Duration = Duration::from_secs(3);

    async fn run(&mut self, turn: &Turn) -> Result<Progress> {
        let begun = Instant::now();
        loop {
            let running = turn.store.running_bulk_operations(SIDE_BY_SIDE).await?;
            if running.is_empty() {
                break;
            }
            for (env, id) in running {
                if turn.is_over() || begun.elapsed() > RUN {
                    return Ok(Progress::More);
                }
                let step = Instant::now();
                let Some(taken) = turn.store.scope(env).bulk_step(id, self.pace.size(), clock::now()).await? else {
                    continue;
                };
                if taken.operation.status == BulkStatus::Completed {
                    tracing::info!(
                        bulk_operation.id = %id,
                        deliveries = taken.operation.done,
                        "a bulk operation is done"
                    );
                }
                let pause = self.pace.after(taken.held, step.elapsed());
                turn.pause(pause).await;
            }
        }
        if self.forgot.is_none_or(|at| at.elapsed() > FORGET_EVERY) {
            self.forgot = Some(Instant::now());
            turn.store.forget_bulk_operations(turn.now().await?.minus(KEPT)).await?;
        }
        Ok(Progress::Done)
    }
}
