//! How much is removed or changed at once, and how long everybody else then has the database for themselves.

use std::time::Duration;

/// Time between two removals, in times of what the last one took. It took longer when others were busy.
const REST: u32 = 9;
/// The same where somebody waits for the work.
const REST_WHEN_ASKED_FOR: u32 = 1;
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);

/// The size of the next removal.
#[derive(Debug)]
pub(super) struct Pace {
    size: u32,
    rest: u32,
    bounds: Bounds,
}

#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// A removal is made smaller when it took much longer, and larger when it was far quicker.
    wanted: Duration,
    smallest: u32,
    largest: u32,
}

/// While an SQLite file is written to, everybody else waits.
const EXCLUSIVE: Bounds = Bounds { wanted: Duration::from_millis(2), smallest: 16, largest: 256 };
/// PostgreSQL lets others write meanwhile; it is the processor that they have to share, of which they feel each long piece.
const SHARED: Bounds = Bounds { wanted: Duration::from_millis(5), smallest: 32, largest: 1024 };

impl Pace {
    /// For a database that is `shared` by many writers, or written to by one at a time.
    pub fn new(shared: bool) -> Self {
        let bounds = if shared { SHARED } else { EXCLUSIVE };
        Self { size: bounds.smallest * 2, rest: REST, bounds }
    }

    /// For work that somebody waits for.
    pub fn asked_for(self) -> Self {
        Self { rest: REST_WHEN_ASKED_FOR, ..self }
    }

    pub fn size(&self) -> u32 {
        self.size
    }

    /// To be told what the last removal was like: how long it `held` the database, not at all when it only looked, and
    /// how long it `took` with its looking and its waits. Returns how long to pause.
    pub fn after(&mut self, held: Duration, took: Duration) -> Duration {
        if held.is_zero() {
            return took;
        }
        let Bounds { wanted, smallest, largest } = self.bounds;
        if held > wanted * 2 {
            self.size = (self.size / 2).max(smallest);
        } else if held < wanted / 2 {
            self.size = (self.size + self.size / 4).min(largest);
        }
        (took * self.rest).max(SHORTEST_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removal_grows_and_shrinks_within_bounds() {
        for shared in [false, true] {
            let mut pace = Pace::new(shared);
            let Bounds { wanted, smallest, largest } = pace.bounds;
            for _ in 0..100 {
                pace.after(wanted / 10, wanted / 5);
            }
            assert_eq!(pace.size(), largest);
            pace.after(wanted, wanted);
            assert_eq!(pace.size(), largest);
            for _ in 0..100 {
                pace.after(wanted * 10, wanted * 11);
            }
            assert_eq!(pace.size(), smallest);
        }
    }

    #[test]
    fn others_have_most_of_the_time() {
        let mut pace = Pace::new(false);
        let took = Duration::from_millis(20);
        assert_eq!(pace.after(took / 2, took), took * 9);
        assert_eq!(pace.after(Duration::from_micros(1), Duration::from_micros(2)), SHORTEST_PAUSE);
        assert_eq!(Pace::new(false).asked_for().after(took / 2, took), took);
        // Reading is in nobody's way.
        assert_eq!(pace.after(Duration::ZERO, took), took);
    }
}
