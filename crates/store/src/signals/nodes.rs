//! Wake-ups between processes, gathered for a few milliseconds and sent outside of the transactions they speak of.
//!
//! Usually by NOTIFY, which inside a transaction makes all commits of the database wait for one another. To hear of it
//! takes a connection that stays the same, which a pooler in transaction mode does not give: there, unless it is known
//! how to reach PostgreSQL itself, signals stand in a small table for a while, and every process looks into it.

use std::{
    collections::{HashMap, HashSet},
    sync::Mutex,
    time::{Duration, Instant},
};

use sqlx::{
    Arguments, Row,
    postgres::{PgArguments, PgListener, PgPoolOptions},
};
use tokio::sync::{Notify, broadcast};

use super::{Signal, decode, encode, lock};
use crate::{
    error::{Result, StoreError},
    postgres::{Postgres, Servers, random},
};

/// How a process hears of others.
pub(crate) enum Hearing {
    /// By LISTEN, on the servers that it uses anyway.
    FromWhereItTells,
    /// By LISTEN, on these.
    From(Servers),
    /// By looking into the table.
    ByLooking,
}

/// How long signals are gathered before they go to the other processes.
const GATHER: Duration = Duration::from_millis(20);
/// Signals of one statement; a backlog beyond it is told as `Missed`.
const MAX_GATHERED: usize = 1000;
const CHANNEL: &str = "hookstream";
const RECONNECT: Duration = Duration::from_secs(1);
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How often a process that has nothing to tell says so, and after how long a silence a connection is taken to be dead.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);
const SILENCE_LIMIT: Duration = Duration::from_secs(16);

/// How often the table is looked into.
const LOOK: Duration = Duration::from_millis(400);
/// How far back it is looked: longer than a statement may take to commit what it tells.
const LOOK_BACK: Duration = Duration::from_secs(20);
/// What is older has been heard, or never will be.
const FORGET: Duration = Duration::from_mins(1);
const FORGET_EVERY: u32 = 50;
/// Microseconds since the epoch by the clock that all nodes share.
const NOW: &str = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
/// Rows of one look; more mean that anything may have changed.
const MAX_HEARD: i64 = 5000;

pub(super) struct Nodes {
    postgres: Postgres,
    hearing: Hearing,
    /// Tells one's own signals from those of others.
    origin: String,
    gathered: Mutex<HashSet<Signal>>,
    waiting: Notify,
}

impl Nodes {
    pub fn new(postgres: Postgres, hearing: Hearing) -> Self {
        let origin = format!("{:016x}", random());
        Self { postgres, hearing, origin, gathered: Mutex::default(), waiting: Notify::new() }
    }

    /// To be told soon.
    pub fn tell(&self, signal: Signal) {
        let mut gathered = lock(&self.gathered);
        if gathered.contains(&Signal::Missed) {
            return;
        }
        if gathered.len() >= MAX_GATHERED {
            gathered.clear();
            gathered.insert(Signal::Missed);
        } else {
            gathered.insert(signal);
        }
        drop(gathered);
        self.waiting.notify_one();
    }

    /// Carries to the others what is told, until it is dropped.
    pub async fn carry(&self) {
        loop {
            // Were nobody told anything for long, nobody would know whether listening still works.
            let _ = tokio::time::timeout(SIGN_OF_LIFE, self.waiting.notified()).await;
            tokio::time::sleep(GATHER).await;
            let gathered = std::mem::take(&mut *lock(&self.gathered));
            let signals: Vec<String> = gathered.into_iter().map(encode).collect();
            let told = match self.hearing {
                Hearing::ByLooking if signals.is_empty() => continue,
                Hearing::ByLooking => self.write_down(signals).await,
                Hearing::FromWhereItTells | Hearing::From(_) => self.notify(signals).await,
            };
            if let Err(error) = told {
                tracing::debug!(%error, "telling other nodes of a change failed; they will poll");
            }
        }
    }

    /// Hears what others tell, until it is dropped.
    pub async fn hear(&self, local: &broadcast::Sender<Signal>) {
        loop {
            let ended = match &self.hearing {
                Hearing::ByLooking => self.look(local).await,
                Hearing::FromWhereItTells | Hearing::From(_) => self.listen(local).await,
            };
            if let Err(error) = ended {
                tracing::warn!(%error, "hearing of changes of other nodes failed; polling goes on");
            }
            tokio::time::sleep(RECONNECT).await;
            let _ = local.send(Signal::Missed);
        }
    }

