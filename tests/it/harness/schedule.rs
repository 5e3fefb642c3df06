//! Which fault comes when: drawn from a seed before anything is started, so that a seed is a schedule.

use std::time::Duration;

use crate::world::On;

/// What happens to whom. Each list is in the order of time, and what is in different ones overlaps as it comes.
#[derive(Debug)]
pub struct Schedule {
    /// For each node.
    pub nodes: Vec<Vec<Planned<NodeFault>>>,
    /// For each node's way to PostgreSQL; none with SQLite.
    pub links: Vec<Vec<Planned<LinkFault>>>,
    pub database: Vec<Planned<DatabaseFault>>,
    pub receiver: Vec<Planned<ReceiverFault>>,
}

#[derive(Debug)]
pub struct Planned<F> {
    /// Since the start of the load.
    pub at: Duration,
    pub lasts: Duration,
    pub fault: F,
}

/// What happens to a process.
#[derive(Debug, Clone, Copy)]
pub enum NodeFault {
    /// `kill -9`; it is started again after a while.
    Kill,
    /// It is asked to stop, and started again.
    Restart,
    /// It gets no time at all for a while.
    Freeze,
    /// Its clock steps by so many seconds, and later back.
    Clock(i64),
}

/// What happens between a node and PostgreSQL.
#[derive(Debug, Clone, Copy)]
pub enum LinkFault {
    Cut,
    Silent,
    /// All connections are forgotten, and nobody says so; new ones can be made.
    Lost,
    /// Every piece takes so long.
    Slow(Duration),
}

#[derive(Debug, Clone, Copy)]
pub enum DatabaseFault {
    /// PostgreSQL is stopped in order.
    Stop,
    /// It is stopped in the middle of everything.
    Crash,
    /// All its processes are killed.
    Kill,
    /// Of SQLite: another program keeps its lock, and nothing can be written.
    Locked,
}

/// What the receiver does to two of three requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiverFault {
    Hangs,
    Resets,
    Closes,
    Fails,
    AsksToWait,
    Redirects,
    /// Says yes when nobody waits for it any more.
    Late,
    /// Says yes, but takes its time.
    Slow,
    Garbage,
    /// Closes within the first line of its answer.
    HalfHead,
    /// Says yes, and closes within the body.
    HalfBody,
    /// Says yes, and then sends its body a byte at a time.
    Dribbles,
}

pub const NODES_ON_POSTGRES: usize = 3;
/// The furthest that a clock steps. What is to be tried again at a time that such a clock told waits up to so much longer.
pub const LONGEST_STEP: Duration = Duration::from_secs(20);
/// A fault lasts no longer than this, however long the run: longer than a node may be silent before it is taken for dead.
const LONGEST_FAULT: Duration = Duration::from_secs(15);
/// The lock of SQLite is kept no longer than this, which is longer than a statement waits for it.
const LONGEST_LOCK: Duration = Duration::from_secs(7);

impl Schedule {
    pub fn draw(seed: u64, length: Duration, on: On) -> Self {
        // A quarter of a short run, so that there is some health in it.
        let longest = (length / 4).clamp(Duration::from_secs(1), LONGEST_FAULT);
        let nodes = if on == On::Postgres { NODES_ON_POSTGRES } else { 1 };
        let links = if on == On::Postgres { NODES_ON_POSTGRES } else { 0 };
        let track = |number: u64, pause| Track { dice: Dice::new(seed ^ (number << 56)), length, longest, pause };
        let number = |index: usize| u64::try_from(index).expect("there are few nodes");
        Self {
            nodes: (0..nodes).map(|node| track(1 + number(node), 1).draw(node_fault(node))).collect(),
            links: (0..links).map(|link| track(11 + number(link), 3).draw(link_fault)).collect(),
            database: track(21, 4).draw(database_fault(on)),
            receiver: track(22, 1).draw(receiver_fault),
        }
    }
}

fn node_fault(node: usize) -> impl FnMut(&mut Dice, Duration) -> (NodeFault, Duration) {
    let mut is_first = node == 0;
    move |dice, longest| {
        // No run goes without.
        let kind = if std::mem::take(&mut is_first) { 0 } else { dice.below(6) };
        match kind {
            0 | 1 => (NodeFault::Kill, dice.duration(0, 2_000)),
            2 => (NodeFault::Restart, dice.duration(0, 1_000)),
            3 => (NodeFault::Freeze, dice.duration(200, millis(longest))),
            _ => {
                let seconds = i64::try_from(1 + dice.below(LONGEST_STEP.as_secs())).expect("it is a small number");
                let step = if dice.below(2) == 0 { seconds } else { -seconds };
                (NodeFault::Clock(step), dice.duration(1_500, millis(longest)))
            }
        }
    }
}

