//! What the projects on a node share, so that none has all of it: places in a queue, memory, deliveries at once.
//!
//! A project gets more as long as it has less than what is still free. One alone can so have half of everything, two a
//! third each, and there is always some left for one that comes new.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::id::EnvId;
use tokio::sync::Notify;

/// Who waits looks again after so long, since what is given back by one may be of no use to another.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// So many units of something.
pub struct Quota {
    capacity: usize,
    held: Mutex<Held>,
    given_back: Notify,
}

#[derive(Default)]
struct Held {
    all: usize,
    by_project: HashMap<EnvId, usize>,
}

/// A part of a quota; dropping it gives it back.
#[must_use]
pub struct Share {
    quota: Arc<Quota>,
    project: EnvId,
    units: usize,
}

impl Quota {
    pub fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self { capacity, held: Mutex::default(), given_back: Notify::new() })
    }

    /// As much as is asked for, or nothing. What is larger than half of everything counts as half.
    pub fn try_acquire(self: &Arc<Self>, project: EnvId, units: usize) -> Option<Share> {
        let units = units.min(self.capacity / 2);
        self.take(project, units).then(|| Share { quota: Arc::clone(self), project, units })
    }

    fn take(&self, project: EnvId, units: usize) -> bool {
        let mut held = self.lock();
        let free = self.capacity - held.all;
        let own = held.by_project.get(&project).copied().unwrap_or(0);
        if own + units > free {
            return false;
        }
        held.all += units;
        *held.by_project.entry(project).or_default() += units;
        true
    }

    /// The same, once there is as much.
    pub async fn acquire(self: &Arc<Self>, project: EnvId, units: usize) -> Share {
        loop {
            let given_back = self.given_back.notified();
            if let Some(share) = self.try_acquire(project, units) {
                return share;
            }
            // Whether it was told or has waited long enough: it looks again.
            let _ = tokio::time::timeout(LOOK_AGAIN, given_back).await;
        }
    }

    /// Nothing in here is changed in steps that a panic could come between.
    fn lock(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Makes it as large as `units`, where there is as much. Returns whether it is.
    pub fn grow_to(&mut self, units: usize) -> bool {
        let more = units.min(self.quota.capacity / 2).saturating_sub(self.units);
        let has_grown = self.quota.take(self.project, more);
        if has_grown {
            self.units += more;
        }
        has_grown
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.quota.lock();
        held.all -= self.units;
        if let Some(own) = held.by_project.get_mut(&self.project) {
            *own -= self.units;
            if *own == 0 {
                held.by_project.remove(&self.project);
            }
        }
        drop(held);
        self.quota.given_back.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: EnvId = EnvId::from_u128(1);
    const B: EnvId = EnvId::from_u128(2);

    fn take_all(quota: &Arc<Quota>, project: EnvId) -> Vec<Share> {
        std::iter::from_fn(|| quota.try_acquire(project, 1)).collect()
    }

    #[test]
    fn a_greedy_project_leaves_half_to_the_others() {
        let quota = Quota::new(1200);
        let a = take_all(&quota, A);
        assert_eq!(a.len(), 600);
        let b = take_all(&quota, B);
        assert_eq!(b.len(), 300, "half of what is left");
        drop(a);
        assert_eq!(take_all(&quota, B).len(), 300, "and up to half of everything once the other is gone");
        drop(b);
        let mut one = quota.try_acquire(A, 1).expect("all is free");
        assert!(one.grow_to(600));
        assert_eq!((one.units, take_all(&quota, A).len()), (600, 0));
        drop(one);
        assert_eq!(quota.lock().all, 0);
        assert!(quota.lock().by_project.is_empty());
    }

    #[tokio::test]
    async fn what_is_given_back_goes_to_who_waits() {
        let quota = Quota::new(100);
        let all = quota.try_acquire(A, 1_000_000).expect("more than there is counts as half");
        assert!(quota.try_acquire(A, 1).is_none());
        let waiting = tokio::spawn({
            let quota = Arc::clone(&quota);
            async move { quota.acquire(A, 50).await.units }
        });
        tokio::task::yield_now().await;
        drop(all);
        assert_eq!(waiting.await.expect("it gets it"), 50);
    }
}
