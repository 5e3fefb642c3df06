//! Destinations that not everything may go to at once: an open circuit, a limit, an order.
//!
//! All of a limited or ordered destination is claimed through its gate, and so is the one delivery by which an open circuit
//! is tried. While a circuit is open nothing is claimed, and what had been claimed before is given back.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{
    circuit::{CircuitState, Finding},
    delivery::{Attempt, ErrorClass},
    id::{DeliveryId, DestinationId, EnvId},
};
use store::{
    gates::{Again, Gate, GateReport, Said},
    queue::Claimed,
};

use super::{
    Workers,
    lane::{Content, Lane, Parcel},
    pump::{AFTER_ERROR, LONGEST_SLEEP},
};
use crate::{
    circuits::{Change, Way},
    clock,
    registry::Target,
};

/// How long a probe's outcome is awaited beyond the time that its receiver has.
const PROBE_MARGIN: Duration = Duration::from_secs(15);
/// Nobody is asked in a loop.
const SHORTEST_SLEEP: Duration = Duration::from_millis(1);

impl Workers {
    /// Whether anything may be sent to a destination.
    pub(super) fn way_to(&self, target: &Target) -> Way {
        if target.destination.circuit_breaker.enabled {
            self.inner.circuits.way(target.destination.id, Instant::now())
        } else {
            Way::Open
        }
    }

    /// Claims through the gate once. Returns how long to sleep before the next time, unless the lane is woken.
    pub(super) async fn pump_through(&self, lane: &Arc<Lane>, target: &Target, is_try: bool) -> Duration {
        // No more than can be sent at once: those that waited here would go out without regard to the limit.
        let free = lane.free_places();
        let wanted = if is_try { 1 } else { free };
        if wanted == 0 {
            return LONGEST_SLEEP;
        }
        let Some(epoch) = self.inner.lease.epoch() else { return AFTER_ERROR };
        let now = clock::now();
        lane.forget_passed(now);
        let limit = u32::try_from(wanted).unwrap_or(u32::MAX);
        let node = self.inner.lease.node();
        let passed = match self.inner.store.claim_through(&gate_of(target), node, now, limit).await {
            Ok(passed) => passed,
            Err(error) => {
                tracing::warn!(destination.id = %lane.destination, %error, "claiming deliveries failed; trying again");
                return AFTER_ERROR;
            }
        };
        lane.note_backlog(passed.again == Again::AtOnce);
        if passed.is_probe {
            self.note_running(passed.claimed.iter().map(|claimed| claimed.id));
            let probes = passed.claimed.into_iter();
            let parcels = probes.map(|claimed| Parcel { claimed, content: Content::ToBeRead, epoch, memory: None });
            self.begin(lane, lane.take_in_past_all(parcels));
        } else if !passed.claimed.is_empty() {
            self.take_in_claimed(lane, passed.claimed, epoch).await;
        }
        match passed.again {
            Again::AtOnce => Duration::ZERO,
            Again::After(wait) => {
                lane.note_full();
                wait.clamp(SHORTEST_SLEEP, LONGEST_SLEEP)
            }
            Again::WhenOneEnds => {
                lane.note_full();
                LONGEST_SLEEP
            }
            Again::WhenDue => self.until_due(lane).await,
        }
    }

    /// What follows here when a circuit opens or closes.
    pub(super) fn circuit_changed(&self, change: Change) {
        let lane = self.lane(change.destination);
        match change.state {
            CircuitState::Open => {
                tracing::info!(destination.id = %change.destination, "a circuit has opened: deliveries wait");
                let parcels = lane.take_out_waiting();
                if !parcels.is_empty() {
                    let workers = self.clone();
                    self.inner.sends.spawn(async move { workers.give_back(parcels).await });
                }
            }
            CircuitState::HalfOpen => {}
            CircuitState::Closed => {
                tracing::info!(destination.id = %change.destination, "a circuit has closed");
                // What waited is not to run its receiver over.
                lane.begin_low();
            }
        }
        lane.note_freed();
    }

    /// Gives back what was claimed and is not sent now.
    async fn give_back(&self, parcels: Vec<Parcel>) {
        let deliveries: Vec<_> = parcels.iter().map(|parcel| (parcel.claimed.env_id, parcel.claimed.id)).collect();
        // The memory of what they were to send is free at once.
        drop(parcels);
        self.give_back_deliveries(&deliveries).await;
        let mut running = self.running();
        for (_, id) in &deliveries {
            running.remove(id);
        }
    }

    pub(super) async fn give_back_deliveries(&self, deliveries: &[(EnvId, DeliveryId)]) {
        if let Err(error) = self.inner.store.give_back_all(self.inner.lease.node(), deliveries).await {
            // They stay leased; the sweep finds that nobody works on them.
            tracing::warn!(deliveries = deliveries.len(), %error, "deliveries could not be given back");
        }
    }

    /// A delivery that was taken to try an open circuit is not sent: another may be.
    pub(super) async fn give_up_probe(&self, claimed: &Claimed) {
        let unused = self.inner.store.probe_unused(claimed.env_id, claimed.destination_id, self.inner.lease.node());
        if let Err(error) = unused.await {
            tracing::warn!(destination.id = %claimed.destination_id, %error, "a circuit stays as it is until its probe's time is over");
        }
    }

    /// What an attempt means for the gate of its destination; `None` when nothing. `is_refused` says that the receiver works
    /// and will never take this message.
    pub(super) fn report(
        &self,
        claimed: &Claimed,
        target: &Target,
        attempt: &Attempt,
        is_refused: bool,
    ) -> Option<GateReport> {
        let destination = &target.destination;
        let circuits = &self.inner.circuits;
        let is_given_up_on =
            || attempt.response_status.is_some_and(|status| destination.retry.give_up_on.contains(&status));
        let is_final_answer = attempt.error_class == Some(ErrorClass::Status) && (is_refused || is_given_up_on());
        let finding = Finding::of(attempt.error_class, is_final_answer);
        let is_told = destination.circuit_breaker.enabled
            && match finding {
                _ if claimed.is_probe => true,
                Finding::Works => circuits.has_failed(destination.id),
                Finding::Fails => circuits.is_closed(destination.id),
                Finding::Nothing => false,
            };
        let breaker = destination.circuit_breaker;
        let report = GateReport {
            destination: destination.id,
            order_key: claimed.order_key,
            frees_place: destination.rate_limit.is_some_and(|limit| limit.max_in_flight.is_some()),
            said: is_told.then_some(Said { finding, breaker, is_probe: claimed.is_probe }),
        };
        (report.said.is_some() || report.order_key.is_some() || report.frees_place).then_some(report)
    }

    /// Whether a delivery that has its turn is to go back, since its destination's circuit has opened meanwhile.
    pub(super) fn is_cut_off(&self, claimed: &Claimed, target: &Target) -> bool {
        !claimed.is_probe
            && target.destination.circuit_breaker.enabled
            && !self.inner.circuits.is_closed(target.destination.id)
    }

    /// Something that deliveries of this destination waited for has ended.
    pub(super) fn note_freed(&self, destination: DestinationId) {
        self.lane(destination).note_freed();
    }
}

fn gate_of(target: &Target) -> Gate {
    let destination = &target.destination;
    Gate {
        env_id: destination.env_id,
        destination: destination.id,
        has_breaker: destination.circuit_breaker.enabled,
        probe_for: Duration::from_millis(destination.timeout_ms.into()) + PROBE_MARGIN,
        pace: target.pace,
        max_in_flight: destination.rate_limit.and_then(|limit| limit.max_in_flight),
        is_ordered: target.order.is_some(),
    }
}
