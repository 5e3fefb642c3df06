//! The states of deliveries as a model, checked against the store's own code: whatever nodes and people do, in whatever
//! order, the database says what the reference says.
//!
//! A failure is made as short as possible and printed, with the seed that leads to it again. `PROPTEST_CASES=5000` looks
//! longer than the usual run.

mod database;
mod driver;
mod events;
mod made;
mod reference;
mod together;
mod transition;
mod view;

use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::Ordering,
};

use proptest::{
    prelude::*,
    test_runner::{RngSeed, TestRunner},
};
use proptest_state_machine::ReferenceStateMachine;
use tokio::runtime::Runtime;

use self::{
    database::Database,
    driver::Driver,
    reference::{Reference, Sharing},
    transition::{Outcome, Transition},
    view::{DESTINATIONS, ROUTES},
};

/// Unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 32;
const LONGEST: usize = 40;

struct OnSqlite;
struct OnPostgres;

macro_rules! reference_state_machine {
    ($machine:ty, $sharing:expr) => {
        impl ReferenceStateMachine for $machine {
            type State = Reference;
            type Transition = Transition;

            fn init_state() -> BoxedStrategy<Reference> {
                Just(Reference::new($sharing)).boxed()
            }

            fn transitions(state: &Reference) -> BoxedStrategy<Transition> {
                Transition::any_after(state)
            }

            fn preconditions(state: &Reference, transition: &Transition) -> bool {
                transition.can_follow(state)
            }

            fn apply(mut state: Reference, transition: &Transition) -> Reference {
                state.apply(transition);
                state
            }
        }
    };
}
reference_state_machine!(OnSqlite, Sharing::Alone);
reference_state_machine!(OnPostgres, Sharing::Shared);

#[test]
fn on_sqlite_the_queue_does_as_the_model() {
    let runtime = runtime();
    check::<OnSqlite>(&runtime, &Database::sqlite());
}

#[test]
fn on_postgres_the_queue_does_as_the_model() {
    let runtime = runtime();
    check::<OnPostgres>(&runtime, &runtime.block_on(Database::postgres()));
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

fn check<M>(runtime: &Runtime, database: &Database)
where
    M: ReferenceStateMachine<State = Reference, Transition = Transition>,
{
    // What the environment says stands before what is said here.
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    if matches!(config.rng_seed, RngSeed::Random) {
        config.rng_seed = RngSeed::Fixed(RandomState::new().hash_one(0));
    }
    let RngSeed::Fixed(seed) = config.rng_seed else { unreachable!("it was fixed") };
    let driver = runtime.block_on(Driver::new(database));
    let outcome = TestRunner::new(config).run(&M::sequential_strategy(1..=LONGEST), |(state, transitions, seen)| {
        let case = Case { driver: &driver, state };
        let seen = || _ = seen.as_ref().map(|seen| seen.fetch_add(1, Ordering::SeqCst));
        runtime.block_on(case.run(&transitions, seen));
        Ok(())
    });
    runtime.block_on(driver.close());
    if let Err(error) = outcome {
        panic!("{error}\nPROPTEST_RNG_SEED={seed} leads to it again");
    }
}

struct Case<'a> {
    driver: &'a Driver,
    state: Reference,
}

impl Case<'_> {
    async fn run(mut self, transitions: &[Transition], seen: impl Fn()) {
        self.driver.forget_everything().await;
        for transition in transitions {
            seen();
            self.step(transition).await;
        }
        self.driver.check_what_people_see(&self.state.view()).await;
        self.finish().await;
    }

    async fn step(&mut self, transition: &Transition) {
        let answer = self.driver.apply(&self.state, transition).await;
        self.state.apply(transition);
        let view = self.driver.view().await;
        assert_eq!(answer, self.state.answer, "store (left) and model differ in the answer to {transition:?}");
        assert_eq!(view, self.state.view(), "store (left) and model differ after {transition:?}");
        view.check();
    }

    /// Wherever things stand, one node that works brings all of it to its end.
    async fn finish(&mut self) {
        let node = self.state.next_node();
        self.step(&Transition::Start).await;
        for other in self.state.nodes.keys().copied().filter(|other| *other != node).collect::<Vec<_>>() {
            self.step_if_it_can(&Transition::FallSilent { node: other }).await;
        }
        self.step(&Transition::TakeOver { node }).await;
        for route in 0..ROUTES.len() {
            self.step(&Transition::Release { route }).await;
        }
        self.step(&Transition::Pass { seconds: 3600 }).await;
        for destination in 0..DESTINATIONS {
            self.step(&Transition::Claim { node, destination, limit: 10_000 }).await;
        }
        let held = self.state.nodes[&node].beliefs.iter().map(|belief| (*belief, Outcome::Succeeded));
        self.step(&Transition::Record { node, outcomes: held.collect() }).await;
        let open = self.state.deliveries.values().filter(|delivery| !delivery.status().is_final());
        assert_eq!(open.count(), 0, "deliveries are left that nobody can make");
    }

    async fn step_if_it_can(&mut self, transition: &Transition) {
        if transition.can_follow(&self.state) {
            self.step(transition).await;
        }
    }
}
