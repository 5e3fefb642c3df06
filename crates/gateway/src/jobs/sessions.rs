//! Removes sign-in sessions that have expired.

use std::time::Duration;

use store::Result;

use super::{Job, Progress, Turn};
use crate::clock;

pub(super) struct Sessions;

impl Job for Sessions {
    const NAME: &'static str = "sessions";
    const EVERY: Duration = Duration::from_mins(10);

    async fn run(&mut self, turn: &Turn) -> Result<Progress> {
        let removed = turn.store.delete_expired_sessions(clock::now().as_secs()).await?;
        Ok(if removed == 0 { Progress::Done } else { Progress::More })
    }
}
