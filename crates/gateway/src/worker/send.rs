//! One delivery's way through the last two stages: look up what it needs, send, settle, hand over to the writer.

use std::sync::Arc;

use bytes::Bytes;
use domain::{
    connection::ConnectionStatus,
    destination::DestinationStatus,
    id::{DeliveryId, SourceId},
};
use store::{
    StoreError, StoredEvent,
    queue::Claimed,
    writer::{AttemptRecord, NewEvent, Verdict},
};
use tokio::sync::OwnedSemaphorePermit;

use super::{Workers, budget_units, lane::Place, lock};
use crate::{
    clock,
    pipeline::{
        deliver::{self, Outgoing},
        record::{Dice, Tried, settle},
    },
    registry::Target,
};

/// What a delivery takes up while it is sent.
pub(super) struct Room {
    pub place: Place,
    /// The event's part of the memory that all lanes share.
    pub memory: Option<OwnedSemaphorePermit>,
}

/// Takes a delivery off the list of those that this node works on, whatever happens.
struct Running<'a> {
    workers: &'a Workers,
    id: DeliveryId,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        lock(&self.workers.inner.running).remove(&self.id);
    }
}

/// What is sent: from memory, or read back.
enum Content {
    Fresh(Arc<NewEvent>),
    Stored(Box<StoredEvent>),
}

impl Content {
    fn source_id(&self) -> SourceId {
        match self {
            Self::Fresh(event) => event.source_id,
            Self::Stored(event) => event.summary.source_id,
        }
    }

    fn headers(&self) -> &[(String, String)] {
        match self {
            Self::Fresh(event) => &event.headers,
            Self::Stored(event) => &event.headers,
        }
    }

    fn body(&self) -> &Bytes {
        match self {
            Self::Fresh(event) => &event.body,
            Self::Stored(event) => &event.body,
        }
    }
}

impl Workers {
    pub(super) fn start_send(&self, claimed: Claimed, event: Option<Arc<NewEvent>>, epoch: u64, mut room: Room) {
        lock(&self.inner.running).insert(claimed.id);
        let workers = self.clone();
        self.inner.sends.spawn(async move {
            let _running = Running { workers: &workers, id: claimed.id };
            tokio::select! {
                result = workers.send(&claimed, event, epoch, &mut room) => {
                    if let Err(error) = result {
                        // It stays leased; the sweep finds that nobody works on it, and gives it back.
                        tracing::warn!(delivery.id = %claimed.id, %error, "a delivery could not be made");
                    }
                }
                () = workers.inner.abort.cancelled() => {}
            }
            drop(room);
        });
    }

    async fn send(
        &self,
        claimed: &Claimed,
        event: Option<Arc<NewEvent>>,
        epoch: u64,
        room: &mut Room,
    ) -> Result<(), StoreError> {
        let node = self.inner.lease.node();
        let store = &self.inner.store;
        let mut snapshot = self.inner.registry.snapshot();
        if snapshot.connection(claimed.connection_id).is_none() || snapshot.target(claimed.destination_id).is_none() {
            // Another node may have made it a moment ago, and what it planned may come here before the news of it does.
            self.inner.registry.refresh().await?;
            snapshot = self.inner.registry.snapshot();
        }
        let connection = snapshot.connection(claimed.connection_id);
        let (Some(connection), Some(target)) = (connection, snapshot.target(claimed.destination_id)) else {
            return store.drop_leased(node, claimed, "its connection was deleted").await;
        };
        if connection.status == ConnectionStatus::Paused || target.destination.status == DestinationStatus::Paused {
            return store.hold(node, claimed.env_id, claimed.id).await;
        }
        let content = match event {
            Some(event) => Content::Fresh(event),
            None => match self.read_back(claimed, room).await? {
                Some(event) => Content::Stored(Box::new(event)),
                None => return store.drop_leased(node, claimed, "its event is no longer kept").await,
            },
        };
        if !self.inner.lease.holds(epoch) {
            // Others may have taken it over already.
            return Ok(());
        }
        self.attempt(claimed, target, &content).await;
        Ok(())
    }

    /// The stored event, once there is memory for it.
    async fn read_back(&self, claimed: &Claimed, room: &mut Room) -> Result<Option<StoredEvent>, StoreError> {
        let read = self.inner.store.scope(claimed.env_id);
        if !room.place.is_common {
            return read.event(claimed.event_id).await;
        }
        let Ok(_turn) = self.inner.reading_back.acquire().await else { return Ok(None) };
        let event = read.event(claimed.event_id).await?;
        if let Some(event) = &event {
            let units = budget_units(event.body.len());
            room.memory = Arc::clone(&self.inner.event_budget).acquire_many_owned(units).await.ok();
        }
        Ok(event)
    }

    async fn attempt(&self, claimed: &Claimed, target: &Target, content: &Content) {
        let started_at = clock::now();
        let attempt_number = claimed.attempt_count + 1;
        let outgoing = Outgoing {
            event_id: claimed.event_id,
            source_id: content.source_id(),
            delivery_id: claimed.id,
            attempt_number,
            headers: content.headers(),
            body: content.body().clone(),
            now: started_at,
        };
        let sent = deliver::send(&self.inner.client, target, &outgoing).await;
        let tried = Tried { delivery_id: claimed.id, attempt_number, trigger: claimed.trigger, started_at };
        let dice = Dice { now: clock::now(), spread: clock::spread(), id_bits: clock::id_bits() };
        let (attempt, verdict) = settle(tried, sent, &target.destination.retry, dice);
        let record = AttemptRecord { env_id: claimed.env_id, event_id: claimed.event_id, attempt, verdict };
        if let Some(writer) = self.writer() {
            writer.record(record).await;
        }
        if let Verdict::Retry(at) = verdict {
            self.lane(claimed.destination_id).note_due(at);
        }
    }
}
