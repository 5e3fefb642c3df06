//! Waiting for something to become true, and no longer.

use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(20);

/// Looks until `look` finds what it looks for.
///
/// # Panics
/// When `limit` has passed; `what` is what was awaited.
pub async fn eventually<T>(limit: Duration, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(start.elapsed() < limit, "{what}: not within {limit:?}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Ends with `work`, which must not take longer than `limit`.
///
/// # Panics
/// When it does.
pub async fn within<T>(limit: Duration, what: &str, work: impl Future<Output = T>) -> T {
    let Ok(done) = tokio::time::timeout(limit, work).await else { panic!("{what}: not within {limit:?}") };
    done
}
