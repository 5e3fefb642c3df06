//! Forgets how destinations did, once that is old.

use std::time::Duration;

use store::Result;

use super::{Job, Progress, Turn};

pub(super) struct Health;

impl Job for Health {
    const NAME: &'static str = "health";
    const EVERY: Duration = Duration::from_mins(5);

    async fn run(&mut self, turn: &Turn) -> Result<Progress> {
        let now = turn.now().await?;
        while !turn.is_over() && turn.store.forget_health(now).await? > 0 {
            // Others write meanwhile.
            turn.pause(Duration::from_millis(20)).await;
        }
        Ok(Progress::Done)
    }
}
