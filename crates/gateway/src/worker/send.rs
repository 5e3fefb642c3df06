//! One delivery's way through the last two stages: look up what it needs, send, settle, hand over to the writer.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{
    connection::ConnectionStatus, delivery::ErrorClass, destination::DestinationStatus, id::DeliveryId, time::Timestamp,
};
use store::{
    StoreError,
    queue::Claimed,
    quota::Share,
    writer::{AttemptRecord, Verdict},
};

use super::{
    Workers, budget_units,
    lane::{Content, Lane, Turn},
    width::Response,
};
use crate::{
    clock,
    event_view::EventView,
    hub,
    pipeline::{
        deliver::{self, Outcome, Outgoing, Sent},
        record::{Dice, Tried, settle},
    },
    registry::Target,
};

/// How long a delivery waits before it asks again for what the database did not say.
const WITHOUT_DATABASE: Duration = Duration::from_millis(500);

/// A place in a lane while a delivery is sent. When it is given back, whatever became of the delivery, the next one gets
/// its turn.
struct Slot {
    workers: Workers,
    lane: Arc<Lane>,
    delivery: DeliveryId,
    shares: [Option<Share>; 2],
    sent: Option<(Response, Instant)>,
    /// Its outcome was handed over to be recorded.
    is_reported: bool,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.workers.running().remove(&self.delivery);
        // First, so that the next one may have them.
        self.shares = [None, None];
        let turns = self.lane.ended(self.sent, Instant::now());
        // What has not begun when the node stops is given back to the queue.
        if !self.workers.inner.stop.is_cancelled() {
            self.workers.begin(&self.lane, turns);
        }
    }
}

impl Workers {
    /// Sends what has its turn.
    pub(super) fn begin(&self, lane: &Arc<Lane>, turns: Vec<Turn>) {
        for turn in turns {
            let Turn { parcel, place } = turn;
            let mut slot = Slot {
                workers: self.clone(),
                lane: Arc::clone(lane),
                delivery: parcel.claimed.id,
                shares: [place, parcel.memory],
                sent: None,
                is_reported: false,
            };
            let (claimed, content, epoch) = (parcel.claimed, parcel.content, parcel.epoch);
            self.inner.sends.spawn(async move {
                let workers = slot.workers.clone();
                tokio::select! {
                    result = workers.send_in_time(&claimed, &content, epoch, &mut slot) => {
                        if let Err(error) = result {
                            // It stays leased; the sweep finds that nobody works on it, and gives it back.
                            tracing::warn!(delivery.id = %claimed.id, %error, "a delivery could not be made");
                        }
                        if claimed.is_probe && !slot.is_reported {
                            Box::pin(workers.give_up_probe(&claimed)).await;
                        }
                    }
                    () = workers.inner.abort.cancelled() => {}
                }
            });
        }
    }

    /// Sends, and waits for the database while it is away and the delivery is this node's, unless that stops.
    async fn send_in_time(
        &self,
        claimed: &Claimed,
        content: &Content,
        epoch: u64,
        slot: &mut Slot,
    ) -> Result<(), StoreError> {
        loop {
            match self.send(claimed, content, epoch, slot).await {
                Err(error)
                    if error.is_passing() && self.inner.lease.holds(epoch) && !self.inner.stop.is_cancelled() =>
                {
                    tracing::debug!(delivery.id = %claimed.id, %error, "a delivery waits for the database");
                    tokio::time::sleep(WITHOUT_DATABASE).await;
                }
                ended => return ended,
            }
        }
    }

