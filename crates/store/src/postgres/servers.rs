//! Which of several servers takes writes.
//!
//! `postgres://user:password@a:5432,b:5432/db` names them all. One is in use. As soon as a connection to it breaks, or it
//! turns out to be a standby, all of them are asked, until one takes writes; the pool turns to that one.

use std::{
    str::FromStr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures::future::join_all;
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, PgPool, Row, postgres::PgConnectOptions};
use tokio::sync::{Notify, watch};

use crate::{
    db::logged,
    error::{Result, StoreError},
};

/// How long a server may take to say whether it takes writes.
const ASK_LIMIT: Duration = Duration::from_secs(2);
/// Between two rounds of asking.
const ASK_AGAIN: Duration = Duration::from_millis(250);
/// How long a start waits for a server that takes writes, when several are named.
const FIRST_LIMIT: Duration = Duration::from_secs(30);

pub(crate) struct Servers {
    /// In the order in which they were named; at least one.
    all: Vec<PgConnectOptions>,
    in_use: Mutex<usize>,
    /// When a server was last suspected to be gone or demoted.
    suspected: Mutex<Option<Instant>>,
    suspicion: Notify,
    /// Answers may have been lost since somebody last asked.
    is_doubtful: AtomicBool,
    situation: watch::Sender<Situation>,
}

/// Where things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Situation {
    /// When the server in use was taken into use.
    pub since: Instant,
    /// Whether any server is known to take writes.
    pub takes_writes: bool,
}

impl Servers {
    pub fn parse(url: &str) -> Result<Self> {
        let all = one_url_each(url)
            .iter()
            .map(|url| {
                let options = PgConnectOptions::from_str(url)
                    .map_err(|error| StoreError::Setup(format!("the database URL cannot be read: {error}")))?;
                // Poolers refuse what they do not know, and no text of a number is read here.
                Ok(logged(options.application_name("hookstream").extra_float_digits(None)))
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            all,
            in_use: Mutex::new(0),
            suspected: Mutex::new(None),
            suspicion: Notify::new(),
            is_doubtful: AtomicBool::new(false),
            situation: watch::Sender::new(Situation { since: Instant::now(), takes_writes: true }),
        })
    }

    pub fn has_choice(&self) -> bool {
        self.all.len() > 1
    }

    /// Something is wrong with the server in use, or with the way to it.
    pub fn suspect(&self) {
        *lock(&self.suspected) = Some(Instant::now());
        self.is_doubtful.store(true, Ordering::Release);
        self.suspicion.notify_one();
    }

    /// Whether something went wrong since this was last asked.
    pub fn take_doubt(&self) -> bool {
        self.is_doubtful.swap(false, Ordering::AcqRel)
    }

    /// Whether something went wrong after `then`.
    pub fn is_suspect_since(&self, then: Option<Instant>) -> bool {
        lock(&self.suspected).is_some_and(|suspected| then.is_none_or(|then| then < suspected))
    }

    /// Whether another server was taken into use after `then`.
    pub fn has_moved_since(&self, then: Option<Instant>) -> bool {
        self.has_choice() && then.is_none_or(|then| then < self.situation.borrow().since)
    }

    pub fn situation(&self) -> watch::Receiver<Situation> {
        self.situation.subscribe()
    }

    /// Ends when another server is in use than the one that was so since `since`.
    pub async fn moves_from(&self, since: Instant) {
        // The other half is in here, so that it does not end for another reason.
        let _ = self.situation.subscribe().wait_for(|now| now.since != since).await.map(drop);
    }

