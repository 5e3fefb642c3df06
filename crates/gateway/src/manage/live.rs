//! Telling those who look at a project that something in it has changed, at most a few times a second.

use std::{collections::HashSet, time::Duration};

use domain::id::EnvId;
use store::signals::Signal;
use tokio::sync::broadcast::{Receiver, Sender, error::RecvError};
use tokio_util::sync::CancellationToken;

use crate::Gateway;

/// Changes are gathered for this long, so that a busy project does not flood who looks at it.
const GATHER: Duration = Duration::from_millis(250);

/// Where something has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activity {
    /// In the events or deliveries of this project.
    Project(EnvId),
    /// Perhaps in any: other nodes could not be heard for a while.
    Any,
}

impl Activity {
    /// Whether it may be of this project.
    #[must_use]
    pub fn concerns(self, project: EnvId) -> bool {
        self == Self::Any || self == Self::Project(project)
    }
}

impl Gateway {
    /// What changes. A receiver that lags has missed some: it should look.
    #[must_use]
    pub fn activity(&self) -> Receiver<Activity> {
        self.inner.activity.subscribe()
    }

    /// Ends when the server stops, so that open streams can end as well.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.inner.stop.clone()
    }
}

pub(crate) async fn gather(mut signals: Receiver<Signal>, activity: Sender<Activity>, stop: CancellationToken) {
    let mut changed = HashSet::new();
    let mut tick = tokio::time::interval(GATHER);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            signal = signals.recv() => match signal {
                Ok(Signal::Activity(env)) => { changed.insert(Activity::Project(env)); }
                Ok(Signal::Missed) | Err(RecvError::Lagged(_)) => { changed.insert(Activity::Any); }
                Ok(_) => {}
                Err(RecvError::Closed) => return,
            },
            _ = tick.tick(), if !changed.is_empty() => {
                for activity_of in changed.drain() {
                    // Nobody may be looking.
                    let _ = activity.send(activity_of);
                }
            }
        }
    }
}