    async fn notify(&self, signals: Vec<String>) -> Result<()> {
        let mut payloads: Vec<String> = signals.iter().map(|signal| format!("{} {signal}", self.origin)).collect();
        if payloads.is_empty() {
            payloads.push(format!("{} here", self.origin));
        }
        let sql = "SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload";
        self.postgres.run(sql.to_owned(), with(CHANNEL.to_owned(), payloads)?).await?;
        Ok(())
    }

    async fn listen(&self, local: &broadcast::Sender<Signal>) -> Result<()> {
        let since = self.postgres.in_use_since();
        let options = match &self.hearing {
            Hearing::From(servers) => match servers.find().await {
                Some((_, options)) => options,
                None => return Err(StoreError::Unavailable("no server to listen to takes writes".into())),
            },
            _ => self.postgres.connect_options(),
        };
        // A pool of its own: one that has fallen silent could not be given back to that of everybody.
        let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(CONNECT_LIMIT);
        let mut listener = PgListener::connect_with(&pool.connect_with(options).await?).await?;
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        loop {
            let heard = tokio::select! {
                heard = tokio::time::timeout(SILENCE_LIMIT, listener.try_recv()) => heard,
                () = self.postgres.moves_from(since) => return Ok(()),
            };
            let silent = |_| StoreError::Unavailable("nothing was heard for too long".into());
            let Some(notification) = heard.map_err(silent)?? else { return Ok(()) };
            let Some((origin, signal)) = notification.payload().split_once(' ') else { continue };
            if origin != self.origin
                && let Some(signal) = decode(signal)
            {
                let _ = local.send(signal);
            }
        }
    }

    async fn write_down(&self, signals: Vec<String>) -> Result<()> {
        let sql = format!(
            "INSERT INTO signals (origin, signal, told_at) \
            SELECT $1, signal, {NOW} FROM unnest($2::text[]) AS signal \
             ON CONFLICT (origin, signal) DO UPDATE SET told_at = excluded.told_at"
        );
        self.postgres.run(sql, with(self.origin.clone(), signals)?).await?;
        Ok(())
    }

    async fn look(&self, local: &broadcast::Sender<Signal>) -> Result<()> {
        let mut heard: HashMap<(String, String), i64> = HashMap::new();
        let mut looked_at: Option<Instant> = None;
        for round in 0_u32.. {
            let started = Instant::now();
            let found = self.recently_told().await?;
            let is_first = looked_at.is_none();
            // What was told before anybody could hear it has been looked for already; a longer break may hide something.
            let has_missed = looked_at.is_some_and(|before| before.elapsed() > LOOK_BACK / 2)
                || i64::try_from(found.len()).is_ok_and(|found| found >= MAX_HEARD);
            if has_missed {
                let _ = local.send(Signal::Missed);
            }
            for (key, told_at) in &found {
                if !is_first
                    && heard.get(key) != Some(told_at)
                    && let Some(signal) = decode(&key.1)
                {
                    let _ = local.send(signal);
                }
            }
            heard = found;
            looked_at = Some(started);
            if round % FORGET_EVERY == FORGET_EVERY - 1 {
                self.forget().await?;
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    async fn recently_told(&self) -> Result<HashMap<(String, String), i64>> {
        let sql = format!(
            "SELECT origin, signal, told_at FROM signals \
             WHERE origin <> $1 AND told_at > {NOW} - {} LIMIT {MAX_HEARD}",
            LOOK_BACK.as_micros()
        );
        let mut arguments = PgArguments::default();
        arguments.add(self.origin.clone()).map_err(sqlx::Error::Encode)?;
        let rows = self.postgres.run(sql, arguments).await?.rows;
        rows.iter().map(|row| Ok(((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?))).collect()
    }

    async fn forget(&self) -> Result<()> {
        let sql = format!(
            "DELETE FROM signals WHERE (origin, signal) IN (SELECT origin, signal FROM signals \
             WHERE told_at < {NOW} - {} FOR UPDATE SKIP LOCKED)",
            FORGET.as_micros()
        );
        self.postgres.run(sql, PgArguments::default()).await?;
        Ok(())
    }
}

fn with(text: String, texts: Vec<String>) -> Result<PgArguments> {
    let mut arguments = PgArguments::default();
    arguments.add(text).map_err(sqlx::Error::Encode)?;
    arguments.add(texts).map_err(sqlx::Error::Encode)?;
    Ok(arguments)
}
