//! Removes entries of the audit log that are too old.

use std::time::Duration;

use domain::audit::KEPT;
use store::Result;

use super::{Job, Progress, Turn};

pub(super) struct OldEntries;

impl Job for OldEntries {
    const NAME: &'static str = "audit_log";
    const EVERY: Duration = Duration::from_hours(1);

    async fn run(&mut self, turn: &Turn) -> Result<Progress> {
        let removed = turn.store.forget_audit(turn.now().await?.minus(KEPT)).await?;
        Ok(if removed == 0 { Progress::Done } else { Progress::More })
    }
}
