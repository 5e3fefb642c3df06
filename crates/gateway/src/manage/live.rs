//! Telling those who look at a project that something in it has changed, at most a few times a second.

use std::{collections::HashSet, time::Duration};

use domain::id::EnvId;
use store::signals::Signal;
use tokio::sync::broadcast::{Receiver, Sender, error::RecvError};
use tokio_util::sync::CancellationToken;

use crate::Gateway;

/// Changes are gathered for this long, so that a busy project does not flood who looks at it.
const GATHER: Duration = Duration::from_millis(250);

impl Gateway {
    /// Projects in which events or deliveries have changed. A receiver that lags has missed some: it should look.
    #[must_use]
    pub fn activity(&self) -> Receiver<EnvId> {
        self.inner.activity.subscribe()
    }

    /// Ends when the server stops, so that open streams can end as well.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.inner.stop.clone()
    }
}

pub(crate) async fn gather(mut signals: Receiver<Signal>, activity: Sender<EnvId>, stop: CancellationToken) {
    let mut changed = HashSet::new();
    let mut tick = tokio::time::interval(GATHER);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            signal = signals.recv() => match signal {
                Ok(Signal::Activity(env)) => { changed.insert(env); }
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            _ = tick.tick(), if !changed.is_empty() => {
                for env in changed.drain() {
                    // Nobody may be looking.
                    let _ = activity.send(env);
                }
            }
        }
    }
}
