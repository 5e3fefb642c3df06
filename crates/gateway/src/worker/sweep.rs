//! What makes sure that nothing is forgotten: from time to time every queue is looked at, without being told.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use domain::id::DeliveryId;
use store::{STATEMENT_LIMIT, signals::Signal};
use tokio::sync::broadcast::error::RecvError;

use super::{Workers, lock};
use crate::clock;

/// How often queues are looked at.
const SWEEP: Duration = Duration::from_secs(5);
/// How often it is looked for leases of this node on which nobody works, unless answers of the database were lost lately.
const ORPHANS_EVERY: u32 = 6;
/// How many times in a row it is looked for them after that.
const LOOKS_IN_DOUBT: u32 = 6;
/// Such a lease is given back when nobody works on it for so long: the answer that brings it may still be on its way.
const ORPHAN_AGE: Duration = Duration::from_secs(STATEMENT_LIMIT.as_secs() + 1);

impl Workers {
    /// Sweeps until the node stops, the first time at once.
    pub(super) async fn sweep(self) {
        let mut tick = tokio::time::interval(SWEEP);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut suspects = HashMap::new();
        let mut looks_in_doubt = 0;
        let mut changes = self.inner.registry.changes();
        for round in 0_u32.. {
            tokio::select! {
                _ = tick.tick() => {}
                // A pause or its end, another limit.
                _ = changes.changed() => {
                    let lanes: Vec<_> = lock(&self.inner.lanes).values().cloned().collect();
                    for lane in lanes {
                        lane.note_freed();
                    }
                }
                () = self.inner.stop.cancelled() => return,
            }
            let is_thorough = round % ORPHANS_EVERY == ORPHANS_EVERY - 1;
            if let Err(error) = self.sweep_once().await {
                tracing::warn!(%error, "looking for forgotten deliveries failed; trying again");
                continue;
            }
            if let Err(error) = self.look_after_parked(is_thorough).await {
                tracing::warn!(%error, "looking for parked deliveries failed; trying again");
            }
            if self.inner.store.take_doubt() {
                looks_in_doubt = LOOKS_IN_DOUBT;
            }
            if looks_in_doubt > 0 || !suspects.is_empty() || is_thorough {
                looks_in_doubt = looks_in_doubt.saturating_sub(1);
                if let Err(error) = self.give_back_orphans(&mut suspects).await {
                    tracing::warn!(%error, "looking for orphaned leases failed; trying again");
                }
            }
        }
    }

    async fn sweep_once(&self) -> store::Result<()> {
        let now = clock::now();
        let store = &self.inner.store;
        let snapshot = self.inner.registry.snapshot();
        for connection in store.held_connections().await? {
            // Of a deleted connection as well: the delivery then finds that it has no way to go, and ends.
            let known = snapshot.connection(connection);
            if known.is_none_or(|connection| snapshot.is_flowing(connection))
                && store.release_held(connection, now).await? > 0
                && let Some(known) = known
            {
                // They may have looked a moment too early.
                store.signals().tell_others(Signal::Due(known.destination_id));
            }
        }
        // Those of deleted destinations; what is still queued for one opens it once more.
        lock(&self.inner.lanes)
            .retain(|destination, lane| snapshot.target(*destination).is_some() || !lane.close_if_idle());
        self.wake_queued().await
    }

    async fn wake_queued(&self) -> store::Result<()> {
        let now = clock::now();
        for (destination, due) in self.inner.store.queued_destinations().await? {
            if due <= now {
                self.note_freed(destination);
            } else {
                self.lane(destination).note_due(due);
            }
        }
        Ok(())
    }

    /// Wakes the lanes of all that is queued; those it cannot wake the next sweep will.
    pub(super) async fn note_queued(&self) {
        if let Err(error) = self.wake_queued().await {
            tracing::warn!(%error, "what is queued could not be looked for; trying again");
        }
    }

    /// Parked deliveries of a destination that keeps no order any more are queued. From time to time those are looked for
    /// that have nobody left before them.
    async fn look_after_parked(&self, is_thorough: bool) -> store::Result<()> {
        let store = &self.inner.store;
        let parked = store.parked_destinations().await?;
        if parked.is_empty() {
            return Ok(());
        }
        // Another node may have made its order a moment ago.
        self.inner.registry.refresh().await?;
        let snapshot = self.inner.registry.snapshot();
        for destination in parked {
            match snapshot.target(destination).filter(|target| target.order.is_some()) {
                None => {
                    if store.release_parked(destination).await? > 0 {
                        store.signals().tell_others(Signal::Due(destination));
                    }
                }
                Some(target) if is_thorough => {
                    let found = store.bring_back_forgotten(target.destination.env_id, destination).await?;
                    if found > 0 {
                        tracing::warn!(%destination, deliveries = found, "parked deliveries had nobody before them");
                    }
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// A commit whose answer was lost leaves leases of this node that it does not know of.
    async fn give_back_orphans(&self, suspects: &mut HashMap<DeliveryId, Instant>) -> store::Result<()> {
        let node = self.inner.lease.node();
        let leased = self.inner.store.leased_by(node).await?;
        let now = Instant::now();
        let mut unknown = HashMap::new();
        for (env, delivery) in leased {
            if lock(&self.inner.running).contains(&delivery) {
                continue;
            }
            let since = suspects.get(&delivery).copied().unwrap_or(now);
            if now.duration_since(since) >= ORPHAN_AGE {
                tracing::info!(delivery.id = %delivery, "giving back a delivery that nobody works on");
                self.inner.store.give_back(node, env, delivery, clock::now()).await?;
            } else {
                unknown.insert(delivery, since);
            }
        }
        *suspects = unknown;
        Ok(())
    }

    /// Wakes lanes when anybody says that something is due.
    pub(super) async fn hear_signals(self) {
        let mut signals = self.inner.store.signals().subscribe();
        loop {
            let signal = tokio::select! {
                signal = signals.recv() => signal,
                () = self.inner.stop.cancelled() => return,
            };
            match signal {
                Ok(Signal::Due(destination)) => self.wake(destination),
                Ok(Signal::Freed(destination)) => self.note_freed(destination),
                Ok(Signal::Missed) | Err(RecvError::Lagged(_)) => {
                    let lanes: Vec<_> = lock(&self.inner.lanes).values().cloned().collect();
                    for lane in lanes {
                        lane.note_freed();
                    }
                }
                Ok(_) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }
}
