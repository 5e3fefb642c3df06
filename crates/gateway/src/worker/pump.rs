//! What claims a lane's due deliveries from the database: retries, what found no room when it was accepted, what another
//! node left behind.

use std::{collections::HashMap, sync::Arc, time::Duration};

use domain::{
    destination::DestinationStatus,
    id::{EnvId, EventId},
};
use store::{Result, queue::Claimed};

use super::{
    Workers, budget_units,
    lane::{Content, Lane, Parcel},
};
use crate::{circuits::Way, clock};

/// The longest a pump sleeps without looking.
pub(super) const LONGEST_SLEEP: Duration = Duration::from_mins(1);
pub(super) const AFTER_ERROR: Duration = Duration::from_secs(1);
/// Bodies that take more in the database are read back one at a time, when their turn comes.
const READ_TOGETHER: usize = 32 << 10;

impl Workers {
    /// Claims what is due for a destination and has it sent, until the node stops or the lane is closed.
    pub(super) async fn pump(self, lane: Arc<Lane>) {
        while !self.inner.stop.is_cancelled() && !lane.is_closed() {
            let sleep = self.pump_once(&lane).await;
            if sleep.is_zero() {
                continue;
            }
            tokio::select! {
                () = self.inner.stop.cancelled() => return,
                () = lane.woken() => {}
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    /// Claims once. Returns how long to sleep before the next time, unless the lane is woken.
    async fn pump_once(&self, lane: &Arc<Lane>) -> Duration {
        let snapshot = self.inner.registry.snapshot();
        if let Some(target) = snapshot.target(lane.destination) {
            if target.destination.status == DestinationStatus::Paused {
                return LONGEST_SLEEP;
            }
            match self.way_to(target) {
                Way::Shut(wait) => {
                    lane.note_backlog(true);
                    return wait.min(LONGEST_SLEEP);
                }
                Way::Try => return self.pump_through(lane, target, true).await,
                Way::Open if target.is_gated() => return self.pump_through(lane, target, false).await,
                Way::Open => {}
            }
        }
        let wanted = lane.room_for_claims();
        if wanted == 0 {
            return LONGEST_SLEEP;
        }
        let Some(epoch) = self.inner.lease.epoch() else { return AFTER_ERROR };
        let now = clock::now();
        lane.forget_passed(now);
        let limit = u32::try_from(wanted).unwrap_or(u32::MAX);
        let claimed = match self.inner.store.claim(self.inner.lease.node(), lane.destination, now, limit).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(destination.id = %lane.destination, %error, "claiming deliveries failed; trying again");
                return AFTER_ERROR;
            }
        };
        let is_backlogged = lane.note_claimed(wanted, claimed.len());
        if !claimed.is_empty() {
            self.take_in_claimed(lane, claimed, epoch).await;
        }
        if is_backlogged {
            return Duration::ZERO;
        }
        self.until_due(lane).await
    }

    /// How long until something is due.
    pub(super) async fn until_due(&self, lane: &Lane) -> Duration {
        match self.inner.store.next_due(lane.destination).await {
            // At least a moment, so that a row that another node is about to take is not asked for in a loop.
            Ok(due) => lane.wait_until(due, clock::now()).clamp(Duration::from_millis(1), LONGEST_SLEEP),
            Err(_) => AFTER_ERROR,
        }
    }

    pub(super) async fn take_in_claimed(&self, lane: &Arc<Lane>, claimed: Vec<Claimed>, epoch: u64) {
        self.note_running(claimed.iter().map(|delivery| delivery.id));
        let mut contents = match self.read_together(&claimed).await {
            Ok(contents) => contents,
            Err(error) => {
                tracing::warn!(%error, "claimed events could not be read together; each is read when its turn comes");
                HashMap::new()
            }
        };
        let parcels = claimed.into_iter().map(|claimed| {
            let content = contents.remove(&claimed.event_id);
            let units = content.as_ref().map_or(0, |content| budget_units(content.body.len()));
            let memory = lane.memory_for(claimed.env_id, units);
            match (content, memory) {
                (Some(content), Some(memory)) => {
                    Parcel { claimed, content: Content::Stored(content), epoch, memory: Some(memory) }
                }
                // There is no memory left, or it is a large one.
                _ => Parcel { claimed, content: Content::ToBeRead, epoch, memory: None },
            }
        });
        self.begin(lane, lane.take_in(parcels.collect::<Vec<_>>()));
    }

    async fn read_together(&self, claimed: &[Claimed]) -> Result<HashMap<EventId, store::Content>> {
        // All deliveries of a destination are of its project.
        let Some(env): Option<EnvId> = claimed.first().map(|claimed| claimed.env_id) else { return Ok(HashMap::new()) };
        let events: Vec<EventId> = claimed.iter().map(|claimed| claimed.event_id).collect();
        self.inner.store.scope(env).contents(&events, READ_TOGETHER).await
    }
}
