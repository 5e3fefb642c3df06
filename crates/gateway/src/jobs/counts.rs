//! Adds up what commits have counted, so that little is left to add when a source is read.

use std::time::Duration;

use store::Result;

use super::{Job, Progress, Turn};

pub(super) struct Counts;

impl Job for Counts {
    const NAME: &'static str = "counts";
    const EVERY: Duration = Duration::from_secs(5);

    async fn run(&mut self, turn: &Turn) -> Result<Progress> {
        turn.store.add_up_counts().await?;
        Ok(Progress::Done)
    }
}
