//! Gathers what becomes of attempts, beside the way of deliveries, so that a list can say how its destinations do. What was
//! gathered in the last seconds is lost with the process; it is for people to look at.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use domain::{
    delivery::{Attempt, ErrorClass},
    health::Bucket,
    id::{DestinationId, EnvId},
    time::Timestamp,
};
use store::{
    Store,
    health::{Attempts, Newest, Span},
};
use tokio_util::sync::CancellationToken;

/// How often what was gathered is written down.
const EVERY: Duration = Duration::from_secs(3);
/// Destinations that are gathered meanwhile.
const MAX_GATHERED: usize = 20_000;

/// What this node has seen since it was last written down.
#[derive(Default)]
pub(crate) struct Health(Mutex<HashMap<(EnvId, DestinationId), Gathered>>);

#[derive(Default)]
struct Gathered {
    /// By five minutes and class: those that succeeded and those that failed.
    counts: HashMap<(i64, Option<Bucket>), (u64, u64)>,
    succeeded_at: Option<Timestamp>,
    failed: Option<(Timestamp, String, ErrorClass)>,
}

impl Health {
    /// Notes an attempt that has ended.
    pub fn note(&self, env: EnvId, destination: DestinationId, attempt: &Attempt, now: Timestamp) {
        let failed = attempt.error_class.zip(attempt.error.as_deref());
        let is_answered =
            failed.is_none() || attempt.response_status.is_some() || attempt.error_class == Some(ErrorClass::Timeout);
        let bucket = is_answered.then(|| Bucket::of(attempt.latency_ms));
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_GATHERED && !all.contains_key(&(env, destination)) {
            return;
        }
        let gathered = all.entry((env, destination)).or_default();
        let (succeeded, failures) = gathered.counts.entry((Span::FiveMinutes.begins(now), bucket)).or_default();
        match failed {
            None => {
                *succeeded += 1;
                gathered.succeeded_at = gathered.succeeded_at.max(Some(now));
            }
            Some((class, error)) => {
                *failures += 1;
                match &mut gathered.failed {
                    Some((at, known, known_class)) => {
                        *at = now.max(*at);
                        *known_class = class;
                        error.clone_into(known);
                    }
                    none => *none = Some((now, error.to_owned(), class)),
                }
            }
        }
    }

    /// Writes down what is gathered, until `stop`. What comes after that is left to [`Health::write`].
    pub async fn keep(&self, store: Store, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(EVERY) => self.write(&store).await,
                () = stop.cancelled() => return,
            }
        }
    }

    /// Writes down what is gathered.
    pub async fn write(&self, store: &Store) {
        let gathered = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if gathered.is_empty() {
            return;
        }
        let (mut attempts, mut newest) = (Vec::new(), Vec::new());
        for ((env_id, destination_id), Gathered { counts, succeeded_at, failed }) in gathered {
            for ((begins, bucket), (succeeded, failed)) in counts {
                let at = Timestamp::from_micros(begins.saturating_mul(1_000_000));
                attempts.push(Attempts { env_id, destination_id, at, bucket, succeeded, failed });
            }
            newest.push(Newest { env_id, destination_id, succeeded_at, failed });
        }
        newest.sort_unstable_by_key(|one| (one.env_id, one.destination_id));
        if let Err(error) = store.add_health(&attempts, &newest).await {
            tracing::warn!(%error, "the outcomes of the last attempts could not be counted");
        }
    }
}
