//! Connections between two uses.
//!
//! sqlx's own pool asks a connection whether it still works whenever one comes back: a way to the server and back for each
//! statement, and on a connection to nowhere for ever, while its place in the pool stays taken. Here a connection is kept
//! as it is, and asked only when it has been idle for a while.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{PgConnection, Postgres, pool::PoolConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a statement may wait for a connection.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) struct Spares {
    /// The one that came back last is used next. `None` once it is closed.
    idle: Mutex<Option<Vec<Spare>>>,
    /// One for each connection that may be in use.
    places: Arc<Semaphore>,
}

/// A connection that waits. Dropping it closes it without a word: the pool would wait for an answer.
pub(super) struct Spare {
    connection: Option<PoolConnection<Postgres>>,
    /// It was made after this moment.
    pub born: Instant,
    pub idle_since: Instant,
}

impl Spares {
    pub fn new(places: u32) -> Arc<Self> {
        let places = usize::try_from(places).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Arc::new(Self { idle: Mutex::new(Some(Vec::new())), places: Arc::new(Semaphore::new(places)) })
    }

    /// Waits until one more connection may be in use.
    pub async fn place(&self) -> sqlx::Result<OwnedSemaphorePermit> {
        let place = tokio::time::timeout(ACQUIRE_TIMEOUT, Arc::clone(&self.places).acquire_owned()).await;
        place.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)
    }

    pub fn take(&self) -> Option<Spare> {
        self.lock().as_mut()?.pop()
    }

    pub fn put(&self, spare: Spare) {
        if let Some(idle) = self.lock().as_mut() {
            idle.push(spare);
        }
    }

    /// Nothing is kept and nobody gets a place any more.
    pub fn close(&self) {
        self.places.close();
        drop(self.lock().take());
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<Spare>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spare {
    pub fn new(connection: PoolConnection<Postgres>, born: Instant) -> Self {
        Self { connection: Some(connection), born, idle_since: Instant::now() }
    }

    pub fn connection(&mut self) -> Option<&mut PgConnection> {
        self.connection.as_deref_mut()
    }

    pub fn into_connection(mut self) -> Option<PoolConnection<Postgres>> {
        self.connection.take()
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        drop(self.connection.take().map(PoolConnection::detach));
    }
}