    /// What few deliveries need is boxed, so that the task of each is small: it is copied when it is spawned.
    async fn send(&self, claimed: &Claimed, content: &Content, epoch: u64, slot: &mut Slot) -> Result<(), StoreError> {
        let node = self.inner.lease.node();
        let store = &self.inner.store;
        let mut snapshot = self.inner.registry.snapshot();
        if snapshot.connection(claimed.connection_id).is_none() || snapshot.target(claimed.destination_id).is_none() {
            // Another node may have made it a moment ago, and what it planned may come here before the news of it does.
            Box::pin(self.inner.registry.refresh()).await?;
            snapshot = self.inner.registry.snapshot();
        }
        let connection = snapshot.connection(claimed.connection_id);
        let (Some(connection), Some(target)) = (connection, snapshot.target(claimed.destination_id)) else {
            return Box::pin(store.drop_leased(node, claimed, "its connection was deleted")).await;
        };
        if connection.status == ConnectionStatus::Paused || target.destination.status == DestinationStatus::Paused {
            return Box::pin(store.hold(node, claimed.env_id, claimed.id)).await;
        }
        if self.is_cut_off(claimed, target) {
            Box::pin(self.give_back_deliveries(&[(claimed.env_id, claimed.id)])).await;
            return Ok(());
        }
        let read;
        let (event, body) = match content {
            Content::Fresh(event) => (EventView::of_new(event), &event.body),
            Content::Stored(event) => (EventView::of_content(claimed.event_id, event), &event.body),
            Content::ToBeRead => match Box::pin(self.read_back(claimed, slot)).await? {
                Some(event) => {
                    read = event;
                    (EventView::of_content(claimed.event_id, &read), &read.body)
                }
                None => return Box::pin(store.drop_leased(node, claimed, "its event is no longer kept")).await,
            },
        };
        let now = clock::now();
        let rules = snapshot.rules(claimed.connection_id).filter(|rules| rules.shapes());
        let shaped = match rules {
            Some(rules) => Box::pin(rules.shape(claimed.env_id, &event, body, now)).await,
            None => Ok(None),
        };
        if !self.inner.lease.holds(epoch) {
            // Others may have taken it over already.
            return Ok(());
        }
        let shaped = match shaped {
            Ok(shaped) => shaped,
            Err(error) => {
                self.settle(claimed, target, now, deliver::give_up(target, error), slot).await;
                return Ok(());
            }
        };
        let json = Some("application/json");
        let (event, body) = match &shaped {
            Some(shaped) => (EventView { headers: &shaped.headers, content_type: json, ..event }, &shaped.body),
            None => (event, body),
        };
        let outgoing = Outgoing {
            event,
            env_id: claimed.env_id,
            event_id: claimed.event_id,
            source_id: event.source_id.unwrap_or_else(hub::test_source),
            delivery_id: claimed.id,
            attempt_number: claimed.attempt_count + 1,
            body: body.clone(),
            now: clock::now(),
            is_test: false,
        };
        self.attempt(claimed, target, &outgoing, slot).await;
        Ok(())
    }

    /// The stored event, once there is memory for it.
    async fn read_back(&self, claimed: &Claimed, slot: &mut Slot) -> Result<Option<store::Content>, StoreError> {
        let scope = self.inner.store.scope(claimed.env_id);
        let is_own = slot.shares[0].is_none();
        let turn = if is_own { None } else { self.inner.reading_back.acquire().await.ok() };
        let mut found = scope.contents(&[claimed.event_id], usize::MAX).await?;
        let content = found.remove(&claimed.event_id);
        drop(turn);
        if let (Some(content), false) = (&content, is_own) {
            let units = budget_units(content.body.len());
            slot.shares[1] = Some(self.inner.common.memory.acquire(claimed.env_id, units).await);
        }
        Ok(content)
    }

    async fn attempt(&self, claimed: &Claimed, target: &Target, outgoing: &Outgoing<'_>, slot: &mut Slot) {
        let begun = Instant::now();
        let sent = deliver::send(&self.inner.client, &self.inner.hub, target, outgoing).await;
        slot.sent = Some((response_of(&sent, begun.elapsed()), begun));
        self.settle(claimed, target, outgoing.now, sent, slot).await;
    }

    /// Decides what becomes of the delivery, and has it recorded.
    async fn settle(&self, claimed: &Claimed, target: &Target, started_at: Timestamp, sent: Sent, slot: &mut Slot) {
        let tried = Tried {
            delivery_id: claimed.id,
            attempt_number: claimed.attempt_count + 1,
            trigger: claimed.trigger,
            started_at,
        };
        let dice = Dice { now: clock::now(), spread: clock::spread(), id_bits: clock::id_bits() };
        let is_refused = matches!(sent.outcome, Outcome::GiveUp(_));
        let (attempt, verdict) = settle(tried, sent, &target.destination.retry, dice);
        self.inner.health.note(claimed.env_id, claimed.destination_id, &attempt, dice.now);
        let gate = self.report(claimed, target, &attempt, is_refused);
        let record = AttemptRecord {
            env_id: claimed.env_id,
            event_id: claimed.event_id,
            destination_id: claimed.destination_id,
            attempt,
            verdict,
            gate,
        };
        slot.is_reported = true;
        if let Some(writer) = self.writer() {
            writer.record(record).await;
        }
        self.inner.counts.note_settled(claimed.env_id, claimed.destination_id, verdict, dice.now);
        if let Verdict::Retry(at) = verdict {
            slot.lane.note_due(at);
        }
    }
}

/// What an attempt says of how much its receiver can take.
fn response_of(sent: &Sent, took: std::time::Duration) -> Response {
    let status = sent.answer.as_ref().and_then(|answer| answer.status);
    match sent.error().map(|error| error.class) {
        Some(ErrorClass::Timeout | ErrorClass::Connect | ErrorClass::Protocol) => Response::Overcharged,
        Some(ErrorClass::Status) if matches!(status, Some(429 | 503)) => Response::Overcharged,
        _ => Response::Answered(took),
    }
}
