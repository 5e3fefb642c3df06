//! Removes sign-in sessions and links that have expired, and tries that nobody counts any more.

use std::time::Duration;

use store::Result;

use super::{Job, Progress, Turn};
use crate::auth::limits::{NETWORKS_KEPT, TALLIES_KEPT};

pub(super) struct Sessions;

impl Job for Sessions {
    const NAME: &'static str = "sessions";
    const EVERY: Duration = Duration::from_mins(10);

    async fn run(&mut self, turn: &Turn) -> Result<Progress> {
        let now = turn.now().await?;
        let sessions = turn.store.delete_expired_sessions(now.as_secs()).await?;
        let links = turn.store.delete_expired_account_tokens(now).await?;
        let attempts = turn.store.delete_old_attempts(now.minus(TALLIES_KEPT), now.minus(NETWORKS_KEPT)).await?;
        let removed = sessions + links + attempts;
        Ok(if removed == 0 { Progress::Done } else { Progress::More })
    }
}
