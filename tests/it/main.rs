//! The running product, from outside: each test starts the real server on a database of its own, talks to it over HTTP
//! as providers and programs do, and lets it deliver to a real receiver. `docs/testing.md` says how to run and write
//! them.
//!
//! [`world`] holds what they stand on: the database and the processes, the client, the receiver. The other modules are
//! the tests, each written once and run on SQLite and on PostgreSQL ([`on_both_databases`]).

/// Runs tests on both databases: `sqlite::<name>` and `postgres::<name>`.
macro_rules! on_both_databases {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(crate::world::On::Sqlite).await;
                }
            )*
        }
        on_postgres!($($name),*);
    };
}

/// Runs tests on PostgreSQL alone: of several nodes, and of a database that is reached over a network.
macro_rules! on_postgres {
    ($($name:ident),* $(,)?) => {
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(crate::world::On::Postgres).await;
                }
            )*
        }
    };
}

/// The same beside [`on_both_databases`].
macro_rules! on_postgres_too {
    ($($name:ident),* $(,)?) => {
        mod nodes {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(crate::world::On::Postgres).await;
                }
            )*
        }
    };
}

mod world;

mod api;
mod audit;
mod cli;
mod configuration;
mod connections;
mod delivery;
mod destination_forms;
mod durability;
mod failover;
mod faults;
mod flow;
mod fuzz;
mod gates;
mod guard;
mod harness;
mod health;
mod ingest;
mod issues;
mod nodes;
mod outage;
mod peers;
mod people;
mod pooler;
mod providers;
mod replays;
mod retention;
mod retries;
mod secrets;
mod server_functions;
mod setup;
mod sources;
mod teams;
mod ws;