    /// The server to begin with.
    pub async fn find_first(&self) -> Result<PgConnectOptions> {
        if !self.has_choice() {
            return Ok(self.all[0].clone());
        }
        let start = Instant::now();
        loop {
            if let Some((index, options)) = self.find().await {
                *lock(&self.in_use) = index;
                return Ok(options);
            }
            if start.elapsed() > FIRST_LIMIT {
                let hosts: Vec<_> = self.all.iter().map(named).collect();
                return Err(StoreError::Unavailable(format!("none of {} takes writes", hosts.join(", "))));
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    /// A server that takes writes: the one in use if it does, or else the first.
    pub async fn find(&self) -> Option<(usize, PgConnectOptions)> {
        let answers = join_all(self.all.iter().map(is_primary)).await;
        let in_use = *lock(&self.in_use);
        let found = if answers[in_use] { in_use } else { answers.iter().position(|is_primary| *is_primary)? };
        Some((found, self.all[found].clone()))
    }
}

/// Turns the pool to the server that takes writes, whenever there is doubt, until the pool is closed.
pub(super) async fn follow(servers: Arc<Servers>, pool: PgPool) {
    while !pool.is_closed() {
        servers.suspicion.notified().await;
        loop {
            if let Some((found, options)) = servers.find().await {
                let before = std::mem::replace(&mut *lock(&servers.in_use), found);
                let mut situation = *servers.situation.borrow();
                situation.takes_writes = true;
                if before != found {
                    tracing::warn!(
                        from = named(&servers.all[before]),
                        to = named(&options),
                        "using another database server"
                    );
                    pool.set_connect_options(options);
                    situation.since = Instant::now();
                }
                servers.situation.send_replace(situation);
                break;
            }
            // Nobody needs to wait for a connection that cannot be made.
            servers.situation.send_modify(|situation| situation.takes_writes = false);
            tokio::time::sleep(ASK_AGAIN).await;
        }
        // At most so often, however much goes wrong.
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

/// Whether the server of this connection takes writes.
pub(super) async fn takes_writes(connection: &mut PgConnection) -> sqlx::Result<bool> {
    // In the simple protocol, which every pooler can carry.
    let sql = "SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off'";
    connection.fetch_one(sqlx::raw_sql(sql)).await?.try_get(0)
}

async fn is_primary(options: &PgConnectOptions) -> bool {
    let ask = async {
        let mut connection = options.connect().await?;
        let answer = takes_writes(&mut connection).await;
        connection.close().await?;
        answer
    };
    matches!(tokio::time::timeout(ASK_LIMIT, ask).await, Ok(Ok(true)))
}

fn named(options: &PgConnectOptions) -> String {
    format!("{}:{}", options.get_host(), options.get_port())
}

/// `scheme://user:password@a:1,b:2/db?x` as `scheme://user:password@a:1/db?x` and so on.
fn one_url_each(url: &str) -> Vec<String> {
    let Some((scheme, rest)) = url.split_once("://") else { return vec![url.to_owned()] };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (user, hosts) = authority.rsplit_once('@').map_or(("", authority), |(user, hosts)| (user, hosts));
    let at = if user.is_empty() { "" } else { "@" };
    // What libpq calls so is what is done anyway.
    let path = without_parameter(path, "target_session_attrs");
    hosts.split(',').map(|host| format!("{scheme}://{user}{at}{host}{path}")).collect()
}

fn without_parameter(path: &str, name: &str) -> String {
    let Some((path, query)) = path.split_once('?') else { return path.to_owned() };
    let kept: Vec<_> = query.split('&').filter(|pair| pair.split('=').next() != Some(name)).collect();
    if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) }
}

/// A lock whose holder panicked still guards a sound value.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_may_name_several_servers() {
        let url = "postgres://u:p%40w@a:5432,b:5433,[::1]/db?target_session_attrs=read-write";
        let Ok(servers) = Servers::parse(url) else { panic!("it is valid") };
        let hosts: Vec<_> = servers.all.iter().map(named).collect();
        assert_eq!(hosts, ["a:5432", "b:5433", "[::1]:5432"]);
        for options in &servers.all {
            assert_eq!((options.get_username(), options.get_database()), ("u", Some("db")));
        }
        assert!(Servers::parse("postgres://u@a:x,b/db").is_err());
    }

    #[test]
    fn what_is_one_server_stays_so() {
        for url in ["postgres://u:p@h:1/db?sslmode=require", "postgres:///db", "postgres://h"] {
            assert_eq!(one_url_each(url), [url]);
        }
        let with_socket = "postgres://%2Frun%2Fpostgresql/db?target_session_attrs=any&sslmode=disable";
        assert_eq!(one_url_each(with_socket), ["postgres://%2Frun%2Fpostgresql/db?sslmode=disable"]);
    }
}
