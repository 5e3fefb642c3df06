//! Forgets by what requests were known, at ingest and in the API, which were refused, and what went over routes, once their
//! time is over.

use std::time::Duration;

use store::Result;

use super::{Job, Progress, Turn};

pub(super) struct OnceKeys;

impl Job for OnceKeys {
    const NAME: &'static str = "once_keys";
    const EVERY: Duration = Duration::from_secs(30);

    async fn run(&mut self, turn: &Turn) -> Result<Progress> {
        let now = turn.now().await?;
        while !turn.is_over() {
            let forgotten = turn.store.forget_once_keys(now).await?
                + turn.store.forget_idempotency_keys(now).await?
                + turn.store.forget_rejected(now).await?
                + turn.store.forget_route_counts(now).await?;
            if forgotten == 0 {
                break;
            }
            // Others write meanwhile.
            turn.pause(Duration::from_millis(20)).await;
        }
        Ok(Progress::Done)
    }
}