fn link_fault(dice: &mut Dice, longest: Duration) -> (LinkFault, Duration) {
    let fault = match dice.below(4) {
        0 => LinkFault::Cut,
        1 => LinkFault::Silent,
        2 => LinkFault::Lost,
        _ => LinkFault::Slow(dice.duration(5, 150)),
    };
    (fault, dice.duration(200, millis(longest)))
}

fn database_fault(on: On) -> impl FnMut(&mut Dice, Duration) -> (DatabaseFault, Duration) {
    move |dice, longest| match on {
        On::Sqlite => (DatabaseFault::Locked, dice.duration(200, millis(longest.min(LONGEST_LOCK)))),
        On::Postgres => {
            let fault = match dice.below(3) {
                0 => DatabaseFault::Stop,
                1 => DatabaseFault::Crash,
                _ => DatabaseFault::Kill,
            };
            (fault, dice.duration(300, millis(longest)))
        }
    }
}

fn receiver_fault(dice: &mut Dice, longest: Duration) -> (ReceiverFault, Duration) {
    const ALL: [ReceiverFault; 12] = [
        ReceiverFault::Hangs,
        ReceiverFault::Resets,
        ReceiverFault::Closes,
        ReceiverFault::Fails,
        ReceiverFault::AsksToWait,
        ReceiverFault::Redirects,
        ReceiverFault::Late,
        ReceiverFault::Slow,
        ReceiverFault::Garbage,
        ReceiverFault::HalfHead,
        ReceiverFault::HalfBody,
        ReceiverFault::Dribbles,
    ];
    let index = usize::try_from(dice.below(12)).expect("it is below twelve");
    (ALL[index], dice.duration(500, millis(longest)))
}

/// What one list is drawn with.
struct Track {
    dice: Dice,
    length: Duration,
    longest: Duration,
    /// The longest pause between two faults, as so many of the longest fault: what stops everything must not be the rule.
    pause: u32,
}

impl Track {
    fn draw<F>(mut self, mut fault: impl FnMut(&mut Dice, Duration) -> (F, Duration)) -> Vec<Planned<F>> {
        let mut drawn = Vec::new();
        let mut at = Duration::ZERO;
        loop {
            at += self.dice.duration(500, millis(self.longest * self.pause).max(2_000));
            let (fault, lasts) = fault(&mut self.dice, self.longest);
            if at >= self.length {
                return drawn;
            }
            drawn.push(Planned { at, lasts: lasts.min(self.length.saturating_sub(at)), fault });
            at += lasts;
        }
    }
}

/// Numbers that follow from a seed (SplitMix64).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below `bound`, which is far from the largest number, so that the remainder is even enough.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }

    /// Between so many milliseconds.
    pub fn duration(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to.max(from) - from + 1))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("it is a short time")
}

#[test]
fn a_seed_replays_its_schedule() {
    let drawn = |seed, on| format!("{:?}", Schedule::draw(seed, Duration::from_mins(10), on));
    for on in [On::Sqlite, On::Postgres] {
        assert_eq!(drawn(7, on), drawn(7, on));
        assert_ne!(drawn(7, on), drawn(8, on));
    }
}

#[test]
fn a_schedule_keeps_to_its_bounds() {
    let length = Duration::from_mins(10);
    let schedule = Schedule::draw(3, length, On::Postgres);
    assert_eq!((schedule.nodes.len(), schedule.links.len()), (NODES_ON_POSTGRES, NODES_ON_POSTGRES));
    for planned in schedule.links.iter().flatten() {
        assert!(planned.at + planned.lasts <= length && planned.lasts <= LONGEST_FAULT, "{planned:?}");
    }
    assert!(schedule.nodes[0].iter().any(|planned| matches!(planned.fault, NodeFault::Kill)));
    let mut ends = Duration::ZERO;
    for planned in &schedule.receiver {
        assert!(planned.at > ends, "one after the other: {planned:?}");
        ends = planned.at + planned.lasts;
    }
}
