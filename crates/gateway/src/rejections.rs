//! Keeps requests that sources refused, beside the way of those that are taken: whoever sends many of them may lose some
//! of what is kept, and slows nobody down.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use domain::{
    id::{RequestId, SourceId},
    rate_limit::{Pace, Per},
};
use store::{Store, rejections::Rejected};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    clock,
    pipeline::ingest::{Refusal, RequestHead, header_list},
    registry::Inlet,
};

/// A longer body is not kept.
pub const MAX_KEPT_BODY: usize = 256 << 10;
/// Refused requests that may wait to be written, and that are written at once.
const QUEUE: usize = 128;
const BATCH: usize = 32;
/// Of each source so many are kept at once, and then so many a minute.
const KEPT_A_MINUTE: u32 = 100;

/// Where refused requests are told of.
pub(crate) struct Rejections {
    queue: mpsc::Sender<Rejected>,
    /// How much of its part a source has had, as [`Pace`] counts it.
    paces: Mutex<HashMap<SourceId, i64>>,
}

impl Rejections {
    /// Also returns what writes them down until `stop`.
    pub fn new(store: Store, stop: CancellationToken) -> (Self, impl Future<Output = ()>) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        (Self { queue, paces: Mutex::default() }, keep(store, waiting, stop))
    }

    /// Keeps a request, unless too many come. A body that was not read is `None`.
    pub fn note(&self, inlet: &Inlet, head: &RequestHead, body: Option<&Bytes>, refusal: &Refusal) {
        let Some((reason, detail)) = refusal.rejection() else { return };
        if !self.has_part(inlet.id, head.received_at.as_micros()) {
            return;
        }
        let rejected = Rejected {
            env_id: inlet.env_id,
            source_id: inlet.id,
            id: RequestId::new(head.received_at, clock::id_bits()),
            reason,
            detail,
            method: head.method.clone(),
            path: head.path.clone(),
            query: head.query.clone(),
            source_ip: head.source_ip.map(|ip| ip.to_string()),
            received_at: head.received_at,
            headers: header_list(&head.headers),
            content_length: body.map(|body| u64::try_from(body.len()).unwrap_or(u64::MAX)),
            body: body.filter(|body| body.len() <= MAX_KEPT_BODY).map(|body| body.to_vec()),
        };
        if self.queue.try_send(rejected).is_err() {
            tracing::debug!(source.id = %inlet.id, "a refused request is not kept: too many are waiting");
        }
    }

    fn has_part(&self, source: SourceId, now: i64) -> bool {
        let pace = Pace::in_bursts(KEPT_A_MINUTE, Per::Minute);
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        let tat = paces.entry(source).or_default();
        if pace.allowed(*tat, now) == 0 {
            return false;
        }
        *tat = pace.after(*tat, now, 1);
        true
    }
}

async fn keep(store: Store, mut waiting: mpsc::Receiver<Rejected>, stop: CancellationToken) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            biased;
            n = waiting.recv_many(&mut batch, BATCH) => if n == 0 { return },
            () = stop.cancelled() => return,
        }
        if let Err(error) = store.keep_rejected(&batch).await {
            tracing::warn!(%error, requests = batch.len(), "refused requests could not be kept");
        }
        batch.clear();
    }
}
