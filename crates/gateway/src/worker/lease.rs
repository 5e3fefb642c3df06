//! A node's lease: as long as its heartbeats come through, what it has taken is its own. When they have not for too
//! long, other nodes may have taken it over, and everything taken before must not be sent any more.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use domain::time::Timestamp;
use store::queue::{HEARTBEAT, NODE_TTL};

use super::Workers;
use crate::clock;

/// How long a heartbeat holds: a node stops sending 2 s before others may take over.
const VALID: Duration = Duration::from_secs(NODE_TTL.as_secs() - 2);
/// How often it is looked whether a node is gone.
const WATCH: Duration = Duration::from_secs(1);
/// How long a node whose own heartbeats did not come through leaves the others alone once they do again: what kept it from
/// the database may have kept them as well, and they are about to show that they are alive.
const GRACE: Duration = Duration::from_secs(3);

/// The lease of this node.
pub(super) struct Lease {
    node: i64,
    /// Without other nodes nobody can take anything over.
    is_contested: bool,
    born: Instant,
    /// Milliseconds since `born` until which the last heartbeat holds.
    valid_until: AtomicU64,
    /// Grows whenever the lease was lost: what was taken in an earlier epoch is not this node's any more.
    epoch: AtomicU64,
    /// Milliseconds since `born` from which on this node may take over from others.
    judges_from: AtomicU64,
}

impl Lease {
    pub fn new(node: i64, is_contested: bool) -> Self {
        let (born, none) = (Instant::now(), || AtomicU64::new(0));
        let lease = Self { node, is_contested, born, valid_until: none(), epoch: none(), judges_from: none() };
        lease.valid_until.store(lease.millis(born + VALID), Ordering::Release);
        lease
    }

    pub fn node(&self) -> i64 {
        self.node
    }

    /// The epoch of what is taken now; `None` while the lease is lost.
    pub fn epoch(&self) -> Option<u64> {
        self.is_valid().then(|| self.epoch.load(Ordering::Acquire))
    }

    /// Whether what was taken in `epoch` is still this node's.
    pub fn holds(&self, epoch: u64) -> bool {
        self.epoch() == Some(epoch)
    }

    fn is_valid(&self) -> bool {
        !self.is_contested || self.millis(Instant::now()) < self.valid_until.load(Ordering::Acquire)
    }

    /// A heartbeat that was begun at `begun` has come through.
    fn extend(&self, begun: Instant) {
        if !self.is_valid() {
            self.epoch.fetch_add(1, Ordering::AcqRel);
            self.judges_from.store(self.millis(Instant::now() + GRACE), Ordering::Release);
        }
        let until = self.millis(begun + VALID);
        self.valid_until.store(until, Ordering::Release);
    }

    /// Whether this node can tell that others are gone.
    fn may_judge(&self) -> bool {
        self.is_valid() && self.millis(Instant::now()) >= self.judges_from.load(Ordering::Acquire)
    }

    fn millis(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.born).as_millis()).unwrap_or(u64::MAX)
    }
}

impl Workers {
    /// Sends heartbeats until the node stops.
    pub(super) async fn keep_lease(self, started: Timestamp) {
        let mut tick = tokio::time::interval(HEARTBEAT);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                // Sends that are still running need the lease to the end.
                () = self.inner.sends.wait() => return,
            }
            let begun = Instant::now();
            let beat = self.inner.store.heartbeat(self.inner.lease.node(), started);
            match tokio::time::timeout(NODE_TTL / 2, beat).await {
                Ok(Ok(())) => self.inner.lease.extend(begun),
                Ok(Err(error)) => tracing::warn!(%error, "a heartbeat failed"),
                Err(_) => tracing::warn!("a heartbeat took too long"),
            }
        }
    }
}

impl Workers {
    /// Takes over what nodes had that are gone, until the node stops.
    pub(super) async fn watch_nodes(self) {
        let mut tick = tokio::time::interval(WATCH);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = self.inner.stop.cancelled() => return,
            }
            if !self.inner.lease.may_judge() {
                continue;
            }
            match self.inner.store.take_over(self.inner.lease.node(), clock::now()).await {
                Ok(0) => {}
                Ok(deliveries) => {
                    tracing::info!(deliveries, "took over the deliveries of a node that is gone");
                    self.note_queued().await;
                }
                Err(error) => tracing::warn!(%error, "looking for nodes that are gone failed; trying again"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_lease_comes_back_as_another() {
        let lease = Lease::new(1, true);
        let first = lease.epoch().expect("a fresh lease holds");
        assert!(lease.holds(first));
        lease.valid_until.store(0, Ordering::Release);
        assert_eq!(lease.epoch(), None);
        lease.extend(Instant::now());
        assert!(!lease.holds(first));
        assert_eq!(lease.epoch(), Some(first + 1));
        assert!(!lease.may_judge(), "others may have been cut off as well");
        lease.judges_from.store(0, Ordering::Release);
        assert!(lease.may_judge());
    }

    #[test]
    fn alone_a_node_keeps_its_lease() {
        let lease = Lease::new(1, false);
        lease.valid_until.store(0, Ordering::Release);
        assert_eq!(lease.epoch(), Some(0));
    }
}
