//! Scheduled work: what has to be done from time to time, on one node at a time.
//!
//! A [`Job`] says how often it runs, and does a bounded piece of its work a [`Turn`]. Every node asks the store for each
//! job's turn ([`store::jobs`]); one gets it, shows while it works that it is alive, and keeps the job until it stops or
//! dies. A job is a file here and a line in [`start`].
//!
//! A node that was taken for dead may still be at work when another begins, and a node may be killed anywhere: what a job
//! does must be harmless when it is done twice, or by halves.

mod audit;
mod bulk_operations;
mod counts;
mod deleted_organizations;
mod deleted_projects;
mod health;
mod issues;
mod once_keys;
mod pace;
mod replays;
mod retention;
mod secret_keys;
mod sessions;

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::time::Timestamp;
use store::{
    Result, Store,
    jobs::{LEASE, RENEW},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::pace::Pace;
use crate::{clock, registry::Registry, secrets::Vault};

/// How often a node asks at least whether a job's time has come, be it its own or another's.
const LOOK: Duration = Duration::from_secs(10);
/// When a job that has more to do goes on.
const GO_ON: Duration = Duration::from_secs(1);
/// When a job that failed is tried again, unless it is due sooner.
const RETRY: Duration = Duration::from_secs(30);
/// A node ends a turn so long before others may take it.
const MARGIN: Duration = Duration::from_secs(5);

/// Something that is done from time to time.
pub(crate) trait Job: Send + 'static {
    /// Its name in the database and in the log.
    const NAME: &'static str;
    /// How long after one run the next one is due.
    const EVERY: Duration;

    /// Whether there is anything to do. Asked before the turn is, where that is cheaper and the job is asked for often.
    fn has_work(&self, _store: &Store) -> impl Future<Output = Result<bool>> + Send {
        std::future::ready(Ok(true))
    }

    /// Does a piece of the work, some seconds of it at most, and ends early when its turn is over.
    fn run(&mut self, turn: &Turn) -> impl Future<Output = Result<Progress>> + Send;
}

/// Whether a job has done all there is to do for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Done,
    More,
}

/// A job's time to run.
pub(crate) struct Turn {
    pub store: Store,
    over: CancellationToken,
}

impl Turn {
    /// Whether the node stops, or may have lost the job to another.
    pub fn is_over(&self) -> bool {
        self.over.is_cancelled()
    }

    /// The time that has passed by this node's clock and by the database's: what is deleted because it is old must not be
    /// deleted because one of them is wrong.
    pub async fn now(&self) -> Result<Timestamp> {
        Ok(self.store.clock().await?.min(clock::now()))
    }

    /// Waits, not beyond the end of the turn.
    pub async fn pause(&self, duration: Duration) {
        tokio::select! {
            () = tokio::time::sleep(duration) => {}
            () = self.over.cancelled() => {}
        }
    }
}

/// Starts this node's part in all jobs.
pub(crate) fn start(
    store: &Store,
    registry: &Registry,
    vault: Arc<Vault>,
    node: i64,
    stop: &CancellationToken,
    tasks: &TaskTracker,
) {
    let runner = Runner { store: store.clone(), node, stop: stop.clone() };
    tasks.spawn(runner.clone().keep_running(counts::Counts));
    tasks.spawn(runner.clone().keep_running(sessions::Sessions));
    tasks.spawn(runner.clone().keep_running(audit::OldEntries));
    tasks.spawn(runner.clone().keep_running(deleted_organizations::DeletedOrganizations));
    tasks.spawn(runner.clone().keep_running(once_keys::OnceKeys));
    let replays = replays::Replays::new(registry.clone(), Pace::new(store.is_shared()));
    tasks.spawn(runner.clone().keep_running(replays));
    tasks.spawn(runner.clone().keep_running(issues::Issues::default()));
    let asked_for = Pace::new(store.is_shared()).asked_for();
    tasks.spawn(runner.clone().keep_running(bulk_operations::BulkOperations::new(asked_for)));
    tasks.spawn(runner.clone().keep_running(health::Health));
    tasks.spawn(runner.clone().keep_running(secret_keys::SecretKeys::new(vault)));
    tasks.spawn(runner.clone().keep_running(retention::Retention::new(Pace::new(store.is_shared()))));
    tasks.spawn(runner.keep_running(deleted_projects::DeletedProjects::new(Pace::new(store.is_shared()))));
}

#[derive(Clone)]
struct Runner {
    store: Store,
    node: i64,
    stop: CancellationToken,
}

impl Runner {
    async fn keep_running<J: Job>(self, mut job: J) {
        let mut wait = Duration::ZERO;
        let (mut is_registered, mut is_failing) = (false, false);
        loop {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.stop.cancelled() => break,
            }
            match self.look(&mut job, &mut is_registered).await {
                Ok(next) => {
                    wait = next;
                    is_failing = false;
                }
                Err(error) if is_failing => {
                    tracing::debug!(job.name = J::NAME, %error, "scheduled work failed again; trying again");
                    wait = RETRY.min(J::EVERY);
                }
                Err(error) => {
                    tracing::warn!(job.name = J::NAME, %error, "scheduled work failed; trying again");
                    wait = RETRY.min(J::EVERY);
                    is_failing = true;
                }
            }
        }
        if let Err(error) = self.store.release_job(J::NAME, self.node).await {
            tracing::debug!(job.name = J::NAME, %error, "a job could not be given up; others wait until it is free");
        }
    }

    /// Runs the job if its time has come and no other node has it. Returns when to look again.
    async fn look<J: Job>(&self, job: &mut J, is_registered: &mut bool) -> Result<Duration> {
        if !*is_registered {
            self.store.register_job(J::NAME).await?;
            *is_registered = true;
        }
        let begun = Instant::now();
        if !job.has_work(&self.store).await? || !self.store.take_job(J::NAME, self.node, J::EVERY).await? {
            return Ok(J::EVERY.min(LOOK));
        }
        let turn = Turn { store: self.store.clone(), over: self.stop.child_token() };
        let result = tokio::select! {
            result = job.run(&turn) => result,
            never = self.keep_lease(J::NAME, begun, &turn.over) => match never {},
        };
        tracing::debug!(job.name = J::NAME, elapsed_ms = begun.elapsed().as_millis(), "scheduled work was done");
        let next = match &result {
            Ok(Progress::Done) => J::EVERY,
            Ok(Progress::More) => GO_ON.min(J::EVERY),
            Err(_) => RETRY.min(J::EVERY),
        };
        let finished = self.store.finish_job(J::NAME, self.node, next).await;
        result.and(finished).map(|()| next.min(LOOK))
    }

    /// Shows that the node is alive, and ends the turn when that does not come through.
    async fn keep_lease(&self, name: &str, mut shown: Instant, over: &CancellationToken) -> Infallible {
        loop {
            tokio::time::sleep(RENEW).await;
            let begun = Instant::now();
            match tokio::time::timeout(RENEW / 2, self.store.renew_job(name, self.node)).await {
                Ok(Ok(true)) => shown = begun,
                Ok(Ok(false)) => over.cancel(),
                Ok(Err(_)) | Err(_) => {}
            }
            if shown.elapsed() + RENEW + MARGIN > LEASE {
                over.cancel();
            }
        }
    }
}
