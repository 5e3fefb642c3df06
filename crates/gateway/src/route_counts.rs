//! Counts what goes over sources, connections and destinations, beside the way of the events. What was counted in the last
//! seconds is lost with the process; it is for people to look at.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use domain::{
    id::{DestinationId, EnvId},
    time::Timestamp,
};
use store::{
    Store,
    route_counts::{CountedAt, RouteCount},
    writer::{NewEvent, Verdict},
};
use tokio_util::sync::CancellationToken;

use crate::pipeline::route::Plan;

/// How often what was counted is written down.
const EVERY: Duration = Duration::from_secs(3);
/// Things that are counted meanwhile; those that come later are not.
const MAX_COUNTED: usize = 20_000;

#[derive(Default)]
pub(crate) struct RouteCounts {
    counted: Mutex<BTreeMap<CountedAt, RouteCount>>,
}

/// Counts one more of something, and the bits of the id of what.
type One = (u128, fn(&mut RouteCount));

/// What is counted of an event, once it is stored.
pub(crate) struct Planned(Vec<One>);

impl Planned {
    pub fn of(event: &NewEvent, plan: &Plan) -> Self {
        let source: One = (event.source_id.as_u128(), |count| count.passed += 1);
        let made = plan.deliveries.iter().map(|delivery| {
            let count: fn(&mut RouteCount) =
                if delivery.is_rejected { |count| count.skipped += 1 } else { |count| count.passed += 1 };
            (delivery.connection_id.as_u128(), count)
        });
        let unmatched = plan.unmatched.iter().map(|unmatched| {
            let count: fn(&mut RouteCount) = |count| count.unmatched += 1;
            (unmatched.connection_id.as_u128(), count)
        });
        Self(std::iter::once(source).chain(made).chain(unmatched).collect())
    }
}

impl RouteCounts {
    pub fn note_planned(&self, env: EnvId, at: Timestamp, planned: Planned) {
        self.count(env, at, planned.0);
    }

    pub fn note_settled(&self, env: EnvId, destination: DestinationId, verdict: Verdict, at: Timestamp) {
        let count: fn(&mut RouteCount) = match verdict {
            Verdict::Succeeded => |count| count.passed += 1,
            Verdict::GiveUp => |count| count.failed += 1,
            Verdict::Retry(_) => return,
        };
        self.count(env, at, [(destination.as_u128(), count)]);
    }

    fn count(&self, env: EnvId, at: Timestamp, counts: impl IntoIterator<Item = One>) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, count) in counts {
            let key = CountedAt::new(env, id, at);
            if counted.len() < MAX_COUNTED || counted.contains_key(&key) {
                count(counted.entry(key).or_default());
            }
        }
    }

    /// Writes down what is counted, until `stop`.
    pub async fn keep(&self, store: Store, stop: CancellationToken) {
        let mut is_last = false;
        while !is_last {
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = stop.cancelled() => is_last = true,
            }
            let counted = std::mem::take(&mut *self.counted.lock().unwrap_or_else(PoisonError::into_inner));
            if counted.is_empty() {
                continue;
            }
            if let Err(error) = store.add_route_counts(&counted).await {
                tracing::warn!(%error, "what went over the routes in the last seconds could not be noted");
            }
        }
    }
}
